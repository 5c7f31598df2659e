//! `migrate`: brings the schema up, or takes migrations back.

use anyhow::Result;
use lms_server::{MIGRATIONS, progress::say};

use super::{configured, connected};

pub(crate) async fn run(down: Option<usize>) -> Result<()> {
    let lms = connected(&configured()?).await?;
    let (done, verb) = match down {
        Some(steps) => (lms.app.db().revert(&MIGRATIONS, steps).await?, "taken back"),
        None => (lms.migrate().await?, "applied"),
    };
    for (_, name) in &done {
        say(&format!("{name} {verb}"));
    }
    say(&format!("{} migrations {verb}", done.len()));
    Ok(())
}
