//! Every step that can be taken next: by a reader, a writer, or the world.

use super::state::{DEAD, Entry, FRESH, Reader, Snapshot, Stamp, State, Writer};
use super::{Flight, MOST, Protocol, Row, Sharing};
use crate::{Floor, Step, Who};

fn bit(i: usize) -> u8 {
    1 << i
}

fn number(i: usize) -> u8 {
    u8::try_from(i).expect("there are three at most")
}

impl Row {
    fn is_full(&self) -> bool {
        self.protocol == Protocol::Full
    }

    fn next_stamp(&self, entry: Entry) -> Stamp {
        match self.counter {
            true => entry.stamp.map_or(0, |stamp| stamp + 1),
            false => FRESH,
        }
    }

    /// Names the stamps anew and sorts the readers.
    pub(super) fn named(&self, mut state: State) -> State {
        if !self.counter {
            let current = state.entry.stamp;
            let old = match state.snapshot {
                Snapshot::Taken(entry) => entry.stamp,
                Snapshot::Never | Snapshot::Possible => None,
            };
            let name = |stamp: Stamp| match Some(stamp) {
                s if s == current => 1,
                s if s == old => 2,
                _ => DEAD,
            };
            state.entry.stamp = current.map(name);
            if let Snapshot::Taken(entry) = &mut state.snapshot {
                entry.stamp = old.map(name);
            }
            for reader in &mut state.readers {
                if let Reader::Loads(_, Some(stamp)) | Reader::Has(_, Some(stamp), _) = reader {
                    *stamp = name(*stamp);
                }
            }
        }
        let mut readers = [(Reader::Done, 0); MOST];
        for (i, slot) in readers.iter_mut().enumerate() {
            *slot = (state.readers[i], state.left[i]);
        }
        readers.sort_unstable();
        for (i, (reader, left)) in readers.into_iter().enumerate() {
            (state.readers[i], state.left[i]) = (reader, left);
        }
        state
    }

    fn asks(&self, s: State, i: usize, floor: Floor, out: &mut Vec<Step<State>>) {
        let who = Who::Reader(i);
        let mut push = |what, to| out.push(Step { who, what, to });
        let mut t = s;
        match self.protocol {
            Protocol::Full if !s.live() => {
                return push(
                    "goes past the cache",
                    t.reader(i, Reader::Loads(floor, None)),
                );
            }
            Protocol::Full | Protocol::Bump if t.entry.stamp.is_none() => {
                t.entry.restamp(Some(self.next_stamp(t.entry)));
            }
            _ => {}
        }
        if let Some(version) = t.entry.body {
            return push("hits", t.read(i, floor, version));
        }
        match self.protocol {
            Protocol::Lease if s.entry.stamp.is_some() => {
                return push(
                    "misses without a lease",
                    t.reader(i, Reader::Loads(floor, None)),
                );
            }
            Protocol::Lease => t.entry.restamp(Some(FRESH)),
            _ => {}
        }
        push("misses", t.reader(i, Reader::Loads(floor, t.entry.stamp)));
        for (j, other) in s.readers.iter().enumerate() {
            let &Reader::Has(_, Some(stamp), version) = other else {
                continue;
            };
            let joins = match self.flight {
                Flight::Alone => false,
                Flight::Key => true,
                Flight::KeyAndStamp => Some(stamp) == t.entry.stamp,
            };
            if joins && j != i {
                push("joins a load", t.read(i, floor, version));
            }
        }
    }

    fn fill(&self, entry: &mut Entry, live: bool, held: Option<Stamp>, version: u8) {
        let same = held.is_some() && held == entry.stamp;
        let stores = match self.protocol {
            Protocol::DeleteAfter | Protocol::DeleteBefore | Protocol::DoubleDelete => true,
            Protocol::Lease | Protocol::Bump => same,
            Protocol::StampAtStore => {
                if entry.stamp.is_none() {
                    entry.restamp(Some(FRESH));
                }
                true
            }
            Protocol::Full => {
                live && held.is_some() && (same || !self.fill_cas && entry.stamp.is_some())
            }
        };
        if stores {
            entry.body = Some(version);
            if self.protocol == Protocol::Lease {
                entry.stamp = None;
            }
        }
    }

