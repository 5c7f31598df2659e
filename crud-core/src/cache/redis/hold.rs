//! What this process holds in doubt: a token behind a stamp, which goes with the last of the writers who share it.
//!
//! Those share it who marked the stamp by the same script. Who writes while others of this process hold the stamp of a
//! table's lists shares theirs and sends nothing: the mark is there already, and stays until the last of them has posted.
//! So lists are in doubt just as long as if each had marked them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::cache::{
    mutant::{Mutant, lives},
    store::Dep,
};

/// For how long after its script was sent a token is shared with those who come. It takes so much away from the time that
/// a writer has until the token's deadline.
pub(super) const SHARED: Duration = Duration::from_millis(250);
/// So many are remembered before those are forgotten that have gone.
const MANY: usize = 64;

/// The name of a mark: 16 random bytes.
pub(super) type Token = [u8; 16];

/// A token behind a stamp.
#[derive(Debug)]
pub(super) struct Hold {
    slot: Arc<str>,
    token: Token,
    /// Somebody who shares it has gone without a word.
    lost: AtomicBool,
}

impl Hold {
    pub(super) fn new(slot: &Arc<str>, token: Token) -> Arc<Self> {
        Arc::new(Self {
            slot: Arc::clone(slot),
            token,
            lost: AtomicBool::new(false),
        })
    }

    fn end(&self, dep: &Dep) -> End {
        End {
            slot: Arc::clone(&self.slot),
            dep: dep.clone(),
            token: self.token,
        }
    }
}

/// A token that is to be taken away.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) slot: Arc<str>,
    pub(super) dep: Dep,
    pub(super) token: Token,
}

/// A writer's share in what holds a stamp in doubt. Dropped without a word, it leaves the token until its deadline.
#[derive(Debug)]
pub(super) struct Share {
    dep: Dep,
    hold: Option<Arc<Hold>>,
}

impl Share {
    pub(super) fn of(dep: &Dep, hold: &Arc<Hold>) -> Self {
        Self {
            dep: dep.clone(),
            hold: Some(Arc::clone(hold)),
        }
    }

    /// The writer posts; the last of them is told what ends.
    pub(super) fn leave(mut self) -> Option<End> {
        let hold = self.hold.take()?;
        if lives(Mutant::FirstEnds) {
            let is_first = !hold.lost.swap(true, Ordering::Relaxed);
            return is_first.then(|| hold.end(&self.dep));
        }
        let last = Arc::into_inner(hold)?;
        (!last.lost.load(Ordering::Relaxed)).then(|| last.end(&self.dep))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(hold) = &self.hold {
            hold.lost.store(true, Ordering::Relaxed);
        }
    }
}

/// What others may share: the tokens of lists and whole tables. Rows are marked by each who writes them, since the
/// database lets one write a row at a time.
#[derive(Default, Debug)]
pub(super) struct Holds(Mutex<HashMap<Dep, Offer>>);

#[derive(Debug)]
struct Offer {
    /// When the script was sent.
    sent: Instant,
    hold: Weak<Hold>,
}

impl Offer {
    /// Whoever takes it must use it: the last of those who shared it may have left meanwhile, relying on him.
    fn take(&self) -> Option<Arc<Hold>> {
        let is_young = self.sent.elapsed() < SHARED;
        is_young.then(|| self.hold.upgrade()).flatten()
    }
}

fn is_shared(dep: &Dep) -> bool {
    matches!(dep, Dep::List(_) | Dep::Part(..) | Dep::Table(_))
}

impl Holds {
    /// The shares in what is marked already, and what is still to be marked.
    pub(super) fn share(&self, deps: &[Dep]) -> (Vec<Share>, Vec<Dep>) {
        let (mut shares, mut unmarked) = (Vec::with_capacity(deps.len()), Vec::new());
        let holds = self.holds();
        for dep in deps {
            match holds.get(dep).and_then(Offer::take) {
                Some(hold) => shares.push(Share {
                    dep: dep.clone(),
                    hold: Some(hold),
                }),
                None => unmarked.push(dep.clone()),
            }
        }
        (shares, unmarked)
    }

