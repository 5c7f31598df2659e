//! Writers' steps, one script at a time in each slot: who marks while one is on its way goes with the next, in which all go
//! who have come by then, and what has ended. So many writers cost Redis a few scripts, and not two each.
//!
//! A mark is done by a script that was sent after it came. Each epoch has lanes of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::hold::{End, Share, Token};
use super::link::LinkError;
use super::reply::Reply;
use crate::cache::store::Dep;

/// So many stamps are marked by one script, but for those of a single step that has more; and so many ended.
const MANY: usize = 256;

/// What a writer marks in one slot.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) slot: Arc<str>,
    pub(super) marks: Arc<[Dep]>,
    /// A token of an earlier try, which goes.
    pub(super) lost: Option<Token>,
}

/// What became of a step.
pub(super) struct Outcome {
    pub(super) reply: Result<Reply, LinkError>,
    /// What it was marked with. Unless the reply says that it is done, nobody knows whether it came.
    pub(super) token: Token,
    /// The writer's, if it is done.
    pub(super) shares: Vec<Share>,
}

/// A step that has not been sent, and who waits for it.
pub(super) struct Waiting {
    pub(super) step: Step,
    pub(super) outcome: oneshot::Sender<Outcome>,
}

/// What goes with the next script of a slot. Dropped, it leaves each to wait again; what should have ended lasts until its
/// deadline.
pub(super) struct Turn<'l> {
    pub(super) steps: Vec<Waiting>,
    pub(super) ends: Vec<End>,
    _turn: tokio::sync::MutexGuard<'l, ()>,
}

/// The lanes of the slots, by name.
pub(super) struct Lanes(BTreeMap<Arc<str>, Lane>);

#[derive(Default)]
struct Lane {
    queue: Mutex<Queue>,
    /// Held while a script is on its way.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    ended: Vec<End>,
    /// Somebody takes care that what has ended is sent.
    is_swept: bool,
}

impl Lanes {
    pub(super) fn new<'s>(slots: impl Iterator<Item = &'s Arc<str>>) -> Self {
        Self(
            slots
                .map(|slot| (Arc::clone(slot), Lane::default()))
                .collect(),
        )
    }

    /// This goes with one of the next scripts, and whoever sends it tells. One who goes away meanwhile tells nothing, and
    /// nobody knows what became of it: a token that came stays until its deadline.
    pub(super) fn wait(&self, step: Step) -> oneshot::Receiver<Outcome> {
        let (sender, outcome) = oneshot::channel();
        let mut queue = self.queue(&step.slot);
        queue.waiting.push(Waiting {
            step,
            outcome: sender,
        });
        outcome
    }

    /// This goes with one of the next scripts. Whether the caller must take care that there is one: with
    /// [`all_sent`](Self::all_sent).
    pub(super) fn end(&self, end: End) -> bool {
        let mut queue = self.queue(&end.slot);
        queue.ended.push(end);
        !std::mem::replace(&mut queue.is_swept, true)
    }

    /// Whether all that has ended is sent, or on its way. If it is, the caller takes care of it no longer.
    pub(super) fn all_sent(&self, slot: &str) -> bool {
        let mut queue = self.queue(slot);
        queue.is_swept = !queue.ended.is_empty();
        !queue.is_swept
    }

    /// Waits until a script may be sent; gives what goes with it, which may be nothing.
    pub(super) async fn turn(&self, slot: &str) -> Turn<'_> {
        let turn = self.0[slot].turn.lock().await;
        let mut queue = self.queue(slot);
        Turn {
            steps: queue.steps(),
            ends: queue.ends(),
            _turn: turn,
        }
    }

    fn queue(&self, slot: &str) -> MutexGuard<'_, Queue> {
        let queue = self.0[slot].queue.lock();
        queue.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn steps(&mut self) -> Vec<Waiting> {
        self.waiting.retain(|waiting| !waiting.outcome.is_closed());
        let mut stamps = 0;
        let fits = |waiting: &&Waiting| {
            stamps += waiting.step.marks.len();
            stamps <= MANY
        };
        let fitting = self.waiting.iter().take_while(fits).count();
        self.waiting
            .drain(..fitting.max(1).min(self.waiting.len()))
            .collect()
    }

    fn ends(&mut self) -> Vec<End> {
        let ending = self.ended.len().min(MANY);
        self.ended.drain(..ending).collect()
    }
}

/// What a script does, each stamp once: what it marks, and then what it only ends.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Together<'t> {
    pub(super) deps: Vec<&'t Dep>,
    /// How many of them it marks.
    pub(super) marked: usize,
    /// The tokens that go, for each of them.
    pub(super) go: Vec<Vec<u8>>,
}

