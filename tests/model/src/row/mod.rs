//! One row under every protocol that was considered, with the faults of Redis and of writers.
//!
//! Stamps are random, so all that can be asked of two is whether they are the same: after each step they are named
//! anew, by what still holds them, and states that differ in names only become one. A body counts only under the stamp
//! that it was filled under, so it is forgotten when the stamp changes.

mod state;
mod steps;

use stateright::{Model, Property};

pub use self::state::State;
use self::state::{Entry, Reader, Snapshot, Writer};
use crate::{Broken, NOT_MONOTONIC, STALE_AFTER_ACK, STALE_FOR_EVER, Step};

/// The most writers and readers that a state has room for.
pub const MOST: usize = 3;

/// How the cache is kept in step with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The entry is deleted after the commit.
    DeleteAfter,
    /// The entry is deleted before the commit.
    DeleteBefore,
    /// The entry is deleted before the commit, after it, and once more some time later.
    DoubleDelete,
    /// A body gets the stamp that is there when it is stored.
    StampAtStore,
    /// A miss leases the entry; a delete ends the lease.
    Lease,
    /// The stamp changes after the commit; nothing is marked before it.
    Bump,
    /// Mark, commit, bump: what is built.
    Full,
}

/// How readers share a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// They don't.
    Alone,
    /// One load for each key.
    Key,
    /// One load for each key and stamp.
    KeyAndStamp,
}

/// Whether a writer may share the token of another, who is of the same process, instead of marking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Each marks.
    Never,
    /// If the token is of the epoch that was on when the writer looked, after BEGIN. The last of them posts.
    OfEpoch,
    /// Whatever epoch the token is of.
    OfAnyEpoch,
    /// As [`OfEpoch`](Self::OfEpoch), and the first who posts ends it for all.
    EndedByFirst,
}

/// A protocol, its size and its faults; [`Row::full`] has all of the protocol's parts and no fault.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each names one part or fault that a test switches"
)]
#[derive(Clone, Debug)]
pub struct Row {
    /// What is modelled.
    pub protocol: Protocol,
    /// Writers, each of one write.
    pub writers: usize,
    /// Readers.
    pub readers: usize,
    /// Reads of each reader.
    pub reads: u8,
    /// Writers die at any step.
    pub crash: bool,
    /// Tokens expire, and PostgreSQL ends idle transactions.
    pub expiry: bool,
    /// Redis is emptied once.
    pub flush: bool,
    /// Redis comes back once with the data of an earlier moment.
    pub old_data: bool,
    /// A transaction ends before its token expires.
    pub guard: bool,
    /// A Redis that restarted is told from one that did not.
    pub fence: bool,
    /// A new epoch waits for the transactions of the old one.
    pub quarantine: bool,
    /// A fill compares the stamp that its reader saw.
    pub fill_cas: bool,
    /// The write is acknowledged only after the stamps changed.
    pub ack_after_post: bool,
    /// Stamps count up from 0 instead of being random.
    pub counter: bool,
    /// How loads are shared.
    pub flight: Flight,
    /// How marks are shared.
    pub sharing: Sharing,
}

impl Row {
    /// `protocol` without faults: 2 writers, 2 readers of 2 reads each.
    #[must_use]
    pub fn of(protocol: Protocol) -> Self {
        Self {
            protocol,
            writers: 2,
            readers: 2,
            reads: 2,
            crash: false,
            expiry: false,
            flush: false,
            old_data: false,
            guard: true,
            fence: true,
            quarantine: true,
            fill_cas: true,
            ack_after_post: false,
            counter: false,
            flight: Flight::Alone,
            sharing: Sharing::Never,
        }
    }

    /// What is built, without faults.
    #[must_use]
    pub fn full() -> Self {
        Self::of(Protocol::Full)
    }

    /// With every fault.
    #[must_use]
    pub fn with_all_faults(self) -> Self {
        Self {
            crash: true,
            expiry: true,
            flush: true,
            old_data: true,
            ..self
        }
    }
}

impl Model for Row {
    type State = State;
    type Action = Step<State>;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            db: 0,
            lock: None,
            entry: Entry::default(),
            acked: 0,
            seen: 0,
            writers: [Writer::Gone; MOST],
            readers: [Reader::Done; MOST],
            left: [0; MOST],
            may_flush: self.flush,
            snapshot: if self.old_data {
                Snapshot::Possible
            } else {
                Snapshot::Never
            },
            quarantine: None,
            epoch: 0,
            looked: [0; MOST],
            tokens: [None; MOST],
            broken: Broken::default(),
        };
        state.writers[..self.writers].fill(Writer::Idle);
        state.readers[..self.readers].fill(Reader::Idle);
        state.left[..self.readers].fill(self.reads);
        vec![self.named(state)]
    }

    fn actions(&self, state: &State, out: &mut Vec<Step<State>>) {
        if state.broken.any() {
            return;
        }
        self.reader_steps(*state, out);
        for i in 0..self.writers {
            self.writer_steps(*state, i, out);
        }
        self.world_steps(*state, out);
    }

    fn next_state(&self, _: &State, step: Step<State>) -> Option<State> {
        Some(self.named(step.to))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(STALE_AFTER_ACK, |_, s: &State| !s.broken.stale),
            Property::always(NOT_MONOTONIC, |_, s: &State| !s.broken.backwards),
            Property::always(STALE_FOR_EVER, |_, s: &State| {
                !Self::is_over(s) || s.entry.body.is_none_or(|version| version >= s.db)
            }),
        ]
    }
}
