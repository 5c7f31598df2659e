//! One question at a time about each body, however many ask: whoever comes while one is on its way waits for the next,
//! which answers all who have come by then.
//!
//! An answer is never shared with someone who came after its question was sent: he may know of a write that it does not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::cache::store::{Dep, Read};

/// The bodies that somebody asks about.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Bytes, Arc<Turn>>>);

struct Turn {
    deps: Box<[Dep]>,
    /// How many questions have been sent.
    sent: AtomicU64,
    /// The last answer, and which question's. Locked while a question is on its way.
    last: tokio::sync::Mutex<Option<(u64, Read)>>,
}

/// Somebody who asks.
struct Asking<'t> {
    turns: &'t Turns,
    key: &'t Bytes,
    turn: Arc<Turn>,
}

impl Turns {
    /// An answer to a question that is sent from now on: `ask`, or another's.
    pub(super) async fn ask(
        &self,
        key: &Bytes,
        deps: &[Dep],
        ask: impl Future<Output = Read>,
    ) -> Read {
        let asking = self.asking(key, deps);
        let turn = &asking.turn;
        if *turn.deps != *deps {
            return ask.await;
        }
        let before = turn.sent.load(Ordering::SeqCst);
        let mut last = turn.last.lock().await;
        if let Some((sent, answer)) = &*last
            && *sent > before
        {
            return answer.clone();
        }
        let sent = turn.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = ask.await;
        *last = Some((sent, answer.clone()));
        answer
    }

    fn asking<'t>(&'t self, key: &'t Bytes, deps: &[Dep]) -> Asking<'t> {
        let new = || {
            Arc::new(Turn {
                deps: deps.into(),
                sent: AtomicU64::new(0),
                last: tokio::sync::Mutex::default(),
            })
        };
        let turn = Arc::clone(self.list().entry(key.clone()).or_insert_with(new));
        Asking {
            turns: self,
            key,
            turn,
        }
    }

    fn list(&self) -> MutexGuard<'_, HashMap<Bytes, Arc<Turn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut list = self.turns.list();
        // The list's and this one: nobody else asks.
        if Arc::strong_count(&self.turn) == 2 {
            list.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    fn is(read: &Read, text: &'static str) -> bool {
        matches!(read, Read::Hit(body) if body == text)
    }

    /// Kills: an answer to a question that was sent before he came; a question for each.
    #[tokio::test]
    async fn who_comes_while_one_is_asking_shares_the_next_answer() {
        let (turns, key) = (Turns::default(), Bytes::from_static(b"k"));
        let asked = Cell::new(0);
        let hit = |text: &'static str| Read::Hit(Bytes::from_static(text.as_bytes()));
        let (answer, arrives) = oneshot::channel();
        let first = turns.ask(&key, &[], async {
            asked.set(asked.get() + 1);
            arrives.await.expect("it is answered")
        });
        let mut first = Box::pin(first);
        assert!(first.as_mut().now_or_never().is_none());
        let (later, arrives_later) = oneshot::channel();
        let second = turns.ask(&key, &[], async {
            asked.set(asked.get() + 1);
            arrives_later.await.expect("it is answered")
        });
        let mut second = Box::pin(second);
        let mut others: Vec<_> = (0..1_000)
            .map(|_| Box::pin(turns.ask(&key, &[], async { panic!("they need not ask") })))
            .collect();
        assert!(second.as_mut().now_or_never().is_none());
        for other in &mut others {
            assert!(other.as_mut().now_or_never().is_none());
        }
        // About something else, and what somebody else takes for something else.
        let elsewhere = turns.ask(&key, &[Dep::Everything], async { hit("elsewhere") });
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
        assert!(turns.list().is_empty());
    }

    /// Kills: waiting for one who went away.
    #[tokio::test]
    async fn who_goes_away_takes_nothing_from_the_others() {
        let (turns, key) = (Turns::default(), Bytes::from_static(b"k"));
        let mut gone = Box::pin(turns.ask(&key, &[], std::future::pending()));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut stays = Box::pin(turns.ask(&key, &[], async { Read::Hit(Bytes::new()) }));
        assert!(stays.as_mut().now_or_never().is_none());
        drop(gone);
        assert!(stays.now_or_never().is_some());
        assert!(turns.list().is_empty());
    }
}
