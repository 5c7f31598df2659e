//! The writer's steps: mark before the commit, post after it. Both wait for a Redis that is late.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::{error::Elapsed, timeout};

use super::call::call;
use super::groups::Group;
use super::hold::{Hold, Share};
use super::lanes::{Outcome, Step, Together, Turn};
use super::link::LinkError;
use super::reply::Reply;
use super::{Epoch, RedisStore, random, refused};
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

/// What a writer has marked.
pub(super) struct Held {
    epoch: Arc<Epoch>,
    shares: Vec<Share>,
}

/// The slots whose last scripts somebody must send.
pub(crate) struct Posts {
    epoch: Arc<Epoch>,
    slots: Vec<Arc<str>>,
}

impl RedisStore {
    /// As [`Store::mark`](super::Store::mark); `token` is the writer's name for it.
    ///
    /// # Errors
    /// A sentence, when some table could not be marked.
    pub(crate) async fn mark(&self, deps: &[Dep], token: u128) -> Result<(), String> {
        let epoch = self.epoch().ok_or("there is no epoch")?;
        let begin = Instant::now();
        let (mut shares, unmarked) = epoch.holds.share(&self.widened(deps));
        if !unmarked.is_empty() {
            let steps = self.slots.spread(&unmarked).into_iter();
            let steps = steps.map(|(slot, marks)| Step {
                slot,
                marks: marks.into(),
                lost: None,
            });
            let marks = steps.map(|step| self.mark_slot(&epoch, step, begin));
            for marked in join_all(marks).await {
                shares.extend(marked?);
            }
        }
        self.held().insert(token, Held { epoch, shares });
        Ok(())
    }

