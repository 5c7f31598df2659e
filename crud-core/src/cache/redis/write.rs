//! The writer's steps: mark before the commit, post after it.

use std::time::Duration;

use futures_util::future::join_all;
use redis::Script;

use super::call::Call;
use super::groups::Group;
use super::link::LinkError;
use super::reply::Reply;
use super::{RedisStore, random, refused};
use crate::cache::store::Dep;

/// How long a writer waits before it tries once more.
const MARK: Duration = Duration::from_millis(250);
/// How long anything waits after a commit.
pub(super) const POST: Duration = Duration::from_millis(100);

impl RedisStore {
    /// As [`Store::mark`](super::Store::mark), under this token.
    ///
    /// # Errors
    /// A sentence, when some table could not be marked.
    pub(crate) async fn mark(&self, deps: &[Dep], token: u128) -> Result<(), String> {
        let scripts = self.scripts().ok_or("there is no epoch")?;
        let groups = self.slots.spread(deps);
        let marks = groups.iter().map(|group| async {
            let mark = || self.write(&scripts.mark, &scripts.epoch, group, token, MARK);
            match mark().await {
                Err(LinkError::Down) => {
                    self.link.restored(MARK).await;
                    mark().await
                }
                other => other,
            }
        });
        for marked in join_all(marks).await {
            match marked {
                Ok(Reply::Done) => {}
                Ok(Reply::Fenced) => return Err("Redis has lost the epoch".to_owned()),
                Ok(_) => return Err("Redis answers what it never should".to_owned()),
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    /// As [`Store::post`](super::Store::post).
    pub(crate) async fn post(&self, deps: &[Dep], token: u128) -> bool {
        let Some(scripts) = self.scripts() else {
            return false;
        };
        let groups = self.slots.spread(deps);
        let posts = groups
            .iter()
            .map(|group| self.write(&scripts.post, &scripts.epoch, group, token, POST));
        let posted = join_all(posts).await;
        posted.into_iter().all(|reply| reply == Ok(Reply::Done))
    }

    async fn write(
        &self,
        script: &Script,
        epoch: &str,
        group: &Group,
        token: u128,
        patience: Duration,
    ) -> Result<Reply, LinkError> {
        let mut call = Call::new(script, epoch, group, None);
        call.arg(format!("{token:032x}").as_bytes()).arg(&random());
        self.send(call, patience).await
    }
}
