//! Where this repository keeps what `lms-server new` and `lms-server migrate --new` write.
//!
//! Both are for a developer in a checkout; the server never calls them.

use std::path::Path;

use crud_core::db::DbError;
use crud_scaffold::{EntityPlan, Layout, Plan, Repository, Scripts};

use crate::{MIGRATIONS, entities};

/// This repository's folders and files.
pub const LAYOUT: Layout = Layout {
    entities: "lms-server/src/entities",
    schema: "migrations/src/schema.rs",
    migrations_list: "migrations/src/lib.rs",
    migrations: "migrations",
    tests: "tests/tests",
    authors: Some("users"),
    is_admin: "crate::roles::is_admin",
};

/// Plans a new entity; with `write`, writes it too.
///
/// # Errors
/// A sentence that says what is wrong, there already, or cannot be written.
pub fn entity(
    folder: &Path,
    name: &str,
    fields: &[String],
    endpoint: Option<&str>,
    write: bool,
) -> Result<Plan, String> {
    let repository = Repository::around(folder, LAYOUT)?;
    let plan = repository.entity(EntityPlan::new(name, fields, endpoint)?)?;
    if write {
        repository.write(&plan)?;
    }
    Ok(plan)
}

/// Writes a migration with these scripts.
///
/// # Errors
/// As [`entity`].
pub fn migration(folder: &Path, name: &str, scripts: Scripts) -> Result<Plan, String> {
    let repository = Repository::around(folder, LAYOUT)?;
    let plan = repository.migration(name, scripts)?;
    repository.write(&plan)?;
    Ok(plan)
}

/// What leads from the migrations of this program to its declarations; nothing if they agree.
///
/// # Errors
/// If a migration fails.
pub async fn difference() -> Result<Option<Scripts>, DbError> {
    let registry = entities::registry();
    let mut tables = registry.tables();
    tables.extend(crud_core::jobs::tables());
    tables.extend(crud_core::once::tables());
    tables.extend(crud_core::history::tables());
    crud_scaffold::due(&MIGRATIONS, &tables, &registry).await
}
