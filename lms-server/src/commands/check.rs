//! `check`: fails when a table and its declaration have drifted apart.

use anyhow::{Result, bail};
use lms_server::{MIGRATIONS, progress::say};

use super::{configured, connected};

pub(crate) async fn run() -> Result<()> {
    let lms = connected(&configured()?).await?;
    let db = lms.app.db();
    let pending = db.pending(&MIGRATIONS).await?;
    if !pending.is_empty() {
        bail!(
            "{} migrations are not applied: run `lms-server migrate`",
            pending.len()
        );
    }
    let mut tables = lms.app.registry().tables();
    tables.extend(crud_core::jobs::tables());
    tables.extend(crud_core::once::tables());
    tables.extend(crud_core::history::tables());
    let mut drift = db.drift(&tables).await?;
    drift.extend(db.drift_of_words(&lms.app.registry().words()).await?);
    if !drift.is_empty() {
        bail!(
            "the database and the declarations differ:\n{}",
            drift.join("\n")
        );
    }
    say("the database is as declared");
    Ok(())
}