impl<'t> Together<'t> {
    pub(super) fn of(turn: &'t Turn<'_>) -> Self {
        let mut stamps = BTreeMap::<&Dep, (bool, Vec<u8>)>::new();
        for Waiting { step, .. } in &turn.steps {
            for dep in &*step.marks {
                let (marked, go) = stamps.entry(dep).or_default();
                *marked = true;
                go.extend(step.lost.iter().flatten());
            }
        }
        for end in &turn.ends {
            stamps.entry(&end.dep).or_default().1.extend(end.token);
        }
        let (mut all, ended): (Vec<_>, Vec<_>) =
            stamps.into_iter().partition(|(_, (marked, _))| *marked);
        let marked = all.len();
        all.extend(ended);
        let (deps, go) = all.into_iter().map(|(dep, (_, go))| (dep, go)).unzip();
        Self { deps, marked, go }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn slot() -> Arc<str> {
        "t".into()
    }

    fn lanes() -> Lanes {
        Lanes::new([slot()].iter())
    }

    fn row(n: i64) -> Dep {
        Dep::Row("t".into(), n.into())
    }

    fn list() -> Dep {
        Dep::List("t".into())
    }

    fn step(marks: impl IntoIterator<Item = Dep>) -> Step {
        Step {
            slot: slot(),
            marks: marks.into_iter().collect(),
            lost: None,
        }
    }

    fn end(dep: Dep, token: u8) -> End {
        End {
            slot: slot(),
            dep,
            token: [token; 16],
        }
    }

    /// What may be sent now; `None`: a script is on its way.
    fn turn(lanes: &Lanes) -> Option<Turn<'_>> {
        lanes.turn("t").now_or_never()
    }

    fn marks(turn: &Turn<'_>) -> Vec<Dep> {
        let steps = turn.steps.iter();
        steps
            .flat_map(|waiting| waiting.step.marks.iter().cloned())
            .collect()
    }

    /// Kills: a script for each; a step that goes with a script that was sent before it came; one who went away.
    #[test]
    fn who_comes_while_a_script_is_on_its_way_goes_with_the_next() {
        let lanes = lanes();
        let _first = lanes.wait(step([row(1)]));
        let sent = turn(&lanes).expect("nobody is before him");
        assert_eq!(marks(&sent), [row(1)]);
        let _second = lanes.wait(step([row(2)]));
        drop(lanes.wait(step([row(3)])));
        let _third = lanes.wait(step([row(4)]));
        assert!(lanes.end(end(row(5), 5)));
        assert!(turn(&lanes).is_none());
        drop(sent);
        let next = turn(&lanes).expect("the first has arrived");
        assert_eq!(marks(&next), [row(2), row(4)]);
        assert_eq!(next.ends, [end(row(5), 5)]);
        drop(next);
        let none = turn(&lanes).expect("there is nobody");
        assert!(none.steps.is_empty() && none.ends.is_empty());
    }

    /// Kills: a step that is lost with the one who took it along.
    #[test]
    fn who_was_taken_along_by_one_who_goes_away_hears_of_it() {
        let lanes = lanes();
        let mut first = lanes.wait(step([row(1)]));
        let taken = turn(&lanes).expect("nobody is before him");
        assert!((&mut first).now_or_never().is_none());
        drop(taken);
        assert!(matches!((&mut first).now_or_never(), Some(Err(_))));
    }

    /// Kills: a script that grows with the writers beyond what Redis takes at once; a step of more that never goes.
    #[test]
    fn more_than_many_stamps_go_with_the_script_after() {
        let lanes = lanes();
        let all = || (0..=i64::try_from(MANY).unwrap()).map(row);
        let _waiting = [
            lanes.wait(step([row(1), row(2)])),
            lanes.wait(step(all())),
            lanes.wait(step([row(3)])),
        ];
        for dep in all().chain([list()]) {
            lanes.end(end(dep, 1));
        }
        let scripts = [
            (vec![row(1), row(2)], MANY),
            (all().collect(), 2),
            (vec![row(3)], 0),
        ];
        for (marked, ended) in scripts {
            assert_eq!(lanes.all_sent("t"), ended == 0);
            let turn = turn(&lanes).expect("none is on its way");
            assert_eq!(marks(&turn), marked);
            assert_eq!(turn.ends.len(), ended);
        }
    }

    /// Kills: what has ended and nobody sends; two who send it.
    #[test]
    fn somebody_sends_what_has_ended() {
        let lanes = lanes();
        assert!(lanes.end(end(row(1), 1)));
        assert!(!lanes.end(end(row(2), 1)));
        assert!(!lanes.all_sent("t"));
        assert!(!lanes.end(end(row(3), 1)));
        drop(turn(&lanes));
        assert!(lanes.all_sent("t"));
        assert!(lanes.end(end(row(4), 1)));
    }

    /// Kills: a token that comes to a stamp that its step does not name; one that overwrites another.
    #[test]
    fn each_stamp_gets_the_tokens_of_its_steps() {
        let lanes = lanes();
        let again = Step {
            lost: Some([4; 16]),
            ..step([list(), row(9)])
        };
        let _waiting = [lanes.wait(step([list(), row(1)])), lanes.wait(again)];
        for ended in [end(row(2), 2), end(list(), 2), end(list(), 3)] {
            lanes.end(ended);
        }
        let turn = turn(&lanes).expect("none is on its way");
        let go =
            |tokens: &[u8]| -> Vec<u8> { tokens.iter().flat_map(|token| [*token; 16]).collect() };
        let deps = [row(1), row(9), list(), row(2)];
        let expected = Together {
            deps: deps.iter().collect(),
            marked: 3,
            go: vec![go(&[]), go(&[4]), go(&[4, 2, 3]), go(&[2])],
        };
        assert_eq!(Together::of(&turn), expected);
    }
}
