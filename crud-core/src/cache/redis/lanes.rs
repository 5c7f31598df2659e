//! Writers' steps, one script at a time in each slot: who marks or posts while one is on its way goes with the next, in which
//! all go who have come by then. So many writers cost Redis a few scripts, and not two each.
//!
//! A step is done by a script that was sent after it came, and under the epoch that it came with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::convoy::Convoy;
use super::groups::Group;
use super::link::LinkError;
use super::reply::Reply;
use super::script::Scripts;

/// So many stamps go with one script, but for those of a single step that has more.
const MANY: usize = 512;

/// What became of a step.
#[derive(Clone)]
pub(super) struct Outcome {
    pub(super) reply: Result<Reply, LinkError>,
    /// Who marked together. Unless the reply says that it is done, nobody knows whether their token came.
    pub(super) convoy: Arc<Convoy>,
}

/// What a writer does to the stamps of one slot.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) scripts: Arc<Scripts>,
    /// The step's own: it is known by it.
    pub(super) group: Arc<Group>,
    /// Whether the convoy's token comes to them.
    pub(super) marks: bool,
    /// The tokens that go.
    pub(super) ends: Vec<[u8; 16]>,
}

/// How it goes on for a writer who waited.
pub(super) enum Waited<'l> {
    /// Another has sent his step along.
    Done(Outcome),
    /// It is his turn to send.
    Turn(Turn<'l>),
}

/// What goes with the next script. Dropped without a word, it leaves each to do his own.
pub(super) struct Turn<'l> {
    /// The first is that of whoever has the turn.
    pub(super) steps: Vec<Step>,
    outcomes: Vec<oneshot::Sender<Outcome>>,
    _turn: tokio::sync::MutexGuard<'l, ()>,
}

impl Turn<'_> {
    /// Tells all whose steps were sent.
    pub(super) fn tell(self, outcome: &Outcome) {
        for other in self.outcomes {
            // Who went away hears nothing.
            let _ = other.send(outcome.clone());
        }
    }
}

/// The lanes of the slots, by name.
pub(super) struct Lanes(BTreeMap<String, Lane>);

#[derive(Default)]
struct Lane {
    waiting: Mutex<Vec<Waiting>>,
    /// Held while a script is on its way.
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    step: Step,
    outcome: oneshot::Sender<Outcome>,
}

impl Lanes {
    pub(super) fn new<'s>(slots: impl Iterator<Item = &'s str>) -> Self {
        Self(
            slots
                .map(|slot| (slot.to_owned(), Lane::default()))
                .collect(),
        )
    }

    /// Waits until the step is done, or is to be sent. Its slot is one of these.
    pub(super) async fn wait(&self, step: &Step) -> Waited<'_> {
        let lane = &self.0[&step.group.slot];
        loop {
            let (sender, mut outcome) = oneshot::channel();
            lane.waiting().push(Waiting {
                step: step.clone(),
                outcome: sender,
            });
            let turn = tokio::select! {
                biased;
                outcome = &mut outcome => match outcome {
                    Ok(outcome) => return Waited::Done(outcome),
                    // Who sent it went away, and nobody knows what became of it: a token that came stays until its deadline.
                    Err(_) => continue,
                },
                turn = lane.turn.lock() => turn,
            };
            let taken = lane.take(step);
            if !taken.is_empty() {
                let taken = taken.into_iter();
                let (steps, outcomes) = taken.map(|it| (it.step, it.outcome)).unzip();
                return Waited::Turn(Turn {
                    steps,
                    outcomes,
                    _turn: turn,
                });
            }
            // Somebody has taken it, and has told what became of it unless he went away.
            if let Ok(outcome) = outcome.try_recv() {
                return Waited::Done(outcome);
            }
        }
    }
}

impl Lane {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This step, if it still waits, and others that can go with it.
    fn take(&self, step: &Step) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        waiting.retain(|waiting| !waiting.outcome.is_closed());
        let is_own = |other: &Waiting| Arc::ptr_eq(&other.step.group, &step.group);
        let Some(own) = waiting.iter().position(is_own) else {
            return Vec::new();
        };
        let mut taken = vec![waiting.remove(own)];
        let mut stamps = step.group.deps.len();
        let others = waiting.extract_if(.., |other| {
            let more = stamps + other.step.group.deps.len();
            let fits = Arc::ptr_eq(&other.step.scripts, &step.scripts) && more <= MANY;
            if fits {
                stamps = more;
            }
            fits
        });
        taken.extend(others);
        taken
    }
}

/// What a script does to a stamp.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    /// The convoy's own comes.
    pub(super) comes: bool,
    /// Those that go.
    pub(super) go: Vec<u8>,
}

