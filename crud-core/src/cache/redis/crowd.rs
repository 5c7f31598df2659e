//! Tables that many write at once and nobody reads: they are marked as a whole, so that the writers share one token
//! ([`hold`](super::hold)) and Redis hears of them a few times a second, not of each row.
//!
//! That makes what is kept of the table unusable. So it is done only while no body that depends on the table is asked for:
//! in this process, by its own clock; elsewhere, as far as a reader has found the table in doubt lately, of which a mark
//! is told ([`script`](super::script)). Whether it is done decides nothing about rightness: a whole table is more than
//! the rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many writers in one script are many.
const MANY: usize = 4;
/// For how long after that they are.
const LASTS: Duration = Duration::from_millis(250);
/// For how long after a read this process takes a table for one that is read.
const READ_HERE: Duration = Duration::from_secs(1);
/// And after it has been told that others read it.
pub(super) const READ_ELSEWHERE: Duration = Duration::from_secs(60);
/// For how long others know it who were told by this one.
const TOLD: Duration = Duration::from_secs(10);

/// The tables, by slot.
pub(super) struct Crowds {
    start: Instant,
    of: BTreeMap<Arc<str>, Crowd>,
}

/// Microseconds since the start.
#[derive(Default)]
struct Crowd {
    writes_until: AtomicU64,
    reads_until: AtomicU64,
    told_until: AtomicU64,
}

impl Crowds {
    pub(super) fn new<'s>(slots: impl Iterator<Item = &'s Arc<str>>) -> Self {
        Self {
            start: Instant::now(),
            of: slots
                .map(|slot| (Arc::clone(slot), Crowd::default()))
                .collect(),
        }
    }

    fn micros(&self, after: Duration) -> u64 {
        u64::try_from((self.start.elapsed() + after).as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether many write this table, and nobody reads it.
    pub(super) fn only_writes(&self, table: &str) -> bool {
        let Some(crowd) = self.of.get(table) else {
            return false;
        };
        let now = self.micros(Duration::ZERO);
        let is_before = |until: &AtomicU64| now < until.load(Ordering::Relaxed);
        is_before(&crowd.writes_until) && !is_before(&crowd.reads_until)
    }

    /// So many have been marked by one script.
    pub(super) fn wrote(&self, slot: &str, writers: usize) {
        if writers >= MANY {
            let until = self.micros(LASTS);
            self.of[slot].writes_until.store(until, Ordering::Relaxed);
        }
    }

    pub(super) fn read_here(&self, slot: &str) {
        self.read(slot, READ_HERE);
    }

    pub(super) fn read_elsewhere(&self, slot: &str) {
        self.read(slot, READ_ELSEWHERE);
    }

    /// A script has left word that this process reads the table.
    pub(super) fn told(&self, slot: &str) {
        let until = self.micros(TOLD);
        self.of[slot].told_until.store(until, Ordering::Relaxed);
    }

    /// Whether it did so lately.
    pub(super) fn are_told(&self, slot: &str) -> bool {
        self.micros(Duration::ZERO) < self.of[slot].told_until.load(Ordering::Relaxed)
    }

    fn read(&self, slot: &str, lasts: Duration) {
        let until = self.micros(lasts);
        self.of[slot]
            .reads_until
            .fetch_max(until, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a table that is taken for unread though somebody reads it; a few who are taken for many.
    #[test]
    fn many_who_write_are_a_crowd_until_somebody_reads() {
        let crowds = Crowds::new(["courses".into(), "lessons".into(), "".into()].iter());
        let both = || ["courses", "lessons"].map(|table| crowds.only_writes(table));
        assert_eq!(both(), [false, false]);
        crowds.wrote("courses", MANY - 1);
        assert_eq!(both(), [false, false]);
        crowds.wrote("courses", MANY);
        assert_eq!(both(), [true, false]);
        crowds.read_here("lessons");
        crowds.wrote("lessons", MANY);
        assert_eq!(both(), [true, false]);
        crowds.read_elsewhere("courses");
        crowds.read_here("courses");
        assert_eq!(both(), [false, false]);
        let until = crowds.of["courses"].reads_until.load(Ordering::Relaxed);
        assert!(until > crowds.micros(READ_HERE));
        assert!(!crowds.only_writes("of no entity"));
    }
}
