//! What this process knows of the switch, and until when it may rely on it.
//!
//! The task that asks the database writes it; every read and write of the application looks at it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{LAPSE, PERMIT};

/// The permit. Times are microseconds since `start`; 0 is never.
pub(super) struct Permit {
    start: Instant,
    serves_until: AtomicU64,
    marks_until: AtomicU64,
    retired: AtomicBool,
    /// Since when the cache is known to be off, and which switching off that was; `None`: it is on, or nobody knows.
    off: Mutex<Option<(Instant, i64)>>,
}

impl Permit {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            serves_until: AtomicU64::new(0),
            marks_until: AtomicU64::new(0),
            retired: AtomicBool::new(false),
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
    pub(super) fn on(&self, sent: Instant, serves: bool) {
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

    fn none(&self) {
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
