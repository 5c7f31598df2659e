//! The writing side: what a transaction has touched, and what is marked until its outcome is known.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;

use super::store::{Dep, Store, Table, Token};

/// From so many rows of a table on, a write marks the whole table.
const MANY: usize = 256;

/// A write between mark and post. Dropped without a word, it leaves everything in doubt for a while: nobody knows
/// whether the write happened.
pub(crate) struct Marked {
    store: Arc<dyn Store>,
    token: Option<Token>,
}

impl Marked {
    pub(super) fn new(store: Arc<dyn Store>, token: Token) -> Self {
        Self {
            store,
            token: Some(token),
        }
    }

    /// The write is committed, or certainly is not.
    pub(crate) async fn post(mut self) {
        if let Some(token) = self.token.take() {
            self.store.post(token).await;
        }
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            tracing::warn!("a write's outcome is unknown: what it touched is not cached for 15 s");
            self.store.abandon(token);
        }
    }
}

/// What the statements of a transaction have touched so far.
#[derive(Default, Debug)]
pub(crate) struct Touched(BTreeSet<Dep>);

impl Touched {
    /// What one statement touches, to be marked.
    pub(crate) fn all(mut deps: Vec<Dep>) -> Arc<[Dep]> {
        let whole = |dep: &Dep| matches!(dep, Dep::Everything | Dep::Table(_));
        if deps.len() <= MANY && !deps.iter().any(whole) {
            deps.sort();
            deps.dedup();
            return deps.into();
        }
        let mut all = Self::default();
        all.add(deps);
        all.take()
    }

    pub(crate) fn add(&mut self, deps: impl IntoIterator<Item = Dep>) {
        self.0.extend(deps);
    }

    /// The dependencies to mark, each once, sorted; whole tables where there are many rows.
    pub(crate) fn take(&mut self) -> Arc<[Dep]> {
        let all = std::mem::take(&mut self.0);
        if all.contains(&Dep::Everything) {
            return Arc::new([Dep::Everything]);
        }
        let mut rows: BTreeMap<&Table, usize> = BTreeMap::new();
        for dep in &all {
            if let Dep::Row(table, _) | Dep::Part(table, _) = dep {
                *rows.entry(table).or_default() += 1;
            }
        }
        let whole: BTreeSet<Table> = rows
            .into_iter()
            .filter(|(table, rows)| *rows > MANY || all.contains(&Dep::Table((*table).clone())))
            .map(|(table, _)| table.clone())
            .collect();
        let kept = all.iter().filter(|dep| match dep {
            Dep::Row(table, _) | Dep::Part(table, _) | Dep::List(table) => !whole.contains(table),
            Dep::Everything | Dep::Table(_) => true,
        });
        let mut deps: Vec<_> = kept.cloned().collect();
        deps.extend(whole.into_iter().map(Dep::Table));
        deps.sort();
        deps.dedup();
        deps.into()
    }
}

/// A future that runs to its end even if nobody waits for it any more: a client who hangs up in the middle of a write
/// must not leave what it touched in doubt.
pub(crate) struct Detached<T: Send + 'static>(Option<BoxFuture<'static, T>>);

impl<T: Send + 'static> Detached<T> {
    pub(crate) const fn new(work: BoxFuture<'static, T>) -> Self {
        Self(Some(work))
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.0 else {
            // Only a future that is polled after its end gets here.
            return Poll::Pending;
        };
        let done = work.as_mut().poll(cx);
        if done.is_ready() {
            self.0 = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}