    /// From now on these are shared, if they are of the kind that is. Their script was sent then.
    pub(super) fn offer(&self, marked: &BTreeMap<Dep, Arc<Hold>>, sent: Instant) {
        let mut shared = marked.iter().filter(|(dep, _)| is_shared(dep)).peekable();
        if shared.peek().is_none() {
            return;
        }
        let mut holds = self.holds();
        if holds.len() >= MANY && holds.len() == holds.capacity() {
            holds.retain(|_, offer| offer.hold.strong_count() > 0);
        }
        for (dep, hold) in shared {
            let hold = Arc::downgrade(hold);
            holds.insert(dep.clone(), Offer { sent, hold });
        }
    }

    fn holds(&self) -> MutexGuard<'_, HashMap<Dep, Offer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Dep {
        Dep::List("t".into())
    }

    /// Marks this now; the writer's share.
    fn mark(holds: &Holds, dep: &Dep, token: u8, age: Duration) -> Share {
        let hold = Hold::new(&"t".into(), [token; 16]);
        let share = Share::of(dep, &hold);
        let sent = Instant::now().checked_sub(age).unwrap();
        holds.offer(&BTreeMap::from([(dep.clone(), hold)]), sent);
        share
    }

    fn shared(holds: &Holds, dep: &Dep) -> Option<Share> {
        let (mut shares, unmarked) = holds.share(std::slice::from_ref(dep));
        assert_eq!(shares.len() + unmarked.len(), 1);
        shares.pop()
    }

    /// Kills: a token that goes while somebody shares it; one that is shared after it went.
    #[test]
    fn a_token_goes_with_the_last_who_shares_it() {
        let holds = Holds::default();
        assert!(shared(&holds, &list()).is_none());
        let first = mark(&holds, &list(), 1, Duration::ZERO);
        let second = shared(&holds, &list()).expect("it is held");
        assert_eq!(first.leave(), None);
        let third = shared(&holds, &list()).expect("it is held still");
        assert_eq!(second.leave(), None);
        let end = third.leave().expect("he is the last");
        assert_eq!((end.dep, end.token), (list(), [1; 16]));
        assert!(shared(&holds, &list()).is_none());
    }

    /// Kills: a share that outlasts its token.
    #[test]
    fn an_old_token_is_not_shared() {
        let holds = Holds::default();
        let _old = mark(&holds, &list(), 1, SHARED);
        assert!(shared(&holds, &list()).is_none());
        let _new = mark(&holds, &list(), 2, Duration::ZERO);
        assert!(shared(&holds, &list()).is_some());
    }

    /// Kills: a token that is taken away though nobody knows whether one of the writes will be seen.
    #[test]
    fn a_token_stays_when_one_who_shares_it_goes_without_a_word() {
        let holds = Holds::default();
        let first = mark(&holds, &list(), 1, Duration::ZERO);
        drop(shared(&holds, &list()));
        assert_eq!(first.leave(), None);
    }

    /// Kills: a row that is shared; what has gone and is remembered for ever.
    #[test]
    fn what_is_not_shared_is_not_remembered() {
        let holds = Holds::default();
        let row = Dep::Row("t".into(), 1.into());
        let _row = mark(&holds, &row, 1, Duration::ZERO);
        assert!(shared(&holds, &row).is_none());
        let _list = mark(&holds, &list(), 2, Duration::ZERO);
        for n in 0..10_000 {
            let part = Dep::Part("t".into(), n.into());
            mark(&holds, &part, 3, Duration::ZERO).leave();
        }
        assert!(holds.holds().len() < 4 * MANY);
        assert!(shared(&holds, &list()).is_some());
    }
}
