//! When many ask, one question at a time about each body: whoever comes while one is on its way waits for the next, which
//! answers all who have come by then.
//!
//! An answer is never shared with someone who came after its question was sent: he may know of a write that it does not.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::store::{Dep, Entry, Read};

/// Lists, so that readers of different bodies hardly ever wait for each other.
const SHARDS: usize = 256;

/// The bodies that somebody asks about.
pub(super) struct Turns {
    /// So many may ask at once without regard to each other.
    few: usize,
    /// How many ask.
    asking: AtomicUsize,
    shards: [Mutex<Vec<Arc<Turn>>>; SHARDS],
}

struct Turn {
    entry: Entry,
    deps: Box<[Dep]>,
    /// How many questions have been sent.
    sent: AtomicU64,
    /// The last answer, and which question's. Locked while a question is on its way.
    last: tokio::sync::Mutex<Option<(u64, Read)>>,
}

/// Somebody who asks.
struct Asking<'t> {
    shard: &'t Mutex<Vec<Arc<Turn>>>,
    turn: Arc<Turn>,
}

impl Turns {
    pub(super) fn new(few: usize) -> Self {
        Self {
            few,
            asking: AtomicUsize::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// An answer to a question that is sent from now on: `ask`, or another's if many ask. `fingerprint` is the entry's.
    pub(super) async fn ask(
        &self,
        entry: &Entry,
        fingerprint: &[u8; 32],
        deps: &[Dep],
        ask: impl Future<Output = Read>,
    ) -> Read {
        let counted = Counted::new(&self.asking);
        if counted.others < self.few {
            return ask.await;
        }
        let asking = Asking::new(&self.shards[usize::from(fingerprint[0])], entry, deps);
        let turn = &asking.turn;
        let before = turn.sent.load(Ordering::SeqCst);
        let mut last = turn.last.lock().await;
        if let Some((sent, answer)) = &*last
            && *sent > before
        {
            return answer.clone();
        }
        let sent = turn.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = ask.await;
        // Nobody to hear it, in most cases.
        if Arc::strong_count(turn) > 2 {
            *last = Some((sent, answer.clone()));
        }
        answer
    }
}

/// One of all who ask.
struct Counted<'t> {
    all: &'t AtomicUsize,
    others: usize,
}

impl<'t> Counted<'t> {
    fn new(all: &'t AtomicUsize) -> Self {
        let others = all.fetch_add(1, Ordering::Relaxed);
        Self { all, others }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'t> Asking<'t> {
    fn new(shard: &'t Mutex<Vec<Arc<Turn>>>, entry: &Entry, deps: &[Dep]) -> Self {
        let mut turns = list(shard);
        let known = turns
            .iter()
            .find(|turn| turn.entry == *entry && *turn.deps == *deps);
        let turn = match known {
            Some(known) => Arc::clone(known),
            None => {
                let turn = Arc::new(Turn {
                    entry: entry.clone(),
                    deps: deps.into(),
                    sent: AtomicU64::new(0),
                    last: tokio::sync::Mutex::default(),
                });
                turns.push(Arc::clone(&turn));
                turn
            }
        };
        drop(turns);
        Self { shard, turn }
    }
}

fn list(shard: &Mutex<Vec<Arc<Turn>>>) -> MutexGuard<'_, Vec<Arc<Turn>>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut turns = list(self.shard);
        // The list's and this one: nobody else asks.
        if Arc::strong_count(&self.turn) == 2 {
            turns.retain(|turn| !Arc::ptr_eq(turn, &self.turn));
        }
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use std::cell::Cell;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::super::tests::entry;
    use super::*;

    fn is(read: &Read, text: &'static str) -> bool {
        matches!(read, Read::Hit(body) if body == text)
    }

    /// Kills: an answer to a question that was sent before he came; a question for each.
    #[tokio::test]
    async fn who_comes_while_one_is_asking_shares_the_next_answer() {
        let (turns, key) = (Turns::new(0), &entry("k"));
        let asked = Cell::new(0);
        let hit = |text: &'static str| Read::Hit(Bytes::from_static(text.as_bytes()));
        let (answer, arrives) = oneshot::channel();
        let first = turns.ask(key, &[0; 32], &[], async {
            asked.set(asked.get() + 1);
            arrives.await.expect("it is answered")
        });
        let mut first = Box::pin(first);
        assert!(first.as_mut().now_or_never().is_none());
        let (later, arrives_later) = oneshot::channel();
        let second = turns.ask(key, &[0; 32], &[], async {
            asked.set(asked.get() + 1);
            arrives_later.await.expect("it is answered")
        });
        let mut second = Box::pin(second);
        let mut others: Vec<_> = (0..1_000)
            .map(|_| Box::pin(turns.ask(key, &[0; 32], &[], async { panic!("they need not ask") })))
            .collect();
        assert!(second.as_mut().now_or_never().is_none());
        for other in &mut others {
            assert!(other.as_mut().now_or_never().is_none());
        }
        // About something else, and what somebody else takes for something else.
        let elsewhere = turns.ask(key, &[0; 32], &[Dep::Everything], async {
            hit("elsewhere")
        });
        assert!(is(&elsewhere.await, "elsewhere"));
        answer.send(hit("old")).expect("he waits");
        assert!(is(&first.await, "old"));
        assert!(second.as_mut().now_or_never().is_none());
        later.send(hit("new")).expect("he waits");
        assert!(is(&second.await, "new"));
        for other in others {
            assert!(is(&other.await, "new"));
        }
        assert_eq!(asked.get(), 2);
        assert!(list(&turns.shards[0]).is_empty());
    }

    /// Kills: waiting for one who went away.
    #[tokio::test]
    async fn who_goes_away_takes_nothing_from_the_others() {
        let (turns, key) = (Turns::new(0), &entry("k"));
        let mut gone = Box::pin(turns.ask(key, &[0; 32], &[], std::future::pending()));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut stays = Box::pin(turns.ask(key, &[0; 32], &[], async { Read::Hit(Bytes::new()) }));
        assert!(stays.as_mut().now_or_never().is_none());
        drop(gone);
        assert!(stays.now_or_never().is_some());
        assert!(list(&turns.shards[0]).is_empty());
    }

    /// Kills: a reader who looks for others though there are few; a count that does not go down again.
    #[tokio::test]
    async fn a_few_ask_each_for_himself() {
        let (turns, key) = (Turns::new(2), &entry("k"));
        let wait = || Box::pin(turns.ask(key, &[0; 32], &[], std::future::pending()));
        for _ in 0..2 {
            let (mut one, mut two) = (wait(), wait());
            assert!(one.as_mut().now_or_never().is_none());
            assert!(two.as_mut().now_or_never().is_none());
            assert!(list(&turns.shards[0]).is_empty());
            let mut many = wait();
            assert!(many.as_mut().now_or_never().is_none());
            assert_eq!(list(&turns.shards[0]).len(), 1);
        }
        assert_eq!(turns.asking.load(Ordering::Relaxed), 0);
        assert!(list(&turns.shards[0]).is_empty());
    }
}
