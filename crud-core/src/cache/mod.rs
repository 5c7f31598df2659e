//! The cache: never stale after a 2xx, and no reader can tell that it is there, except by the clock.
//!
//! A write *marks* what it touches before its COMMIT and *posts* after it; a body is used only while everything that it
//! depends on is unmarked and has the stamp under which the body was loaded. `operations` reads through [`Cache`],
//! `db` writes through it, and a [`Store`] keeps stamps and bodies: in the process, or in Redis. Nothing here knows an
//! entity or a policy.

pub mod control;
mod deps;
mod flight;
mod memory;
mod metrics;
pub(crate) mod mutant;
mod read;
mod redis;
mod store;
mod text;
mod write;

use std::sync::Arc;

#[cfg(feature = "testing")]
pub use self::mutant::MUTANTS;
use self::{control::Permitted, flight::Flights, metrics::Counters, mutant::Mutant};
pub use self::{
    deps::Deps,
    memory::Memory,
    store::{Dep, Doubt, Entry, Fence, IN_DOUBT, Read, Stamps, Store, Table, Token, Unmarked},
};
pub(crate) use self::{
    read::{Failed, Load, Loaded},
    store::is_own,
    text::{Written, mentioned, written},
    write::{Detached, Marked, Touched},
};
use crate::db::{Db, DbKind, Executor as _, TableShape};

/// The budget of bodies in the process, unless said otherwise: 64 MiB.
///
/// ```
/// use crud_core::{Cache, cache::DEFAULT_BYTES};
///
/// let small = Cache::in_process(DEFAULT_BYTES / 4);
/// assert!(small.is_on() && !Cache::off().is_on());
/// ```
pub const DEFAULT_BYTES: u64 = 64 << 20;

/// The cache of an application. [`App`](crate::App) makes one in the process; a server with several instances gives it
/// one whose store they share.
///
/// ```
/// use crud_core::{App, Cache, Db, DbConfig, Registry};
/// use crud_core::auth::{Auth, Jwt, JwtConfig, TokenAuthenticator};
/// use crud_core::cache::DEFAULT_BYTES;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let jwt = Jwt::new(JwtConfig::new("at least thirty-two bytes of secret"))?;
/// let db = Db::connect(&DbConfig::new("sqlite::memory:")).await?;
/// let registry = Registry::new();
/// let cache = Cache::connect(&db, &registry.tables(), None, DEFAULT_BYTES).await?;
/// let app = App::with_cache(db, registry, Auth::new(jwt, TokenAuthenticator), cache);
/// # Ok(())
/// # }
/// ```
pub struct Cache {
    store: Option<Arc<dyn Store>>,
    reads: bool,
    flights: Arc<Flights>,
    counters: Counters,
}

impl Cache {
    /// Keeps bodies in the process, up to this many bytes. Right as long as one process serves the database.
    pub fn in_process(bytes: u64) -> Self {
        Self::new(Memory::new(bytes))
    }

    /// Keeps them in a store.
    pub fn new(store: impl Store) -> Self {
        Self::with(Some(Arc::new(store)))
    }

    /// Keeps nothing.
    pub fn off() -> Self {
        Self::with(None)
    }

    /// The cache that a server on this database may have: in the process on SQLite; in Redis, for any number of servers,
    /// or in the process as long as it is the only server, on PostgreSQL. `tables` are those of the entities. SQLite is
    /// served by one process and needs no Redis, so that `redis` is left alone there. The process itself keeps so many
    /// `bytes` of bodies; with 0 it reads from no cache, and on PostgreSQL still tells the others of its writes.
    ///
    /// # Errors
    /// A sentence: a Redis that may not be a cache, or a PostgreSQL without the tables of the cache or the rights.
    pub async fn connect(
        db: &Db,
        tables: &[TableShape],
        redis: Option<&str>,
        bytes: u64,
    ) -> Result<Self, String> {
        if db.kind() == DbKind::Sqlite {
            return Ok(match bytes {
                0 => Self::off(),
                bytes => Self::in_process(bytes),
            });
        }
        let tables = tables.iter().map(|table| table.name.to_owned()).collect();
        let store = match redis {
            Some(url) => Permitted::in_redis(db, tables, url, bytes).await?,
            None => {
                let memory = Arc::new(Memory::new(bytes));
                Permitted::in_process(db, tables, memory).await?
            }
        };
        let cache = Self::new(store);
        Ok(if bytes == 0 { cache.unread() } else { cache })
    }

    /// Whether this process should be sent requests: not when it alone has lost Redis.
    pub fn is_ready(&self) -> bool {
        self.store.as_ref().is_none_or(|store| store.is_ready())
    }

    /// Tells the other servers that this one has ended, so that they need not wait for it.
    pub async fn leave(&self) {
        if let Some(store) = &self.store {
            store.leave().await;
        }
    }

    fn with(store: Option<Arc<dyn Store>>) -> Self {
        Self {
            store,
            reads: true,
            flights: Arc::new(Flights::new()),
            counters: Counters::default(),
        }
    }

    /// Has this process read nothing from it. What it writes still reaches the others who do.
    #[must_use]
    pub fn unread(self) -> Self {
        Self {
            reads: false,
            ..self
        }
    }

    /// Whether this process reads from it.
    pub(crate) const fn is_read(&self) -> bool {
        self.store.is_some() && self.reads
    }

    /// Whether anything is kept.
    pub const fn is_on(&self) -> bool {
        self.store.is_some()
    }

    /// Whether a mark is good for a statement outside of a transaction only behind a fence.
    pub(crate) fn needs_fence(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.needs_fence())
    }

    /// Forgets everything that is kept, for an operator who changed the database behind every guard.
    ///
    /// # Errors
    /// If the store cannot be told.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = app().await;
    /// // Another program has written to the file of the database.
    /// if let Some(cache) = app.db().cache() {
    ///     cache.forget().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget(self: &Arc<Self>) -> Result<(), Unmarked> {
        if let Some(marked) = self.mark(Arc::new([Dep::Everything])).await? {
            marked.post().await;
        }
        Ok(())
    }

    /// Puts in doubt what a write is about to change. Nothing to do if nothing is kept.
    pub(crate) async fn mark(
        self: &Arc<Self>,
        deps: Arc<[Dep]>,
    ) -> Result<Option<Marked>, Unmarked> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        self.counters.marked(&deps);
        let token = store.mark(weakened(deps)).await?;
        Ok(Some(Marked::new(Arc::clone(store), token)))
    }

    /// The same for a statement by itself, which takes effect only behind the fence. `None`: it needs a transaction.
    pub(crate) async fn mark_fenced(self: &Arc<Self>, deps: Arc<[Dep]>) -> Option<(Marked, Fence)> {
        let store = self.store.as_ref()?;
        self.counters.marked(&deps);
        let (token, fence) = store.mark_fenced(weakened(deps)).await?;
        Some((Marked::new(Arc::clone(store), token), fence))
    }
}

/// What the rig's mutant leaves of a write's dependencies.
fn weakened(deps: Arc<[Dep]>) -> Arc<[Dep]> {
    if !mutant::lives(Mutant::NoListMark) {
        return deps;
    }
    let is_kept = |dep: &&Dep| !matches!(dep, Dep::List(_) | Dep::Part(..));
    deps.iter().filter(is_kept).cloned().collect()
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("is_on", &self.is_on())
            .finish_non_exhaustive()
    }
}
