//! A failover of Redis: instance A still talks to the old master, B to the new one after the epoch has changed.
//!
//! Each instance has a reader and a writer of one write. Stamps are left out as in [`switch`](crate::switch): a changed
//! one is a body that is gone and fills that will be refused.

use stateright::{Model, Property};

use crate::{Broken, Floor, NOT_MONOTONIC, STALE_AFTER_ACK, Step, Who};

/// When a writer learns of mode and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochFrom {
    /// Its transaction reads them from the database.
    Transaction,
    /// Its instance's permit, looked at after BEGIN: what is built.
    PermitAfterBegin,
    /// Its instance's permit, looked at before BEGIN, which may wait.
    PermitBeforeBegin,
}

/// The size, and the parts that a test takes away.
#[derive(Clone, Debug)]
pub struct Split {
    /// Reads of each of the two readers.
    pub reads: u8,
    /// When writers learn of the epoch.
    pub epoch_from: EpochFrom,
    /// A new epoch, and a write without a mark, wait until all permits have lapsed.
    pub permits_awaited: bool,
    /// A new epoch waits for the transactions of the old one.
    pub quarantine: bool,
}

impl Split {
    /// The whole protocol.
    #[must_use]
    pub fn full() -> Self {
        Self {
            reads: 1,
            epoch_from: EpochFrom::PermitAfterBegin,
            permits_awaited: true,
            quarantine: true,
        }
    }
}

/// An epoch, which is also the number of its master; `None` is off.
type Epoch = Option<u8>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Idle,
    Asks(Floor),
    /// Goes to the database; fills into this master, if into any.
    Loads(Floor, Epoch),
    Has(Floor, Epoch, u8),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writer {
    Idle,
    /// Looked at its permit and waits for the row's lock.
    Looked(Epoch),
    Began(Epoch),
    Ready(Epoch),
    Committed(Epoch, u8),
    Gone,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Master {
    body: Option<u8>,
    dirty: u8,
}

/// The whole world at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    db: u8,
    lock: Option<u8>,
    masters: [Master; 2],
    acked: u8,
    seen: u8,
    writers: [Writer; 2],
    readers: [Reader; 2],
    left: [u8; 2],
    on: bool,
    epoch: u8,
    permits: [Epoch; 2],
    quarantine: Option<Option<u8>>,
    broken: Broken,
}

impl State {
    fn mode(&self) -> Epoch {
        self.on.then_some(self.epoch)
    }

    /// The new master is no place for hits and fills while the quarantine lasts.
    fn closed(&self, epoch: u8) -> bool {
        epoch == 1 && self.quarantine.is_some()
    }

    fn restamp(&mut self, epoch: u8) {
        self.masters[usize::from(epoch)].body = None;
        for reader in &mut self.readers {
            if let Reader::Loads(_, fills) | Reader::Has(_, fills, _) = reader
                && *fills == Some(epoch)
            {
                *fills = None;
            }
        }
    }

