//! Removes refresh tokens that nobody can use any more.

use crud_core::{
    jobs::{Job, JobContext, JobError},
    prelude::*,
};

use crate::{Lms, sessions};

/// Removes what has expired.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CleanUpExpiredTokens {}

impl Job for CleanUpExpiredTokens {
    type State = Lms;
    const NAME: &'static str = "cleanup_expired_tokens";

    async fn run(&self, cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        let db = cx.state.app.db();
        match sessions::purge_expired(db, Timestamp::now()).await {
            Ok(removed) => {
                tracing::info!(removed, "expired tokens are gone");
                Ok(())
            }
            Err(error) => Err(JobError::retry(error)),
        }
    }
}
