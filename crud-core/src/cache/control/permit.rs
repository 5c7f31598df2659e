//! What this process knows of the switch, and until when it may rely on it.
//!
//! The task that asks the database writes it; every read and write of the application looks at it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::{LAPSE, LATE, PERMIT};
use crate::cache::store::Fence;

/// The permit. Times are microseconds since `start`; 0 is never.
pub(super) struct Permit {
    start: Instant,
    serves_until: AtomicU64,
    marks_until: AtomicU64,
    retired: AtomicBool,
    /// The epoch that is on, as the last answer said.
    epoch: RwLock<Option<Known>>,
    /// Since when the cache is known to be off, and which switching off that was; `None`: it is on, or nobody knows.
    off: Mutex<Option<(Instant, i64)>>,
}

/// An epoch, and what the database's clock said when it was asked.
struct Known {
    epoch: Arc<str>,
    clock: f64,
    answered: Instant,
}

impl Permit {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            serves_until: AtomicU64::new(0),
            marks_until: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            epoch: RwLock::new(None),
            off: Mutex::new(None),
        }
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }

    fn is_before(&self, until: &AtomicU64) -> bool {
        self.micros(Instant::now()) < until.load(Ordering::Acquire)
    }

    /// Whether there may be hits and fills now.
    pub(super) fn serves(&self) -> bool {
        self.is_before(&self.serves_until)
    }

    /// Whether a write may rely on its mark.
    pub(super) fn may_mark(&self) -> bool {
        self.is_before(&self.marks_until)
    }

    /// The answer to a question that was sent then: the cache is on, and serves if the quarantine is over.
    pub(super) fn on(&self, sent: Instant, serves: bool, epoch: &str, clock: f64) {
        let mut known = self.known_epoch();
        let same = known.take().map(|known| known.epoch);
        *known = Some(Known {
            epoch: same
                .filter(|same| **same == *epoch)
                .unwrap_or_else(|| epoch.into()),
            clock,
            answered: Instant::now(),
        });
        drop(known);
        let until = self.micros(sent + PERMIT);
        *self.known_off() = None;
        self.marks_until.store(until, Ordering::Release);
        self.serves_until
            .store(if serves { until } else { 0 }, Ordering::Release);
    }

    /// The answer: the cache is off since this change of the switch. `long` if that is so long ago that no permit can
    /// be left.
    pub(super) fn off(&self, change: i64, long: bool) {
        self.none();
        let now = Instant::now();
        let since = if long {
            now.checked_sub(LAPSE).unwrap_or(now)
        } else {
            now
        };
        let mut known = self.known_off();
        match &mut *known {
            // It was on in between, and others may have had permits.
            Some((_, before)) if *before != change => *known = Some((since, change)),
            Some((before, _)) => *before = (*before).min(since),
            None => *known = Some((since, change)),
        }
    }

    /// The answer: the cache is on for others, and not for this process. What was known of its being off is worth
    /// nothing any more.
    pub(super) fn for_others(&self) {
        self.none();
        *self.known_off() = None;
    }

    /// What a statement must find that is marked now; `None`: the cache is off, or not known to be on.
    pub(super) fn fence(&self) -> Option<Fence> {
        if !self.may_mark() {
            return None;
        }
        let known = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        // The clock was read before the answer came, so it now says at least this.
        let since = known.answered.elapsed() + LATE;
        Some(Fence {
            epoch: Arc::clone(&known.epoch),
            before: known.clock + since.as_secs_f64(),
        })
    }

    fn known_epoch(&self) -> RwLockWriteGuard<'_, Option<Known>> {
        self.epoch.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn none(&self) {
        *self.known_epoch() = None;
        self.serves_until.store(0, Ordering::Release);
        self.marks_until.store(0, Ordering::Release);
    }

    fn known_off(&self) -> std::sync::MutexGuard<'_, Option<(Instant, i64)>> {
        self.off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until every permit of every process has lapsed; `None`: the cache is not known to be off.
    pub(super) fn until_all_lapsed(&self) -> Option<Duration> {
        let (off, _) = (*self.known_off())?;
        Some(LAPSE.saturating_sub(off.elapsed()))
    }

    pub(super) fn retire(&self, retired: bool) {
        self.retired.store(retired, Ordering::Release);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }
}
