//! The store inside the process: stamps in a fixed table, bodies in moka within a budget of bytes.
//!
//! Its memory is bounded whatever is asked or written: dependencies are hashed into slots, and two that share one only
//! cost each other misses. Bodies are never invalidated; one whose stamps have passed is found to be so when it is read.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};

use super::store::{Dep, Doubt, Entry, IN_DOUBT, Read, Stamps, Store, Token, Unmarked};

/// Slots for dependencies: half a MiB.
const SLOTS: usize = 1 << 16;
/// A slot is a stamp and, in its lowest bits, the number of writes that have it in doubt.
const DOUBT_BITS: u32 = 16;
const DOUBT: u64 = (1 << DOUBT_BITS) - 1;
/// What a body costs beside its bytes, roughly: moka's own books and our stamps.
const OVERHEAD: usize = 256;

/// The store inside the process.
///
/// ```
/// use crud_core::{Cache, cache::Memory};
///
/// let cache = Cache::new(Memory::new(16 << 20));
/// assert!(cache.is_on() && cache.is_ready());
/// ```
pub struct Memory {
    /// The first belongs to [`Dep::Everything`].
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    last_stamp: AtomicU64,
    bodies: moka::sync::Cache<Bytes, Arc<Kept>>,
    /// Writes of unknown outcome, and when their doubt ends.
    abandoned: Mutex<Vec<(Instant, Token)>>,
    abandoned_count: AtomicUsize,
}

struct Kept {
    stamps: Stamps,
    body: Bytes,
    ttl: Duration,
}

struct Ttl;

impl moka::Expiry<Bytes, Arc<Kept>> for Ttl {
    fn expire_after_create(&self, _: &Bytes, kept: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Bytes,
        kept: &Arc<Kept>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.ttl)
    }
}

impl Memory {
    /// A store whose bodies take this many bytes at most.
    pub fn new(bytes: u64) -> Self {
        let weight = |key: &Bytes, kept: &Arc<Kept>| {
            let bytes = key.len() + kept.body.len() + 8 * kept.stamps.0.len() + OVERHEAD;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            slots: (0..=SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            last_stamp: AtomicU64::new(0),
            bodies: moka::sync::Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .expire_after(Ttl)
                .build(),
            abandoned: Mutex::default(),
            abandoned_count: AtomicUsize::new(0),
        }
    }

    fn slot(&self, dep: &Dep) -> usize {
        if *dep == Dep::Everything {
            return 0;
        }
        // The remainder is below SLOTS, which fits.
        1 + usize::try_from(self.hasher.hash_one(dep) % SLOTS as u64).unwrap_or_default()
    }

    /// The stamps of this moment; `None` if one is in doubt.
    fn stamps(&self, deps: &[Dep]) -> Option<Stamps> {
        let slots = std::iter::once(0).chain(deps.iter().map(|dep| self.slot(dep)));
        let now: Arc<[u64]> = slots.map(|slot| self.slots[slot].load(SeqCst)).collect();
        let clean = now.iter().all(|slot| slot & DOUBT == 0);
        clean.then_some(Stamps(now))
    }

    /// The slots of a write, each once, whatever shares it.
    fn written(&self, deps: &[Dep]) -> Vec<usize> {
        let mut slots: Vec<_> = deps.iter().map(|dep| self.slot(dep)).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn restamp(&self, slot: usize, doubt: impl Fn(u64) -> Option<u64>) -> bool {
        // No two ever get the same, and 2^48 of them last for years.
        let stamp = (self.last_stamp.fetch_add(1, SeqCst) + 1) << DOUBT_BITS;
        let change = |slot: u64| doubt(slot & DOUBT).map(|doubt| stamp | doubt);
        self.slots[slot]
            .fetch_update(SeqCst, SeqCst, change)
            .is_ok()
    }

    fn release(&self, slots: &[usize]) {
        for slot in slots {
            self.restamp(*slot, |doubt| Some(doubt.saturating_sub(1)));
        }
    }

    /// Ends the doubt of writes that were given up long enough ago.
    fn sweep(&self) {
        if self.abandoned_count.load(SeqCst) == 0 {
            return;
        }
        let now = Instant::now();
        let mut abandoned = self
            .abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        abandoned.retain(|(until, token)| {
            if now < *until {
                return true;
            }
            self.release(&self.written(&token.deps));
            false
        });
        self.abandoned_count.store(abandoned.len(), SeqCst);
    }

    fn look(&self, entry: &Entry, deps: &[Dep]) -> Read {
        let Some(stamps) = self.stamps(deps) else {
            self.sweep();
            return Read::Bypass(Doubt::Marked);
        };
        match self.bodies.get(&entry.key) {
            Some(kept) if kept.stamps == stamps => Read::Hit(kept.body.clone()),
            _ => Read::Lead(stamps),
        }
    }
}

impl Store for Memory {
    fn read<'a>(&'a self, entry: &'a Entry, deps: &'a [Dep]) -> BoxFuture<'a, Read> {
        Box::pin(ready(self.look(entry, deps)))
    }

    fn peek(&self, entry: &Entry, stamps: &Stamps) -> Option<Bytes> {
        let kept = self.bodies.get(&entry.key)?;
        (kept.stamps == *stamps).then(|| kept.body.clone())
    }

    fn fill<'a>(
        &'a self,
        entry: &'a Entry,
        deps: &'a [Dep],
        stamps: &'a Stamps,
        body: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, bool> {
        // A write that is marked between this look and the insert does no harm: the body is kept under the stamps
        // that were read before it was loaded, which then have passed.
        let fresh = self.stamps(deps).is_some_and(|now| now == *stamps);
        if fresh {
            let stamps = stamps.clone();
            let kept = Kept { stamps, body, ttl };
            self.bodies.insert(entry.key.clone(), Arc::new(kept));
        }
        Box::pin(ready(fresh))
    }

    fn mark(&self, deps: Arc<[Dep]>) -> BoxFuture<'_, Result<Token, Unmarked>> {
        let slots = self.written(&deps);
        for (i, slot) in slots.iter().enumerate() {
            if !self.restamp(*slot, |doubt| (doubt < DOUBT).then_some(doubt + 1)) {
                self.release(&slots[..i]);
                let full = Unmarked("too many writes at once".to_owned());
                return Box::pin(ready(Err(full)));
            }
        }
        Box::pin(ready(Ok(Token { deps, id: 0 })))
    }

    fn post(&self, token: Token) -> BoxFuture<'_, ()> {
        self.release(&self.written(&token.deps));
        Box::pin(ready(()))
    }

    fn abandon(&self, token: Token) {
        let mut abandoned = self
            .abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        abandoned.push((Instant::now() + IN_DOUBT, token));
        self.abandoned_count.store(abandoned.len(), SeqCst);
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