    fn read(mut self, i: usize, floor: Floor, version: u8) -> Self {
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

    fn reader(mut self, i: usize, to: Reader) -> Self {
        self.readers[i] = to;
        self
    }

    fn writer(mut self, i: usize, to: Writer) -> Self {
        self.writers[i] = to;
        self
    }

    fn no_permits(&self) -> bool {
        self.permits.iter().all(Option::is_none)
    }
}

impl Split {
    fn reader_steps(s: State, i: usize, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::Reader(i),
                what,
                to,
            })
        };
        match s.readers[i] {
            Reader::Idle => push(
                "begins",
                s.reader(i, Reader::Asks(Floor::new(s.acked, s.seen))),
            ),
            Reader::Asks(floor) => {
                // A cannot reach the new master.
                let epoch =
                    s.permits[i].filter(|&epoch| (epoch == 0 || i == 1) && !s.closed(epoch));
                let Some(epoch) = epoch else {
                    return push(
                        "goes past the cache",
                        s.reader(i, Reader::Loads(floor, None)),
                    );
                };
                let master = s.masters[usize::from(epoch)];
                match master.body {
                    _ if master.dirty != 0 => {
                        push("finds it in doubt", s.reader(i, Reader::Loads(floor, None)));
                    }
                    Some(version) => push("hits", s.read(i, floor, version)),
                    None => push("misses", s.reader(i, Reader::Loads(floor, Some(epoch)))),
                }
            }
            Reader::Loads(floor, fills) => {
                push(
                    "reads the database",
                    s.reader(i, Reader::Has(floor, fills, s.db)),
                );
            }
            Reader::Has(floor, fills, version) => {
                let mut t = s;
                if let Some(epoch) = fills
                    && !s.closed(epoch)
                    && s.masters[usize::from(epoch)].dirty == 0
                {
                    t.masters[usize::from(epoch)].body = Some(version);
                }
                push("fills and returns", t.read(i, floor, version));
            }
            Reader::Done => {}
        }
        if s.permits[i] != s.mode() {
            let mut t = s;
            t.permits[i] = s.mode();
            push("'s instance polls", t);
            if s.permits[i].is_some() {
                t.permits[i] = None;
                push("'s permit lapses", t);
            }
        }
    }

    fn writer_steps(&self, s: State, i: usize, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::Writer(i),
                what,
                to,
            })
        };
        let me = u8::try_from(i).expect("there are two");
        let locked = |epoch| {
            let mut t = s.writer(i, Writer::Began(epoch));
            t.lock = Some(me);
            t
        };
        let refused = || {
            let mut t = s.writer(i, Writer::Gone);
            t.lock = None;
            t
        };
        match s.writers[i] {
            Writer::Idle if self.epoch_from == EpochFrom::PermitBeforeBegin => {
                push(
                    "looks at its permit",
                    s.writer(i, Writer::Looked(s.permits[i])),
                );
            }
            Writer::Looked(epoch) if s.lock.is_none() => push("begins", locked(epoch.or(s.mode()))),
            Writer::Idle if s.lock.is_none() => {
                let permit = s.permits[i].filter(|_| self.epoch_from != EpochFrom::Transaction);
                push("begins", locked(permit.or(s.mode())));
            }
            Writer::Began(Some(epoch)) if epoch == 0 || i == 1 => {
                let mut t = s.writer(i, Writer::Ready(Some(epoch)));
                t.restamp(epoch);
                t.masters[usize::from(epoch)].dirty |= 1 << me;
                push("marks", t);
            }
            Writer::Began(Some(_)) => push("cannot mark and answers 503", refused()),
            Writer::Began(None) if !self.permits_awaited || s.no_permits() => {
                push(
                    "has waited for all permits",
                    s.writer(i, Writer::Ready(None)),
                );
            }
            Writer::Began(None) if s.on => push("finds the cache on and answers 503", refused()),
            Writer::Ready(epoch) => {
                let mut t = s.writer(i, Writer::Committed(epoch, s.db + 1));
                t.db += 1;
                t.lock = None;
                push("commits", t);
            }
            Writer::Committed(epoch, version) => {
                let mut t = s.writer(i, Writer::Gone);
                if let Some(epoch) = epoch {
                    t.restamp(epoch);
                    t.masters[usize::from(epoch)].dirty &= !(1 << me);
                }
                t.acked = t.acked.max(version);
                push("posts and acknowledges", t);
            }
            Writer::Idle | Writer::Looked(_) | Writer::Began(None) | Writer::Gone => {}
        }
    }

    fn world_steps(&self, s: State, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::World,
                what,
                to,
            })
        };
        let mut t = s;
        if s.on && s.epoch == 0 {
            t.on = false;
            push("the failover switches off", t);
        }
        if !s.on && (!self.permits_awaited || s.no_permits()) {
            (t.on, t.epoch) = (true, 1);
            t.quarantine = self.quarantine.then_some(s.lock);
            push("the new epoch begins", t);
        }
        if s.quarantine
            .is_some_and(|old| old.is_none() || s.lock != old)
        {
            let mut t = s;
            t.quarantine = None;
            push("the quarantine ends", t);
        }
    }
}

impl Model for Split {
    type State = State;
    type Action = Step<State>;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            db: 0,
            lock: None,
            masters: [Master::default(); 2],
            acked: 0,
            seen: 0,
            writers: [Writer::Idle; 2],
            readers: [Reader::Idle; 2],
            left: [self.reads; 2],
            on: true,
            epoch: 0,
            permits: [Some(0); 2],
            quarantine: None,
            broken: Broken::default(),
        }]
    }

    fn actions(&self, state: &State, out: &mut Vec<Step<State>>) {
        if state.broken.any() {
            return;
        }
        for i in 0..2 {
            Self::reader_steps(*state, i, out);
            self.writer_steps(*state, i, out);
        }
        self.world_steps(*state, out);
    }

    fn next_state(&self, _: &State, step: Step<State>) -> Option<State> {
        Some(step.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(STALE_AFTER_ACK, |_, s: &State| !s.broken.stale),
            Property::always(NOT_MONOTONIC, |_, s: &State| !s.broken.backwards),
        ]
    }
}
