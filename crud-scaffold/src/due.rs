//! The migration that is due: what the declared tables ask for beyond an application's migrations, as files.
//!
//! An application's command calls it. It compares on an SQLite database in memory, and so needs no other.

use std::path::Path;

use crud_core::{
    Db, DbConfig, Registry,
    db::{DbResult, Migrations, TableShape},
};

use crate::{Layout, Plan, Repository, Scripts, between};

/// What leads from the migrations to the declared tables; nothing if they agree. `tables` are those of the registry, and
/// others that the application declares.
///
/// # Errors
/// If a migration fails.
///
/// ```
/// use crud_core::{Registry, db::{DbResult, Migrations}};
/// use crud_scaffold::due;
///
/// /// For a test: nobody has forgotten a migration.
/// async fn nothing_is_due(migrations: &Migrations, registry: &Registry) -> DbResult<()> {
///     assert_eq!(due(migrations, &registry.tables(), registry).await?, None);
///     Ok(())
/// }
/// ```
pub async fn due(
    migrations: &Migrations,
    tables: &[TableShape],
    registry: &Registry,
) -> DbResult<Option<Scripts>> {
    let db = Db::connect(&DbConfig::new("sqlite::memory:")).await?;
    db.migrate(migrations).await?;
    between(&db, tables, registry).await
}

/// Writes the migration that a registry asks for into the repository around a folder, and says what was written.
///
/// # Errors
/// A sentence: there is nothing to write, a migration fails, or a file cannot be written.
///
/// ```
/// use crud_core::{Registry, db::Migrations};
/// use crud_scaffold::{Layout, write_migration};
/// use std::path::Path;
///
/// /// The command `migrate --new NAME`.
/// async fn new_migration(name: &str, migrations: &Migrations, registry: &Registry) -> Result<(), String> {
///     let plan = write_migration(Path::new("."), Layout::CRATE, name, migrations, registry).await?;
///     println!("{plan}");
///     Ok(())
/// }
/// ```
pub async fn write_migration(
    folder: &Path,
    layout: Layout,
    name: &str,
    migrations: &Migrations,
    registry: &Registry,
) -> Result<Plan, String> {
    let scripts = due(migrations, &registry.tables(), registry).await;
    let Some(scripts) = scripts.map_err(|error| error.to_string())? else {
        return Err("the migrations give the declared tables already".to_owned());
    };
    let repository = Repository::around(folder, layout)?;
    let plan = repository.migration(name, scripts)?;
    repository.write(&plan)?;
    Ok(plan)
}
