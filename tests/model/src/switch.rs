//! One writer reaches Redis and marks; the other is cut off and must switch the cache off for all before it commits.
//!
//! Readers are on instances of their own, each with a permit that a poll of the database renews. Redis itself is well:
//! stamps are left out, a changed stamp is a body that is gone and fills that will be refused.

use stateright::{Model, Property};

use crate::{Broken, Floor, NOT_MONOTONIC, STALE_AFTER_ACK, Step, Who};

/// The most readers that a state has room for.
pub const MOST: usize = 3;

/// The size, and the parts that a test takes away.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each names one part that a test switches"
)]
#[derive(Clone, Debug)]
pub struct Switch {
    /// Readers, each on an instance of its own.
    pub readers: usize,
    /// Reads of each reader.
    pub reads: u8,
    /// Whether there is a writer that reaches Redis too.
    pub second_writer: bool,
    /// The permit is looked at again when Redis has answered.
    pub checks_again: bool,
    /// The writer waits until all permits have lapsed.
    pub waits: bool,
    /// Switching on again waits for the transactions that are open then.
    pub quarantine: bool,
    /// The writer that marks has a statement by itself, and marks before it.
    pub plain: bool,
    /// Such a statement takes effect only if its snapshot finds the epoch of the mark.
    pub fence: bool,
}

