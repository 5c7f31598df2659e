//! The reading side: a body that is current, from the store or by one load that all who ask share.
//!
//! While a write is in doubt a reader asks the database, together with whoever else asks. A reader who had to wait, or
//! whose load takes long, first looks whether the doubt has ended: then he is as good as one who comes now.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::Instant;

use super::{Cache, Dep, Doubt, Entry, Read, Stamps, Store};
use crate::db::{Db, DbError};

/// Larger bodies are not kept.
const LARGEST_BODY: usize = 256 << 10;

/// How long a reader waits for another process that loads the same body, in steps.
const WAITS: [Duration; 3] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
];

/// How often a reader who waits for the end of a doubt looks again.
const DOUBT_STEP: Duration = Duration::from_millis(1);

/// What a load brings.
pub(crate) struct Loaded {
    pub(crate) body: Bytes,
    /// How long it may be kept.
    pub(crate) ttl: Duration,
}

/// A load, not begun.
pub(crate) type Load = BoxFuture<'static, Result<Loaded, Failed>>;

/// Why a load brought nothing: shared by all who waited for it.
#[derive(Debug, Clone)]
pub(crate) enum Failed {
    Db(Arc<DbError>),
    Other(Arc<crate::Error>),
    /// Its task panicked.
    Lost,
}

impl Cache {
    /// A body that is current, from the store or by `load`, which then fills it for others. Before a kept body is
    /// used, the store must be known to have heard of all writes of `db`, by whomever.
    pub(crate) async fn through<L>(
        self: &Arc<Self>,
        db: &Db,
        entry: Entry,
        deps: &[Dep],
        load: L,
    ) -> Result<Bytes, Failed>
    where
        L: FnOnce() -> Load,
    {
        let Some(store) = &self.store else {
            return Ok(load().await?.body);
        };
        let counted = self.counters.of(entry.of);
        let mut read = look(&**store, db, &entry, deps).await;
        for wait in WAITS {
            if !matches!(read, Read::Wait(_)) {
                break;
            }
            tokio::time::sleep(wait).await;
            read = look(&**store, db, &entry, deps).await;
        }
        match read {
            Read::Hit(body) => {
                counted.hits.increment(1);
                Ok(body)
            }
            Read::Lead(stamps) | Read::Wait(stamps) => {
                counted.misses.increment(1);
                self.lead(store, entry, deps, stamps, load).await
            }
            Read::Bypass(doubt) => {
                counted.bypassed(doubt);
                self.bypass(store, db, entry, deps, load).await
            }
        }
    }

    /// Asks the database, together with who comes before the load begins, unless the doubt has ended by then.
    async fn bypass<L>(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        db: &Db,
        entry: Entry,
        deps: &[Dep],
        load: L,
    ) -> Result<Bytes, Failed>
    where
        L: FnOnce() -> Load,
    {
        let key = entry.key.clone();
        let start = |queued| {
            let (cache, store) = (Arc::clone(self), Arc::clone(store));
            let (db, deps, load) = (db.clone(), deps.to_vec(), load());
            async move {
                match cache.later(&*store, &db, &entry, &deps, queued).await {
                    Some(Read::Hit(body)) => Ok(body),
                    Some(Read::Lead(stamps) | Read::Wait(stamps)) => {
                        cache.lead(&store, entry, &deps, stamps, || load).await
                    }
                    Some(Read::Bypass(_)) | None => {
                        Ok(cache.flights.timed(&entry.key, load).await?.body)
                    }
                }
            }
            .boxed()
        };
        self.flights.next(&key, start).await
    }

    /// What the store says to somebody who found a doubt and waited, for others' loads or for the doubt's end. `None`
    /// to one who need not wait: a load that is quick costs less than the waiting.
    async fn later(
        &self,
        store: &dyn Store,
        db: &Db,
        entry: &Entry,
        deps: &[Dep],
        queued: bool,
    ) -> Option<Read> {
        let patience = self.flights.took(&entry.key);
        if !queued && patience.is_zero() {
            return None;
        }
        let until = Instant::now() + patience;
        loop {
            let read = look(store, db, entry, deps).await;
            if !matches!(read, Read::Bypass(Doubt::Marked)) || Instant::now() >= until {
                return Some(read);
            }
            tokio::time::sleep(DOUBT_STEP).await;
        }
    }

    async fn lead<L>(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        entry: Entry,
        deps: &[Dep],
        stamps: Stamps,
        load: L,
    ) -> Result<Bytes, Failed>
    where
        L: FnOnce() -> Load,
    {
        let key = entry.key.clone();
        let start = || {
            let (cache, store, stamps) = (Arc::clone(self), Arc::clone(store), stamps.clone());
            let (deps, load) = (deps.to_vec(), load());
            async move {
                // Someone may have landed between our look and our start.
                if let Some(body) = store.peek(&entry, &stamps) {
                    return Ok(body);
                }
                let Loaded { body, ttl } = cache.flights.timed(&entry.key, load).await?;
                if body.len() <= LARGEST_BODY {
                    let kept = store.fill(&entry, &deps, &stamps, body.clone(), ttl).await;
                    if !kept {
                        cache.counters.of(entry.of).refused.increment(1);
                    }
                }
                Ok(body)
            }
            .boxed()
        };
        self.flights.clean(&key, &stamps, start).await
    }

    /// Whether the store would still serve this very body: a second look at one that was used together with others.
    pub(crate) async fn still(&self, entry: &Entry, deps: &[Dep], body: &Bytes) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        matches!(store.read(entry, deps).await, Read::Hit(now) if now == *body)
    }
}

/// What the store says, if it is known to have heard of all writes.
async fn look(store: &dyn Store, db: &Db, entry: &Entry, deps: &[Dep]) -> Read {
    let read = store.read(entry, deps).await;
    if db.is_known_current() || !matches!(read, Read::Hit(_)) {
        return read;
    }
    match db.is_current().await {
        // What was kept then may be known to be old now.
        true => store.read(entry, deps).await,
        false => Read::Bypass(Doubt::Away),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
