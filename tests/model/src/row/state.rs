//! The world of [`Row`](super::Row) at one moment: the database, the entry in Redis, and how far everyone is.

use crate::{Broken, Floor};

use super::MOST;

pub(super) type Stamp = u8;
/// Before renaming: a stamp that nobody had.
pub(super) const FRESH: Stamp = 100;
/// After renaming: a stamp that can never be the entry's again.
pub(super) const DEAD: Stamp = 99;

/// Where a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reader {
    Idle,
    /// Looks into the cache next.
    Asks(Floor),
    /// Goes to the database; fills under this stamp, if it has one.
    Loads(Floor, Option<Stamp>),
    /// Has this version of the database.
    Has(Floor, Option<Stamp>, u8),
    Done,
}

/// Where a writer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Writer {
    Idle,
    Began,
    Marked,
    Committed(u8),
    /// Acknowledged or stamped, whichever comes first.
    Half(u8),
    /// The second delete is still to come.
    Deletes,
    /// Died while its COMMIT was on its way.
    Late,
    Gone,
}

/// What is in Redis of this entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) stamp: Option<Stamp>,
    /// The body under that stamp.
    pub(super) body: Option<u8>,
    /// The tokens: one bit for each writer.
    pub(super) dirty: u8,
}

impl Entry {
    pub(super) fn restamp(&mut self, stamp: Option<Stamp>) {
        self.stamp = stamp;
        self.body = None;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Snapshot {
    Never,
    Possible,
    Taken(Entry),
}

/// The whole world at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) db: u8,
    /// Who holds the row's lock.
    pub(super) lock: Option<u8>,
    pub(super) entry: Entry,
    pub(super) acked: u8,
    pub(super) seen: u8,
    pub(super) writers: [Writer; MOST],
    pub(super) readers: [Reader; MOST],
    pub(super) left: [u8; MOST],
    pub(super) may_flush: bool,
    pub(super) snapshot: Snapshot,
    /// The lock's holder when the epoch began, if the quarantine lasts.
    pub(super) quarantine: Option<Option<u8>>,
    /// Counted only if writers share tokens, as are the next two.
    pub(super) epoch: u8,
    /// The epoch that each writer found after BEGIN.
    pub(super) looked: [u8; MOST],
    /// Whose token each writer has a share in, and of which epoch it is. Who dies keeps it.
    pub(super) tokens: [Option<(u8, u8)>; MOST],
    pub(super) broken: Broken,
}

impl State {
    pub(super) fn live(&self) -> bool {
        self.quarantine.is_none() && self.entry.dirty == 0
    }

    pub(super) fn read(mut self, i: usize, floor: Floor, version: u8) -> Self {
        self.broken = floor.judge(version);
        self.seen = self.seen.max(version);
        self.left[i] -= 1;
        self.readers[i] = if self.left[i] > 0 {
            Reader::Idle
        } else {
            Reader::Done
        };
        self
    }

    pub(super) fn reader(mut self, i: usize, to: Reader) -> Self {
        self.readers[i] = to;
        self
    }

    pub(super) fn writer(mut self, i: usize, to: Writer) -> Self {
        self.writers[i] = to;
        self
    }

    pub(super) fn unlocked(mut self) -> Self {
        self.lock = None;
        self
    }

    pub(super) fn acknowledged(mut self, version: u8) -> Self {
        self.acked = self.acked.max(version);
        self
    }

    pub(super) fn committed(mut self) -> Self {
        self.db += 1;
        self.lock = None;
        self
    }
}
