//! The writer's steps: mark before the commit, post after it. Both wait for a Redis that is late.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::{error::Elapsed, timeout};

use super::call::call;
use super::convoy::Convoy;
use super::groups::Group;
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

/// What a writer has marked in one slot, and with whom.
pub(super) struct Held {
    scripts: Arc<Scripts>,
    group: Arc<Group>,
    convoy: Arc<Convoy>,
}

/// What is to be sent when a writer has posted who was the last of his convoy.
pub(crate) struct Posts(Vec<Step>);

impl RedisStore {
    /// As [`Store::mark`](super::Store::mark); `token` is the writer's name for it.
    ///
    /// # Errors
    /// A sentence, when some table could not be marked.
    pub(crate) async fn mark(&self, deps: &[Dep], token: u128) -> Result<(), String> {
        let scripts = self.scripts().ok_or("there is no epoch")?;
        let begin = Instant::now();
        let groups = self.slots.spread(deps).into_iter();
        let steps = groups.map(|group| Step {
            scripts: Arc::clone(&scripts),
            group: Arc::new(group),
            marks: true,
            ends: Vec::new(),
        });
        let held = join_all(steps.map(|step| self.mark_slot(step, begin))).await;
        let held = held.into_iter().collect::<Result<Vec<_>, String>>()?;
        self.held().insert(token, held);
        Ok(())
    }

    async fn mark_slot(&self, mut step: Step, begin: Instant) -> Result<Held, String> {
        let held = |convoy, step: Step| Held {
            scripts: step.scripts,
            group: step.group,
            convoy,
        };
        if lives(Mutant::NoMark) || lives(Mutant::StampAtStore) {
            let convoy = Convoy::of(std::slice::from_ref(&step));
            return Ok(held(Arc::new(convoy), step));
        }
        let late = |_| refused(LinkError::Down);
        let mut marked = self.write(&step, MARK).await.map_err(late)?;
        if marked.reply == Err(LinkError::Down) {
            // It may be done all the same.
            step.ends.push(marked.convoy.token);
            // Whoever has found Redis silent has waited enough.
            let patience = RESTORED.saturating_sub(begin.elapsed());
            self.link.restored(patience).await;
            let patience = MARK.saturating_sub(begin.elapsed());
            marked = self.write(&step, patience).await.map_err(late)?;
        }
        match marked.reply {
            Ok(Reply::Done) => Ok(held(marked.convoy, step)),
            Ok(Reply::Fenced) => Err("Redis has lost the epoch".to_owned()),
            Ok(_) => Err("Redis answers what it never should".to_owned()),
            Err(error) => Err(refused(error)),
        }
    }

    /// As [`Store::post`](super::Store::post), but for what [`end`](Self::end) does; `None`: there is nothing to send.
    pub(crate) fn post(&self, token: u128) -> Option<Posts> {
        let held = self.held().remove(&token)?;
        let scripts = self.scripts()?;
        if lives(Mutant::DeleteBefore) {
            return None;
        }
        // An epoch takes its tokens along.
        let held = held
            .into_iter()
            .filter(|held| Arc::ptr_eq(&held.scripts, &scripts));
        let ended = held.filter_map(|held| {
            let deps = held.convoy.leave(&held.group.deps);
            (!deps.is_empty()).then(|| Step {
                scripts: held.scripts,
                group: Arc::new(Group {
                    slot: held.group.slot.clone(),
                    deps,
                }),
                marks: false,
                ends: vec![held.convoy.token],
            })
        });
        let steps: Vec<_> = ended.collect();
        (!steps.is_empty()).then_some(Posts(steps))
    }

    /// Ends the doubt.
    pub(crate) async fn end(&self, posts: Posts) -> bool {
        let posts = posts.0.iter().map(|step| self.write(step, MARK));
        let posted = join_all(posts).await;
        let is_done =
            |posted: Result<Outcome, _>| posted.is_ok_and(|it| it.reply == Ok(Reply::Done));
        posted.into_iter().all(is_done)
    }

    /// As [`Store::abandon`](super::Store::abandon).
    pub(crate) fn abandon(&self, token: u128) {
        self.held().remove(&token);
    }

    /// Waits this long until it is done.
    pub(super) async fn write(&self, step: &Step, patience: Duration) -> Result<Outcome, Elapsed> {
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
        timeout(patience, written).await
    }

    /// One script for steps of one slot and epoch.
    async fn send_all(&self, steps: &[Step]) -> Outcome {
        let scripts = &steps[0].scripts;
        let convoy = Convoy::of(steps);
        let (group, tokens) = together(steps);
        let mut call = call(&scripts.write, &scripts.epoch, &group, None);
        call.arg(&random()[..]).arg(&convoy.token[..]);
        for tokens in &tokens {
            call.arg(if tokens.comes { "1" } else { "" })
                .arg(&tokens.go[..]);
        }
        let answer = self.link.tell(&call, MARK).await;
        Outcome {
            reply: self.read_reply(answer).await,
            convoy: Arc::new(convoy),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u128, Vec<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
