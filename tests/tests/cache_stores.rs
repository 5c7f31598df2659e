//! Stores for tests: the real one, held up where a race would be, or broken on purpose.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::body::Bytes;
use crud_core::cache::{Dep, Entry, Memory, Read, Stamps, Store, Token, Unmarked};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

/// The store in the process, whose writers wait at a gate between mark and COMMIT, and before they post.
pub(crate) struct Gated {
    inner: Memory,
    pub(crate) gates: Arc<Gates>,
}

pub(crate) struct Gates {
    /// How many may pass from mark to COMMIT.
    pub(crate) commit: Semaphore,
    /// How many may pass from COMMIT to post.
    pub(crate) post: Semaphore,
    /// How many wait, at either.
    pub(crate) waiting: AtomicUsize,
}

impl Gates {
    /// Waits until so many writers wait.
    pub(crate) async fn waiting(&self, writers: usize) {
        while self.waiting.load(SeqCst) < writers {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn pass(&self, gate: &Semaphore) {
        self.waiting.fetch_add(1, SeqCst);
        gate.acquire().await.expect("it is never closed").forget();
        self.waiting.fetch_sub(1, SeqCst);
    }
}

impl Gated {
    pub(crate) fn new() -> Self {
        Self {
            inner: Memory::new(1 << 24),
            gates: Arc::new(Gates {
                commit: Semaphore::new(0),
                post: Semaphore::new(0),
                waiting: AtomicUsize::new(0),
            }),
        }
    }
}

impl Store for Gated {
    fn read<'a>(&'a self, entry: &'a Entry, deps: &'a [Dep]) -> BoxFuture<'a, Read> {
        self.inner.read(entry, deps)
    }
    fn peek(&self, entry: &Entry, stamps: &Stamps) -> Option<Bytes> {
        self.inner.peek(entry, stamps)
    }
    fn fill<'a>(
        &'a self,
        entry: &'a Entry,
        deps: &'a [Dep],
        stamps: &'a Stamps,
        body: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, bool> {
        self.inner.fill(entry, deps, stamps, body, ttl)
    }
    fn mark(&self, deps: Arc<[Dep]>) -> BoxFuture<'_, Result<Token, Unmarked>> {
        Box::pin(async move {
            let token = self.inner.mark(deps).await?;
            self.gates.pass(&self.gates.commit).await;
            Ok(token)
        })
    }
    fn post(&self, token: Token) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.gates.pass(&self.gates.post).await;
            self.inner.post(token).await;
        })
    }
    fn abandon(&self, token: Token) {
        self.inner.abandon(token);
    }
}

/// What is left out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Nothing.
    None,
    /// Stamps change after COMMIT only: a lease, or a generation that is bumped.
    NoMark,
    /// Stamps change before COMMIT only: the upstream's delete.
    NoPost,
    /// A fill takes the stamps of its own moment: the seed's SET, cacheops by default.
    FillUnderNow,
    /// A write touches its row and no list.
    NoListStamps,
    /// A write touches lists and no row.
    NoRowStamps,
    /// What is in doubt is served.
    NoDoubt,
}

/// The store in the process with a part of its protocol missing, and pauses where races are.
pub(crate) struct Mutated {
    inner: Memory,
    mutant: Mutant,
    next: AtomicU64,
    pub(crate) hits: Arc<AtomicUsize>,
    pub(crate) bypasses: Arc<AtomicUsize>,
}

impl Mutated {
    pub(crate) fn new(mutant: Mutant, seed: u64) -> Self {
        Self {
            inner: Memory::new(1 << 24),
            mutant,
            next: AtomicU64::new(seed),
            hits: Arc::default(),
            bypasses: Arc::default(),
        }
    }

    /// Up to two milliseconds, or nothing.
    async fn pause(&self) {
        let n = self.next.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst);
        let n = (n ^ (n >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 40;
        match n % 4 {
            0 => tokio::time::sleep(Duration::from_micros(n % 2000)).await,
            1 => tokio::task::yield_now().await,
            _ => {}
        }
    }

    fn touched(&self, deps: &[Dep]) -> Arc<[Dep]> {
        let kept = deps.iter().filter(|dep| match self.mutant {
            Mutant::NoListStamps => !matches!(dep, Dep::List(_)),
            Mutant::NoRowStamps => !matches!(dep, Dep::Row(..)),
            _ => true,
        });
        kept.cloned().collect()
    }

    async fn restamp(&self, deps: Arc<[Dep]>) -> Result<Token, Unmarked> {
        let token = self.inner.mark(Arc::clone(&deps)).await?;
        self.inner.post(token).await;
        Ok(Token { deps, id: 0 })
    }
}

impl Store for Mutated {
    fn read<'a>(&'a self, entry: &'a Entry, deps: &'a [Dep]) -> BoxFuture<'a, Read> {
        Box::pin(async move {
            let read = self.inner.read(entry, deps).await;
            match &read {
                Read::Hit(_) => self.hits.fetch_add(1, SeqCst),
                Read::Bypass(_) => self.bypasses.fetch_add(1, SeqCst),
                Read::Lead(_) | Read::Wait(_) => 0,
            };
            read
        })
    }

    fn peek(&self, entry: &Entry, stamps: &Stamps) -> Option<Bytes> {
        self.inner.peek(entry, stamps)
    }

    fn fill<'a>(
        &'a self,
        entry: &'a Entry,
        deps: &'a [Dep],
        stamps: &'a Stamps,
        body: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            self.pause().await;
            if self.mutant != Mutant::FillUnderNow {
                return self.inner.fill(entry, deps, stamps, body, ttl).await;
            }
            match self.inner.read(entry, deps).await {
                Read::Lead(now) => self.inner.fill(entry, deps, &now, body, ttl).await,
                _ => false,
            }
        })
    }

    fn mark(&self, deps: Arc<[Dep]>) -> BoxFuture<'_, Result<Token, Unmarked>> {
        let deps = self.touched(&deps);
        Box::pin(async move {
            match self.mutant {
                Mutant::NoMark => Ok(Token { deps, id: 0 }),
                Mutant::NoPost | Mutant::NoDoubt => {
                    let token = self.restamp(deps).await;
                    self.pause().await;
                    token
                }
                _ => {
                    let token = self.inner.mark(deps).await;
                    self.pause().await;
                    token
                }
            }
        })
    }

    fn post(&self, token: Token) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.pause().await;
            match self.mutant {
                Mutant::NoPost => {}
                Mutant::NoMark | Mutant::NoDoubt => drop(self.restamp(token.deps).await),
                _ => self.inner.post(token).await,
            }
        })
    }

    fn abandon(&self, token: Token) {
        self.inner.abandon(token);
    }
}
