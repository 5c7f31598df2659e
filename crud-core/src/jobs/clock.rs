//! The time that jobs go by: the system's, which a test may move on.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use crate::Timestamp;

/// A clock that shows the system's time, and more once it was moved on. Clones move together.
///
/// ```
/// let clock = crud_core::jobs::Clock::default();
/// let before = clock.now();
/// clock.advance(std::time::Duration::from_secs(60));
/// assert!(clock.now() > before);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock {
    ahead_micros: Arc<AtomicI64>,
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Timestamp {
        later(
            Timestamp::now(),
            Duration::from_micros(self.ahead_micros.load(Ordering::Acquire).unsigned_abs()),
        )
    }

    /// Moves it on, for tests of what happens later.
    pub fn advance(&self, by: Duration) {
        self.ahead_micros.fetch_add(micros(by), Ordering::AcqRel);
    }
}

/// A time after another; the last one there is if that is too far.
pub(super) fn later(time: Timestamp, by: Duration) -> Timestamp {
    moved(time, micros(by))
}

/// A time before another; the same one if that is too far.
pub(super) fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    moved(time, -micros(by))
}

fn moved(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_add(micros)).unwrap_or(time)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}
