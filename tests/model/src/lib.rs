//! The cache's protocol as a model, and every way to weaken it.
//!
//! One row in the database, one entry in the cache, and every order in which readers, writers and faults can take
//! their steps. [`row`] has the protocols and the faults of Redis, [`switch`] a writer that is cut from Redis, [`split`]
//! a failover after which two instances talk to two masters. It shares no code with the cache itself: it says what the
//! cache must do, and its tests say why each part of that is there.

pub mod row;
pub mod split;
pub mod switch;

use std::fmt;

/// A read began after a write was acknowledged and did not see it.
pub const STALE_AFTER_ACK: &str =
    "P1 a read sees every write that was acknowledged before it began";
/// A read saw less than another which had ended before it began.
pub const NOT_MONOTONIC: &str = "P2 a read sees what any read saw that ended before it began";
/// All is over and the cache still answers with an old row.
pub const STALE_FOR_EVER: &str = "P3 when all is over the cache has no old row";

/// Which of P1 and P2 a history has broken; such a state has no successors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken {
    /// P1.
    pub stale: bool,
    /// P2.
    pub backwards: bool,
}

impl Broken {
    /// Whether anything is broken.
    #[must_use]
    pub fn any(self) -> bool {
        self.stale || self.backwards
    }
}

/// What a read must at least see, fixed when it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Floor {
    acked: u8,
    seen: u8,
}

impl Floor {
    fn new(acked: u8, seen: u8) -> Self {
        Self { acked, seen }
    }

    fn judge(self, version: u8) -> Broken {
        Broken {
            stale: version < self.acked,
            backwards: version < self.seen,
        }
    }
}

/// One step of a history: whose, which, and the state that it leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Step<S> {
    who: Who,
    what: &'static str,
    /// The state afterwards.
    pub to: S,
}

/// Whose step. Readers are interchangeable, so their numbers may change from step to step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Reader(usize),
    Writer(usize),
    World,
}

impl<S> fmt::Debug for Step<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Who::Reader(i) => write!(f, "reader {i} {}", self.what),
            Who::Writer(i) => write!(f, "writer {i} {}", self.what),
            Who::World => f.write_str(self.what),
        }
    }
}