    pub(super) fn reader_steps(&self, s: State, out: &mut Vec<Step<State>>) {
        for i in 0..self.readers {
            let mut push = |what, to| {
                out.push(Step {
                    who: Who::Reader(i),
                    what,
                    to,
                })
            };
            match s.readers[i] {
                Reader::Idle => {
                    let floor = Floor::new(s.acked, s.seen);
                    push("begins", s.reader(i, Reader::Asks(floor)));
                }
                Reader::Asks(floor) => self.asks(s, i, floor, out),
                Reader::Loads(floor, held) => {
                    push(
                        "reads the database",
                        s.reader(i, Reader::Has(floor, held, s.db)),
                    );
                }
                Reader::Has(floor, held, version) => {
                    let mut t = s;
                    self.fill(&mut t.entry, s.live(), held, version);
                    push("fills and returns", t.read(i, floor, version));
                }
                Reader::Done => {}
            }
        }
    }

    fn post(&self, mut t: State, i: usize) -> State {
        let mut ends = i;
        if self.sharing != Sharing::Never {
            let Some((token, epoch)) = t.tokens[i].take() else {
                return t;
            };
            let others = t.tokens.contains(&Some((token, epoch)));
            if epoch != t.epoch || others && self.sharing != Sharing::EndedByFirst {
                return t;
            }
            ends = usize::from(token);
        }
        t.entry.restamp(Some(self.next_stamp(t.entry)));
        t.entry.dirty &= !bit(ends);
        t
    }

    /// What a writer may share instead of marking.
    fn shared(&self, s: &State, i: usize) -> impl Iterator<Item = (u8, u8)> {
        let looked = s.looked[i];
        let tokens = s.tokens.into_iter().flatten();
        let any = self.sharing == Sharing::OfAnyEpoch;
        // It is too young to have expired; that Redis has lost it, nobody may know.
        let is_lost = |epoch| epoch != s.epoch;
        let dirty = s.entry.dirty;
        tokens.filter(move |&(token, epoch)| {
            (any || epoch == looked) && (is_lost(epoch) || dirty & bit(usize::from(token)) != 0)
        })
    }

    fn invalidated(&self, mut t: State) -> State {
        match self.protocol {
            Protocol::DeleteAfter | Protocol::DoubleDelete => t.entry.body = None,
            Protocol::Lease | Protocol::StampAtStore => t.entry.restamp(None),
            Protocol::Bump => t.entry.restamp(Some(self.next_stamp(t.entry))),
            Protocol::DeleteBefore | Protocol::Full => {}
        }
        t
    }

