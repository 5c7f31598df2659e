//! The writer's steps: mark before the commit, post after it. Both wait for a Redis that is late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::call::call;
use super::lanes::{Outcome, Step, Waited, together};
use super::link::LinkError;
use super::reply::Reply;
use super::script::Scripts;
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
        let begin = Instant::now();
        let marks = self
            .steps(&scripts, deps, token, false)
            .map(|step| async move {
                let mark = || self.write(&step, MARK.saturating_sub(begin.elapsed()));
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
        let posts = self
            .steps(&scripts, deps, token, true)
            .map(|step| async move { self.write(&step, MARK).await });
        let posted = join_all(posts).await;
        posted.into_iter().all(|reply| reply == Ok(Reply::Done))
    }

    /// One for each slot.
    fn steps(
        &self,
        scripts: &Arc<Scripts>,
        deps: &[Dep],
        token: u128,
        ends: bool,
    ) -> impl Iterator<Item = Step> {
        let groups = self.slots.spread(deps).into_iter();
        let scripts = Arc::clone(scripts);
        groups.map(move |group| Step {
            scripts: Arc::clone(&scripts),
            group: Arc::new(group),
            token: token.to_be_bytes(),
            ends,
        })
    }

    async fn write(&self, step: &Step, patience: Duration) -> Outcome {
        let written = async {
            match self.lanes.wait(step).await {
                Waited::Done(outcome) => outcome,
                Waited::Turn(turn) => {
                    let outcome = self.send_all(&turn.steps).await;
                    turn.tell(&outcome);
                    outcome
                }
            }
        };
        timeout(patience, written)
            .await
            .unwrap_or(Err(LinkError::Down))
    }

    /// One script for steps of one slot and epoch.
    async fn send_all(&self, steps: &[Step]) -> Outcome {
        let scripts = &steps[0].scripts;
        let (group, tokens) = together(steps);
        let mut call = call(&scripts.write, &scripts.epoch, &group, None);
        call.arg(&random()[..]);
        for tokens in &tokens {
            call.arg(&tokens.come[..]).arg(&tokens.go[..]);
        }
        let answer = self.link.tell(&call, MARK).await;
        self.read_reply(answer).await
    }
}