impl Switch {
    /// The whole protocol, with two readers of two reads each.
    #[must_use]
    pub fn full() -> Self {
        Self {
            readers: 2,
            reads: 2,
            second_writer: true,
            checks_again: true,
            waits: true,
            quarantine: true,
            plain: false,
            fence: true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Reader {
    Idle,
    Began(Floor),
    /// Has a permit and asks Redis.
    Asks(Floor),
    /// Redis gave this version.
    Hit(Floor, u8),
    /// Goes to the database; may it fill?
    Loads(Floor, bool),
    Has(Floor, bool, u8),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Instance {
    reader: Reader,
    left: u8,
    permit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writer {
    Idle,
    /// Marked for a statement by itself; was that under the second epoch?
    Marked(bool),
    /// The fence was not true: it goes on as a transaction.
    Refused,
    Began,
    /// Marked, or switched off.
    Prepared,
    Waited,
    Committed(u8),
    Acked,
    Gone,
}

/// The whole world at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    db: u8,
    lock: Option<u8>,
    body: Option<u8>,
    dirty: bool,
    acked: u8,
    seen: u8,
    marks: Writer,
    cut: Writer,
    instances: [Instance; MOST],
    off: bool,
    quarantine: Option<Option<u8>>,
    may_return: bool,
    broken: Broken,
}

const MARKS: u8 = 0;
const CUT: u8 = 1;

impl State {
    fn restamp(&mut self) {
        self.body = None;
        for instance in &mut self.instances {
            if let Reader::Loads(_, fills) | Reader::Has(_, fills, _) = &mut instance.reader {
                *fills = false;
            }
        }
    }

    fn live(&self) -> bool {
        !self.dirty && self.quarantine.is_none()
    }

    fn read(mut self, i: usize, floor: Floor, version: u8) -> Self {
        self.broken = floor.judge(version);
        self.seen = self.seen.max(version);
        let instance = &mut self.instances[i];
        instance.left -= 1;
        instance.reader = if instance.left > 0 {
            Reader::Idle
        } else {
            Reader::Done
        };
        self
    }

    fn reader(mut self, i: usize, to: Reader) -> Self {
        self.instances[i].reader = to;
        self
    }

    fn sorted(mut self) -> Self {
        self.instances.sort_unstable();
        self
    }

    fn committed(mut self) -> Self {
        self.db += 1;
        self.lock = None;
        self
    }
}

impl Switch {
    fn reader_steps(&self, s: State, i: usize, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::Reader(i),
                what,
                to,
            })
        };
        let instance = s.instances[i];
        match instance.reader {
            Reader::Idle => push(
                "begins",
                s.reader(i, Reader::Began(Floor::new(s.acked, s.seen))),
            ),
            Reader::Began(floor) if instance.permit => {
                push("has a permit", s.reader(i, Reader::Asks(floor)));
            }
            Reader::Began(floor) => push("has no permit", s.reader(i, Reader::Loads(floor, false))),
            Reader::Asks(floor) if !s.live() => {
                push(
                    "goes past the cache",
                    s.reader(i, Reader::Loads(floor, false)),
                );
            }
            Reader::Asks(floor) => match s.body {
                Some(version) => push("is told a hit", s.reader(i, Reader::Hit(floor, version))),
                None => push("misses", s.reader(i, Reader::Loads(floor, true))),
            },
            Reader::Hit(floor, _) if self.checks_again && !instance.permit => {
                push("lost its permit", s.reader(i, Reader::Loads(floor, false)));
            }
            Reader::Hit(floor, version) => push("returns the hit", s.read(i, floor, version)),
            Reader::Loads(floor, fills) => {
                push(
                    "reads the database",
                    s.reader(i, Reader::Has(floor, fills, s.db)),
                );
            }
            Reader::Has(floor, fills, version) => {
                let mut t = s;
                if fills && s.live() {
                    t.body = Some(version);
                }
                push("fills and returns", t.read(i, floor, version));
            }
            Reader::Done => {}
        }
        // A poll that finds the cache off ends a permit as its time does.
        if instance.permit == s.off {
            let mut t = s;
            t.instances[i].permit = !s.off;
            push("polls, or its permit lapses", t);
        }
    }

    fn marking_writer(&self, s: State, out: &mut Vec<Step<State>>) {
        let mut t = s;
        let second_epoch = !s.may_return;
        let what = match s.marks {
            Writer::Idle if self.plain => {
                t.restamp();
                t.dirty = true;
                t.marks = Writer::Marked(second_epoch);
                "marks before its statement"
            }
            Writer::Marked(under) if s.lock.is_none() => {
                if self.fence && (s.off || under != second_epoch) {
                    t.restamp();
                    t.dirty = false;
                    t.marks = Writer::Refused;
                    "is refused and posts"
                } else {
                    t.lock = Some(MARKS);
                    t.marks = Writer::Prepared;
                    "takes its snapshot"
                }
            }
            Writer::Idle | Writer::Refused if s.lock.is_none() => {
                t.lock = Some(MARKS);
                t.marks = Writer::Began;
                "begins"
            }
            Writer::Began => {
                t.restamp();
                t.dirty = true;
                t.marks = Writer::Prepared;
                "marks"
            }
            Writer::Prepared => {
                t = s.committed();
                t.marks = Writer::Committed(t.db);
                "commits"
            }
            Writer::Committed(version) => {
                t.acked = t.acked.max(version);
                t.marks = Writer::Acked;
                "acknowledges"
            }
            Writer::Acked => {
                t.restamp();
                t.dirty = false;
                t.marks = Writer::Gone;
                "posts"
            }
            Writer::Idle | Writer::Marked(_) | Writer::Refused | Writer::Waited | Writer::Gone => {
                return;
            }
        };
        out.push(Step {
            who: Who::Writer(0),
            what,
            to: t,
        });
    }

    fn cut_writer(&self, s: State, out: &mut Vec<Step<State>>) {
        let mut t = s;
        let what = match s.cut {
            Writer::Idle if s.lock.is_none() => {
                t.lock = Some(CUT);
                t.cut = Writer::Began;
                "begins"
            }
            Writer::Began => {
                t.off = true;
                t.cut = Writer::Prepared;
                "cannot mark and switches off"
            }
            Writer::Prepared if !s.off => {
                t.off = true;
                "finds the cache on and switches off"
            }
            Writer::Prepared if !self.waits || s.instances.iter().all(|i| !i.permit) => {
                t.cut = Writer::Waited;
                "has waited"
            }
            Writer::Waited => {
                t = s.committed();
                t.cut = Writer::Committed(t.db);
                "commits"
            }
            Writer::Committed(version) => {
                t.acked = t.acked.max(version);
                t.cut = Writer::Gone;
                "acknowledges"
            }
            Writer::Idle
            | Writer::Marked(_)
            | Writer::Refused
            | Writer::Prepared
            | Writer::Acked
            | Writer::Gone => return,
        };
        out.push(Step {
            who: Who::Writer(1),
            what,
            to: t,
        });
    }

    fn world_steps(&self, s: State, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::World,
                what,
                to,
            })
        };
        if s.off && s.may_return {
            let mut t = s;
            t.off = false;
            t.may_return = false;
            t.restamp();
            t.dirty = false;
            t.quarantine = self.quarantine.then_some(s.lock);
            push("the cache is switched on under a new epoch", t);
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

impl Model for Switch {
    type State = State;
    type Action = Step<State>;

    fn init_states(&self) -> Vec<State> {
        let instance = |i| Instance {
            reader: if i < self.readers {
                Reader::Idle
            } else {
                Reader::Done
            },
            left: if i < self.readers { self.reads } else { 0 },
            permit: i < self.readers,
        };
        let state = State {
            db: 0,
            lock: None,
            body: None,
            dirty: false,
            acked: 0,
            seen: 0,
            marks: if self.second_writer {
                Writer::Idle
            } else {
                Writer::Gone
            },
            cut: Writer::Idle,
            instances: [instance(0), instance(1), instance(2)],
            off: false,
            quarantine: None,
            may_return: true,
            broken: Broken::default(),
        };
        vec![state.sorted()]
    }

    fn actions(&self, state: &State, out: &mut Vec<Step<State>>) {
        if state.broken.any() {
            return;
        }
        for (i, instance) in state.instances.iter().enumerate() {
            // What fills the room up has no reader and asks for no permit.
            if instance.reader != Reader::Done {
                self.reader_steps(*state, i, out);
            } else if instance.permit {
                let mut t = *state;
                t.instances[i].permit = false;
                out.push(Step {
                    who: Who::Reader(i),
                    what: "ends",
                    to: t,
                });
            }
        }
        self.marking_writer(*state, out);
        self.cut_writer(*state, out);
        self.world_steps(*state, out);
    }

    fn next_state(&self, _: &State, step: Step<State>) -> Option<State> {
        Some(step.to.sorted())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(STALE_AFTER_ACK, |_, s: &State| !s.broken.stale),
            Property::always(NOT_MONOTONIC, |_, s: &State| !s.broken.backwards),
        ]
    }
}