    pub(super) fn writer_steps(&self, s: State, i: usize, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::Writer(i),
                what,
                to,
            })
        };
        match s.writers[i] {
            Writer::Idle if s.lock.is_none() => {
                let mut t = s.writer(i, Writer::Began);
                t.lock = Some(number(i));
                t.looked[i] = s.epoch;
                push("begins", t);
            }
            Writer::Began => {
                let mut t = s.writer(i, Writer::Marked);
                match self.protocol {
                    Protocol::Full => {
                        t.entry.restamp(Some(self.next_stamp(t.entry)));
                        t.entry.dirty |= bit(i);
                        if self.sharing != Sharing::Never {
                            t.tokens[i] = Some((number(i), s.epoch));
                        }
                    }
                    Protocol::DeleteBefore | Protocol::DoubleDelete => t.entry.body = None,
                    _ => {}
                }
                push("marks", t);
                for token in self.shared(&s, i) {
                    let mut t = s.writer(i, Writer::Marked);
                    t.tokens[i] = Some(token);
                    push("shares a mark", t);
                }
            }
            Writer::Marked if s.lock == Some(number(i)) => {
                push(
                    "commits",
                    s.committed().writer(i, Writer::Committed(s.db + 1)),
                );
            }
            Writer::Committed(version) => {
                let t = s.writer(i, Writer::Half(version));
                match (self.is_full(), self.ack_after_post) {
                    (true, true) => push("posts", self.post(t, i)),
                    (true, false) => push("acknowledges", t.acknowledged(version)),
                    (false, _) => push("invalidates", self.invalidated(t)),
                }
            }
            Writer::Half(version) => {
                let t = s.writer(i, Writer::Gone);
                match (self.is_full() && !self.ack_after_post, self.protocol) {
                    (true, _) => push("posts", self.post(t, i)),
                    (false, Protocol::DoubleDelete) => {
                        push(
                            "acknowledges",
                            t.acknowledged(version).writer(i, Writer::Deletes),
                        );
                    }
                    (false, _) => push("acknowledges", t.acknowledged(version)),
                }
            }
            Writer::Deletes => {
                let mut t = s.writer(i, Writer::Gone);
                t.entry.body = None;
                push("deletes again", t);
            }
            Writer::Late if s.lock == Some(number(i)) => {
                push(
                    "'s late COMMIT arrives",
                    s.committed().writer(i, Writer::Gone),
                );
            }
            Writer::Idle | Writer::Marked | Writer::Late | Writer::Gone => {}
        }
        self.writer_faults(s, i, out);
    }

    fn writer_faults(&self, s: State, i: usize, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::Writer(i),
                what,
                to,
            })
        };
        let holds = s.lock == Some(number(i));
        let open = holds && matches!(s.writers[i], Writer::Began | Writer::Marked);
        let dead = s.writer(i, Writer::Gone);
        if self.crash {
            match s.writers[i] {
                Writer::Idle | Writer::Gone | Writer::Late => {}
                _ if open => {
                    push("dies and is rolled back", dead.unlocked());
                    if s.writers[i] == Writer::Marked && !self.guard {
                        push("dies after sending COMMIT", s.writer(i, Writer::Late));
                    }
                }
                _ => push("dies", dead),
            }
        }
        if self.is_full() && self.expiry && s.entry.dirty & bit(i) != 0 {
            let shares = |lock: u8| match s.tokens[usize::from(lock)] {
                Some((token, epoch)) => token == number(i) && epoch == s.epoch,
                None => lock == number(i),
            };
            let is_needed = match self.sharing {
                Sharing::Never => holds,
                _ => s.lock.is_some_and(shares),
            };
            if !self.guard || !is_needed {
                let mut t = s;
                t.entry.dirty &= !bit(i);
                push("'s token expires", t);
            }
            if self.guard && open {
                push("is ended by PostgreSQL", dead.unlocked());
            }
        }
    }

    /// Redis lost its data, and is known to have: a new epoch.
    fn new_epoch(&self, mut t: State) -> State {
        t.entry = Entry::default();
        t.quarantine = self.quarantine.then_some(t.lock);
        t.epoch += u8::from(self.sharing != Sharing::Never);
        t
    }

    pub(super) fn world_steps(&self, s: State, out: &mut Vec<Step<State>>) {
        let mut push = |what, to| {
            out.push(Step {
                who: Who::World,
                what,
                to,
            })
        };
        if s.may_flush {
            let mut t = s;
            t.may_flush = false;
            t.entry = Entry::default();
            push(
                "Redis is emptied",
                if self.is_full() { self.new_epoch(t) } else { t },
            );
        }
        match s.snapshot {
            Snapshot::Never => {}
            Snapshot::Possible => {
                let mut t = s;
                t.snapshot = Snapshot::Taken(s.entry);
                push("Redis saves its data", t);
            }
            Snapshot::Taken(old) => {
                let mut t = s;
                t.snapshot = Snapshot::Never;
                t.entry = old;
                let fenced = self.is_full() && self.fence;
                push(
                    "Redis restarts with old data",
                    if fenced { self.new_epoch(t) } else { t },
                );
            }
        }
        match s.quarantine {
            Some(Some(i)) if s.lock == Some(i) => {
                let old = usize::from(i);
                let open = matches!(s.writers[old], Writer::Began | Writer::Marked);
                let ended = s.unlocked().writer(old, Writer::Gone);
                let what = "PostgreSQL ends the old transaction";
                out.extend((self.guard && open).then_some(Step {
                    who: Who::World,
                    what,
                    to: ended,
                }));
            }
            Some(_) => {
                let mut t = s;
                t.quarantine = None;
                push("the quarantine ends", t);
            }
            None => {}
        }
    }

    pub(super) fn is_over(s: &State) -> bool {
        s.writers.iter().all(|&w| w == Writer::Gone)
            && s.readers.iter().all(|&r| r == Reader::Done)
            && s.lock.is_none()
            && s.live()
    }
}
