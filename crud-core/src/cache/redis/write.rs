//! The writer's steps: mark before the commit, post after it. Both wait for a Redis that is late.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::Script;

use super::call::call;
use super::groups::Group;
use super::link::LinkError;
use super::reply::Reply;
use super::{RedisStore, random, refused};
use crate::cache::{
    mutant::{Mutant, lives},
    store::Dep,
};

/// How long a writer waits for Redis in all, while Redis lives.
///
/// A late mark is a mark. Its writer looked at the permit after BEGIN and its transaction is open until the mark is
/// there, so an epoch that begins meanwhile waits for it: the protocol's steps have no time (`tests/model`). What has
/// one is the token, which lasts 15 s from when Redis has it, at the latest from the answer; the transaction ends
/// before, since PostgreSQL ends it after 5 s without a statement. This, the switch (2 s) and the permits (1.05 s), all
/// waited for in turn, stay below these 5 s.
const MARK: Duration = Duration::from_millis(1_500);
/// How long a writer whose connection is gone waits for the next.
const RESTORED: Duration = Duration::from_millis(250);

impl RedisStore {
    /// As [`Store::mark`](super::Store::mark), under this token.
    ///
    /// # Errors
    /// A sentence, when some table could not be marked.
    pub(crate) async fn mark(&self, deps: &[Dep], token: u128) -> Result<(), String> {
        let scripts = self.scripts().ok_or("there is no epoch")?;
        if lives(Mutant::NoMark) || lives(Mutant::StampAtStore) {
            return Ok(());
        }
        let groups = self.slots.spread(deps);
        let begin = Instant::now();
        let marks = groups.iter().map(|group| async {
            let left = || MARK.saturating_sub(begin.elapsed());
            let mark = || self.write(&scripts.mark, &scripts.epoch, group, token, left());
            match mark().await {
                Err(LinkError::Down) => {
                    // Whoever has found Redis silent has waited enough.
                    self.link
                        .restored(RESTORED.saturating_sub(begin.elapsed()))
                        .await;
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
        if lives(Mutant::DeleteBefore) {
            return true;
        }
        let groups = self.slots.spread(deps);
        let posts = groups
            .iter()
            .map(|group| self.write(&scripts.post, &scripts.epoch, group, token, MARK));
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
        let mut call = call(script, epoch, group, None);
        call.arg(&token.to_be_bytes()[..]).arg(&random()[..]);
        let answer = self.link.tell(&call, patience).await;
        self.read_reply(answer).await
    }
}
