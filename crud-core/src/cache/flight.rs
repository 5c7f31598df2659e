//! Loads that several readers share: however many ask for a body at the same moment, the database is asked once.
//!
//! A reader may share a load only if that load began under the stamps which the reader has seen, or begins after the
//! reader came. Joining by the key alone would serve someone who came after a write a load from before it. Loads run in
//! tasks of their own, so a reader who goes away takes nothing from the others.

use std::{
    collections::{HashMap, hash_map::Entry as Slot},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Failed, Load, Loaded, Stamps,
    mutant::{Mutant, lives},
};

/// A load that takes longer is remembered as a dear one, up to so many of them, for so long.
const DEAR: Duration = Duration::from_millis(2);
const MAX_DEAR: u64 = 10_000;
const DEAR_FOR: Duration = Duration::from_secs(60);

/// Locks, so that readers of different bodies do not wait for each other.
const SHARDS: usize = 16;

type Done = Result<Bytes, Failed>;
type Flight = Shared<BoxFuture<'static, Done>>;

/// The loads that are under way.
pub(super) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    /// How long the last load of a body took, of those that take long, by the key's hash.
    dear: moka::sync::Cache<u64, Duration>,
}

#[derive(Default)]
struct Shard {
    /// Loads that will fill, by what they fill and the stamps they began under.
    clean: HashMap<(Bytes, Stamps), Flight>,
    /// Loads that will not.
    bypass: HashMap<Bytes, Lane>,
}

/// One load runs; at most one other waits, and only that one can still be joined.
struct Lane {
    running: Flight,
    next: Option<Flight>,
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            dear: moka::sync::Cache::builder()
                .max_capacity(MAX_DEAR)
                .time_to_live(DEAR_FOR)
                .build(),
        }
    }

    /// Runs a load, and remembers it if it takes long.
    pub(super) async fn timed(&self, key: &Bytes, load: Load) -> Result<Loaded, Failed> {
        let began = Instant::now();
        let loaded = load.await;
        let took = began.elapsed();
        if took >= DEAR {
            self.dear.insert(self.hasher.hash_one(key), took);
        }
        loaded
    }

    /// How long the last load of this body took; zero if not long.
    pub(super) fn took(&self, key: &Bytes) -> Duration {
        let took = self.dear.get(&self.hasher.hash_one(key));
        took.unwrap_or_default()
    }

    /// Joins the load of this body under these stamps, or starts it.
    pub(super) fn clean<L>(self: &Arc<Self>, key: &Bytes, stamps: &Stamps, load: L) -> Flight
    where
        L: FnOnce() -> BoxFuture<'static, Done>,
    {
        let stamps = match lives(Mutant::KeyOnlyFlight) {
            true => Stamps(Arc::new([])),
            false => stamps.clone(),
        };
        let id = (key.clone(), stamps);
        match self.shard(key).clean.entry(id) {
            Slot::Occupied(known) => known.get().clone(),
            Slot::Vacant(slot) => {
                let landed = Landed(Arc::clone(self), Some(slot.key().clone()));
                slot.insert(launch(load(), landed)).clone()
            }
        }
    }

    /// Joins a load of this body that has not started, or starts one, and tells it whether it had to wait for its turn.
    /// Two are there at most: the one that is running, and the one that everybody else waits for.
    pub(super) fn next<L>(self: &Arc<Self>, key: &Bytes, load: L) -> Flight
    where
        L: FnOnce(bool) -> BoxFuture<'static, Done>,
    {
        match self.shard(key).bypass.entry(key.clone()) {
            Slot::Vacant(slot) => {
                let landed = OutOfLane(Arc::clone(self), key.clone());
                let running = launch(load(false), landed);
                slot.insert(Lane {
                    running,
                    next: None,
                })
                .running
                .clone()
            }
            Slot::Occupied(mut known) => {
                let lane = known.get_mut();
                if let Some(next) = &lane.next {
                    return next.clone();
                }
                let (flights, key, before) = (Arc::clone(self), key.clone(), lane.running.clone());
                let load = load(true);
                let landed = OutOfLane(Arc::clone(self), key.clone());
                let queued = async move {
                    let _ = before.await;
                    // From here on nobody can join.
                    flights.promote(&key);
                    load.await
                };
                let next = launch(Box::pin(queued), landed);
                lane.next = Some(next.clone());
                next
            }
        }
    }

    fn promote(&self, key: &Bytes) {
        if let Some(lane) = self.shard(key).bypass.get_mut(key)
            && let Some(next) = lane.next.take()
        {
            lane.running = next;
        }
    }

    fn shard(&self, key: &Bytes) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key);
        // The remainder is below SHARDS, which fits.
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a load in a task of its own; `landed` is dropped when it is over, however it ends.
fn launch<G: Send + 'static>(load: BoxFuture<'static, Done>, landed: G) -> Flight {
    let (done, waiting) = oneshot::channel();
    tokio::spawn(async move {
        let loaded = load.await;
        // Off the list first: whoever comes now finds what was filled, or begins anew.
        drop(landed);
        let _ = done.send(loaded);
    });
    // A task that panicked drops its end.
    waiting
        .map(|done| done.unwrap_or(Err(Failed::Lost)))
        .boxed()
        .shared()
}

/// Takes a flight off the list.
struct Landed(Arc<Flights>, Option<(Bytes, Stamps)>);

impl Drop for Landed {
    fn drop(&mut self) {
        if let Some(id) = self.1.take() {
            self.0.shard(&id.0).clean.remove(&id);
        }
    }
}

/// Takes a lane off the list, unless another load waits in it.
struct OutOfLane(Arc<Flights>, Bytes);

impl Drop for OutOfLane {
    fn drop(&mut self) {
        let mut shard = self.0.shard(&self.1);
        if shard
            .bypass
            .get(&self.1)
            .is_some_and(|lane| lane.next.is_none())
        {
            shard.bypass.remove(&self.1);
        }
    }
}

#[cfg(test)]
#[path = "flight_tests.rs"]
mod tests;