/// The stamps that these steps of one slot are about, each once, and what is done to them.
pub(super) fn together(steps: &[Step]) -> (Group, Vec<Tokens>) {
    let mut stamps = BTreeMap::<_, Tokens>::new();
    for step in steps {
        for dep in &step.group.deps {
            let tokens = stamps.entry(dep).or_default();
            tokens.comes |= step.marks;
            tokens.go.extend(step.ends.iter().flatten());
        }
    }
    let (deps, tokens) = stamps
        .into_iter()
        .map(|(dep, tokens)| (dep.clone(), tokens))
        .unzip();
    let slot = steps[0].group.slot.clone();
    (Group { slot, deps }, tokens)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn step(deps: &[&str], ends: Option<u8>, scripts: &Arc<Scripts>) -> Step {
        let deps = deps.iter().map(|dep| (*dep).to_owned()).collect();
        Step {
            scripts: Arc::clone(scripts),
            group: Arc::new(Group {
                slot: "t".to_owned(),
                deps,
            }),
            marks: ends.is_none(),
            ends: ends.map(|token| [token; 16]).into_iter().collect(),
        }
    }

    fn answer(reply: Reply) -> Outcome {
        Outcome {
            reply: Ok(reply),
            convoy: Arc::new(Convoy::of(&[])),
        }
    }

    /// What is to be sent now; `None`: he waits, or another has sent it.
    fn turn(waited: Option<Waited<'_>>) -> Option<Turn<'_>> {
        match waited {
            Some(Waited::Turn(turn)) => Some(turn),
            _ => None,
        }
    }

    /// Of which of them the steps are that are sent.
    fn sent(turn: &Turn<'_>, all: &[Step]) -> Vec<usize> {
        let is = |step: &Step| {
            all.iter()
                .position(|other| Arc::ptr_eq(&other.group, &step.group))
        };
        turn.steps.iter().filter_map(is).collect()
    }

    /// Kills: a script for each; a step that goes with a script that was sent before it came, or with another epoch's.
    #[tokio::test]
    async fn who_comes_while_a_script_is_on_its_way_goes_with_the_next() {
        let lanes = Lanes::new(["t"].into_iter());
        let scripts = Arc::new(Scripts::of("aa"));
        let other_epoch = Arc::new(Scripts::of("bb"));
        let steps = [
            step(&["a"], None, &scripts),
            step(&["a"], None, &scripts),
            step(&["b"], Some(3), &scripts),
            step(&["a"], None, &other_epoch),
            step(&["a"], Some(5), &scripts),
        ];
        let mut all = steps.each_ref().map(|step| Box::pin(lanes.wait(step)));
        let first = turn(all[0].as_mut().now_or_never()).expect("nobody is before him");
        assert_eq!(sent(&first, &steps), [0]);
        for other in &mut all[1..] {
            assert!(other.as_mut().now_or_never().is_none());
        }
        let [_, mut second, mut third, mut fourth, gone] = all;
        // One goes away before his turn.
        drop(gone);
        first.tell(&answer(Reply::Done));
        assert!(third.as_mut().now_or_never().is_none());
        let next = turn(second.as_mut().now_or_never()).expect("he came next");
        assert_eq!(sent(&next, &steps), [1, 2]);
        next.tell(&answer(Reply::Refused));
        let told = third.as_mut().now_or_never();
        assert!(matches!(
            told,
            Some(Waited::Done(Outcome {
                reply: Ok(Reply::Refused),
                ..
            }))
        ));
        let last = turn(fourth.as_mut().now_or_never()).expect("he is alone with his epoch");
        assert_eq!(sent(&last, &steps), [3]);
        last.tell(&answer(Reply::Done));
        assert!(lanes.0["t"].waiting().is_empty());
    }

    /// Kills: a step that is lost with the one who took it along.
    #[tokio::test]
    async fn who_was_taken_along_by_one_who_goes_away_does_it_himself() {
        let lanes = Lanes::new(["t"].into_iter());
        let scripts = Arc::new(Scripts::of("aa"));
        let steps = [(); 3].map(|()| step(&["a"], None, &scripts));
        let mut all = steps.each_ref().map(|step| Box::pin(lanes.wait(step)));
        let first = turn(all[0].as_mut().now_or_never()).expect("nobody is before him");
        let [_, mut second, mut third] = all;
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        let both = turn(second.as_mut().now_or_never()).expect("it is his turn");
        assert_eq!(sent(&both, &steps), [1, 2]);
        drop(both);
        let alone = turn(third.as_mut().now_or_never()).expect("he sends his own");
        assert_eq!(sent(&alone, &steps), [2]);
    }

    /// Kills: a script that grows with the writers beyond what Redis takes at once.
    #[tokio::test]
    async fn more_than_many_stamps_go_with_the_script_after() {
        let lanes = Lanes::new(["t"].into_iter());
        let scripts = Arc::new(Scripts::of("aa"));
        let names: Vec<_> = (0..MANY).map(|n| n.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let steps = [
            step(&["a"], None, &scripts),
            step(&["a"], None, &scripts),
            step(&names, None, &scripts),
            step(&["a"], None, &scripts),
        ];
        let mut all = steps.each_ref().map(|step| Box::pin(lanes.wait(step)));
        let first = turn(all[0].as_mut().now_or_never()).expect("nobody is before him");
        let [_, mut second, mut third, mut fourth] = all;
        for other in [&mut second, &mut third, &mut fourth] {
            assert!(other.as_mut().now_or_never().is_none());
        }
        first.tell(&answer(Reply::Done));
        let next = turn(second.as_mut().now_or_never()).expect("he came next");
        assert_eq!(sent(&next, &steps), [1, 3]);
        next.tell(&answer(Reply::Done));
        let large = turn(third.as_mut().now_or_never()).expect("it is his turn");
        assert_eq!(sent(&large, &steps), [2]);
    }

    /// Kills: a token that comes to a stamp that its step does not name; one that overwrites another.
    #[test]
    fn each_stamp_gets_the_tokens_of_its_steps() {
        let scripts = Arc::new(Scripts::of("aa"));
        let steps = [
            step(&["list", "one"], None, &scripts),
            step(&["list", "two"], Some(2), &scripts),
            step(&["list"], Some(3), &scripts),
        ];
        let tokens = |comes, go: &[u8]| Tokens {
            comes,
            go: go.iter().flat_map(|token| [*token; 16]).collect(),
        };
        let (group, all) = together(&steps);
        assert_eq!(group.deps, ["list", "one", "two"]);
        let expected = [
            tokens(true, &[2, 3]),
            tokens(true, &[]),
            tokens(false, &[2]),
        ];
        assert_eq!(all, expected);
    }
}
