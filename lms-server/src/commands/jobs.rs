//! `jobs`: what an operator sees of jobs and does about dead ones.

use anyhow::{Result, bail};
use crud_core::jobs::{self, JobState};
use lms_server::progress::say;

use super::{configured, connected, print};

/// Prints jobs in one state, one line of JSON each.
pub(crate) async fn list(state: JobState, most: i64) -> Result<()> {
    let lms = connected(&configured()?).await?;
    for job in jobs::list(lms.app.db(), state, None, most.max(1)).await? {
        print(&serde_json::to_string(&job)?)?;
    }
    Ok(())
}

/// Puts dead jobs back in the queue: these, or all if none is named.
pub(crate) async fn retry(ids: Vec<i64>) -> Result<()> {
    let lms = connected(&configured()?).await?;
    let db = lms.app.db();
    if ids.is_empty() {
        let count = jobs::retry_all(db).await?;
        say(&format!("{count} jobs are in the queue again"));
        return Ok(());
    }
    for id in ids {
        if !jobs::retry(db, id).await? {
            bail!("there is no dead job {id}");
        }
        say(&format!("job {id} is in the queue again"));
    }
    Ok(())
}
