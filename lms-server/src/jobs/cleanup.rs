//! Removes what nobody can use any more: refresh tokens, answers to requests with a key.

use crud_core::{
    jobs::{Job, JobContext, JobError},
    once,
    prelude::*,
};

use crate::{Lms, sessions};

/// Removes refresh tokens that have expired.
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

/// Removes the answers whose `Idempotency-Key` has expired.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CleanUpExpiredKeys {}

impl Job for CleanUpExpiredKeys {
    type State = Lms;
    const NAME: &'static str = "cleanup_expired_keys";

    async fn run(&self, cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        match once::purge_expired(cx.state.app.db(), Timestamp::now()).await {
            Ok(removed) => {
                tracing::info!(removed, "expired keys are gone");
                Ok(())
            }
            Err(error) => Err(JobError::retry(error)),
        }
    }
}