    /// Whole tables where only writers are about.
    fn widened<'d>(&self, deps: &'d [Dep]) -> Cow<'d, [Dep]> {
        let only_written = |dep: &Dep| dep.table().is_some_and(|it| self.crowds.only_writes(it));
        if !deps.iter().any(only_written) {
            return deps.into();
        }
        let widened = deps.iter().map(|dep| match dep {
            Dep::Row(table, _) | Dep::List(table) | Dep::Part(table, _) if only_written(dep) => {
                Dep::Table(table.clone())
            }
            other => other.clone(),
        });
        widened.collect::<BTreeSet<_>>().into_iter().collect()
    }

    async fn mark_slot(
        &self,
        epoch: &Arc<Epoch>,
        mut step: Step,
        begin: Instant,
    ) -> Result<Vec<Share>, String> {
        if lives(Mutant::NoMark) || lives(Mutant::StampAtStore) {
            let hold = || Hold::new(&step.slot, random());
            let shares = step.marks.iter().map(|dep| Share::of(dep, &hold()));
            return Ok(shares.collect());
        }
        let late = |_| refused(LinkError::Down);
        let mut marked = self.write(epoch, &step, MARK).await.map_err(late)?;
        if marked.reply == Err(LinkError::Down) {
            // It may be done all the same.
            step.lost = Some(marked.token);
            // Whoever has found Redis silent has waited enough.
            let patience = RESTORED.saturating_sub(begin.elapsed());
            self.link.restored(patience).await;
            let patience = MARK.saturating_sub(begin.elapsed());
            marked = self.write(epoch, &step, patience).await.map_err(late)?;
        }
        match marked.reply {
            Ok(Reply::Done) => Ok(marked.shares),
            Ok(Reply::Fenced) => Err("Redis has lost the epoch".to_owned()),
            Ok(_) => Err("Redis answers what it never should".to_owned()),
            Err(error) => Err(refused(error)),
        }
    }

    /// As [`Store::post`](super::Store::post), but that somebody must [send](Self::end) it; `None`: another does.
    pub(crate) fn post(&self, token: u128) -> Option<Posts> {
        let Held { epoch, shares } = self.held().remove(&token)?;
        // An epoch takes its tokens along.
        let is_on = self.epoch().is_some_and(|on| Arc::ptr_eq(&on, &epoch));
        if !is_on || lives(Mutant::DeleteBefore) {
            return None;
        }
        let mut slots = Vec::new();
        for end in shares.into_iter().filter_map(Share::leave) {
            let slot = Arc::clone(&end.slot);
            if epoch.lanes.end(end) {
                slots.push(slot);
            }
        }
        (!slots.is_empty()).then_some(Posts { epoch, slots })
    }

    /// Sends what has ended, until nothing is left.
    pub(crate) async fn end(&self, posts: Posts) {
        let Posts { epoch, slots } = &posts;
        let sweep = async |slot: &Arc<str>| {
            while !epoch.lanes.all_sent(slot) {
                self.take_turn(epoch, slot, epoch.lanes.turn(slot).await)
                    .await;
            }
        };
        join_all(slots.iter().map(sweep)).await;
    }

    /// As [`Store::abandon`](super::Store::abandon).
    pub(crate) fn abandon(&self, token: u128) {
        self.held().remove(&token);
    }

    /// Waits this long until it is done.
    async fn write(
        &self,
        epoch: &Arc<Epoch>,
        step: &Step,
        patience: Duration,
    ) -> Result<Outcome, Elapsed> {
        let written = async {
            let mut outcome = epoch.lanes.wait(step.clone());
            loop {
                tokio::select! {
                    biased;
                    told = &mut outcome => match told {
                        Ok(told) => return told,
                        Err(_) => outcome = epoch.lanes.wait(step.clone()),
                    },
                    turn = epoch.lanes.turn(&step.slot) => self.take_turn(epoch, &step.slot, turn).await,
                }
            }
        };
        timeout(patience, written).await
    }

    /// One script, for all who wait and all that has ended.
    async fn take_turn(&self, epoch: &Arc<Epoch>, slot: &Arc<str>, turn: Turn<'_>) {
        let together = Together::of(&turn);
        if together.deps.is_empty() {
            return;
        }
        let (token, sent) = (random(), Instant::now());
        let scripts = &epoch.scripts;
        let group = Group {
            slot: Arc::clone(slot),
            deps: together.deps.iter().map(ToString::to_string).collect(),
        };
        let mut call = call(&scripts.write, &scripts.epoch, &group, None);
        call.arg(&random()[..]).arg(&token[..]).arg(together.marked);
        for go in &together.go {
            call.arg(&go[..]);
        }
        let answer = self.link.tell(&call, MARK).await;
        let mut reply = self.read_reply(answer).await;
        if reply == Ok(Reply::DoneAndRead) {
            reply = Ok(Reply::Done);
            self.crowds.read_elsewhere(slot);
        }
        let mut holds = BTreeMap::new();
        if reply == Ok(Reply::Done) {
            self.crowds.wrote(slot, turn.steps.len());
            for dep in &together.deps[..together.marked] {
                if let Dep::Table(table) = dep {
                    let table = table.to_string();
                    metrics::counter!("cache_tables_marked_total", "table" => table).increment(1);
                }
                let hold = Hold::new(slot, token);
                holds.insert((*dep).clone(), hold);
            }
            epoch.holds.offer(&holds, sent);
        }
        let outcome = |step: &Step| {
            let marks = step.marks.iter();
            let shares = marks.filter_map(|dep| Some(Share::of(dep, holds.get(dep)?)));
            Outcome {
                reply: reply.clone(),
                token,
                shares: shares.collect(),
            }
        };
        let outcomes: Vec<_> = turn.steps.iter().map(|it| outcome(&it.step)).collect();
        // Nobody but the writers holds them when the first of them leaves.
        drop(holds);
        for (waiting, outcome) in turn.steps.into_iter().zip(outcomes) {
            // Who went away hears nothing.
            let _ = waiting.outcome.send(outcome);
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u128, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
