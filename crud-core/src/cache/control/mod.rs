//! The control plane: whether this process may use the cache at this moment, agreed upon in PostgreSQL.
//!
//! One row says whether the cache is on, and under which epoch. Every process asks for it four times a second on a
//! connection of its own; an answer is a *permit* for one second from when the question was sent. Without a permit
//! there are no hits and no fills. A write that cannot mark switches the cache off for all, waits until every permit
//! has lapsed, and commits. An epoch begins only after all permits of the one before have lapsed, and serves only
//! after every transaction that was open when it began has ended.
//!
//! A statement outside of a transaction is open from its beginning on, and its mark comes before. So it carries a fence:
//! it takes effect only if its plan finds the epoch of its mark, and if it comes soon enough after it.
//!
//! [`Permitted`] is what the cache uses: a store behind this. It must never let a body through without a permit, nor a
//! write without a mark or a switch. Its proof is the model in `tests/model`: `switch` and `split`.

mod fence;
mod outside;
mod permit;
mod session;
mod state;
mod task;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::permit::Permit;
use self::task::{Ask, Task};
use super::mutant::{Mutant, lives};
use super::redis::{RedisStore, random};
use super::store::{Dep, Doubt, Entry, Fence, Read, Stamps, Store, Token, Unmarked};
use crate::db::Db;

/// For how long an answer is a permit, from when the question was sent.
const PERMIT: Duration = Duration::from_millis(1_000);
/// How long until every permit has lapsed.
const LAPSE: Duration = Duration::from_millis(1_050);
/// How often the database is asked.
const POLL: Duration = Duration::from_millis(250);
/// For how long what keeps the bodies must be well before the cache is on again.
const WELL: Duration = Duration::from_secs(2);
/// After how long without Redis, while others have it, a process takes itself out of service.
const ALONE: Duration = Duration::from_secs(10);
/// How long the control plane waits for new stamps.
const RENEW: Duration = Duration::from_millis(500);
/// How long a write waits for an answer about the switch.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long after it was marked a statement by itself may reach the database. With the age of a mark that it shares (250 ms)
/// and the statement timeout, that stays below [`IN_DOUBT`](super::IN_DOUBT).
const LATE: Duration = Duration::from_secs(3);

/// What keeps stamps and bodies.
#[derive(Clone)]
pub(super) enum Backend {
    /// Redis, for all processes that have it.
    Redis(Arc<RedisStore>),
    /// This process, as long as it is the only one.
    Process(Arc<dyn Store>),
}

impl Backend {
    /// For how long it has been well.
    fn well_for(&self) -> Option<Duration> {
        match self {
            Self::Redis(redis) => redis.up_for(),
            Self::Process(_) => Some(Duration::MAX),
        }
    }

    /// Makes what was filled before unusable, and begins the epoch.
    async fn begin(&self, epoch: &str, old: Option<&str>) -> Result<(), String> {
        match self {
            Self::Redis(redis) => redis.begin(epoch, old).await,
            Self::Process(store) => renew(store.as_ref(), Arc::new([Dep::Everything])).await,
        }
    }

    /// Gives new stamps to what was written from outside.
    async fn renew(&self, deps: Arc<[Dep]>) -> Result<(), String> {
        match self {
            Self::Redis(redis) => {
                let token = u128::from_be_bytes(random());
                // Whoever asks for the switch waits for this; what was not told is told with the next poll.
                let marked = tokio::time::timeout(RENEW, redis.mark(&deps, token)).await;
                marked.unwrap_or_else(|_| Err("Redis is late".to_owned()))?;
                post(redis, token);
                Ok(())
            }
            Self::Process(store) => renew(store.as_ref(), deps).await,
        }
    }

    fn adopt(&self, epoch: Option<&str>) {
        if let Self::Redis(redis) = self {
            redis.adopt(epoch);
        }
    }

    /// Waits until it is found to have lost the epoch.
    async fn fenced(&self) {
        match self {
            Self::Redis(redis) => redis.fenced().await,
            Self::Process(_) => std::future::pending().await,
        }
    }
}

/// Nobody hits before it is done, so whoever wrote need not wait for it.
fn post(redis: &Arc<RedisStore>, token: u128) {
    if let Some(posts) = redis.post(token) {
        let redis = Arc::clone(redis);
        tokio::spawn(async move { redis.end(posts).await });
    }
}

async fn renew(store: &dyn Store, deps: Arc<[Dep]>) -> Result<(), String> {
    let token = store.mark(deps).await.map_err(|error| error.to_string())?;
    store.post(token).await;
    Ok(())
}

/// A store that is used only with a permit. Clones are the same; dropping the last ends its connection to the database.
///
/// ```
/// use crud_core::{Cache, Db, cache::{DEFAULT_BYTES, Memory, control::Permitted}};
/// use std::sync::Arc;
///
/// /// On PostgreSQL: as [`Cache::connect`] without Redis.
/// async fn alone(db: &Db) -> Result<Cache, String> {
///     let memory = Arc::new(Memory::new(DEFAULT_BYTES));
///     Ok(Cache::new(Permitted::in_process(db, vec!["courses".to_owned()], memory).await?))
/// }
/// ```
#[derive(Clone)]
pub struct Permitted {
    backend: Backend,
    permit: Arc<Permit>,
    asks: mpsc::Sender<Ask>,
    _task: Arc<Running>,
}

struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Permitted {
    /// The cache in Redis, for every process with the same database and the same Redis. `tables` are those with
    /// entities: they get a slot each, and triggers that see writes from outside. The process itself
    /// keeps so many bytes of bodies, too.
    ///
    /// # Errors
    /// A sentence: a Redis that may not be a cache, or a database without the tables or the rights.
    pub async fn in_redis(
        db: &Db,
        tables: Vec<String>,
        url: &str,
        bytes: u64,
    ) -> Result<Self, String> {
        let redis = RedisStore::new(url, tables.clone(), bytes)
            .await
            .map_err(|error| format!("REDIS_URL: {error}"))?;
        Self::start(db, tables, Backend::Redis(Arc::new(redis))).await
    }

    /// The cache in this process, used while no other process has the same database.
    ///
    /// # Errors
    /// A sentence: a database without the tables or the rights.
    pub async fn in_process(
        db: &Db,
        tables: Vec<String>,
        store: Arc<dyn Store>,
    ) -> Result<Self, String> {
        Self::start(db, tables, Backend::Process(store)).await
    }

    async fn start(db: &Db, tables: Vec<String>, backend: Backend) -> Result<Self, String> {
        let permit = Arc::new(Permit::new());
        let (asks, asked) = mpsc::channel(1_024);
        let mut task = Task::new(db.clone(), tables, backend.clone(), permit.clone(), asked);
        task.open().await?;
        let task = tokio::spawn(task.run());
        Ok(Self {
            backend,
            permit,
            asks,
            _task: Arc::new(Running(task)),
        })
    }

    /// Whether this process should be sent requests: not when it alone has lost Redis, for so long that the others
    /// shall not wait for it any more.
    pub fn is_ready(&self) -> bool {
        !self.permit.is_retired()
    }

    /// Whether there may be hits at this moment.
    pub fn is_on(&self) -> bool {
        self.permit.serves()
    }

    /// Tells the other processes that this one has ended: they need not wait for it.
    pub async fn leave(&self) {
        let _ = self.ask(Ask::Leave).await;
    }

    async fn ask(&self, ask: impl FnOnce(oneshot::Sender<()>) -> Ask) -> Result<(), Unmarked> {
        let (done, answer) = oneshot::channel();
        let asked = async {
            self.asks.send(ask(done)).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(())) => Ok(()),
            Ok(None) | Err(_) => Err(Unmarked(
                "the database does not answer on the control connection".into(),
            )),
        }
    }

    /// Puts in doubt, or makes sure that nobody looks.
    async fn mark_or_switch(&self, deps: Arc<[Dep]>) -> Result<Token, Unmarked> {
        if self.permit.is_retired() {
            return Err(Unmarked(
                "this process has lost Redis, and others have not".into(),
            ));
        }
        if !self.permit.may_mark() {
            // The last answer may only be late: what counts is the answer to a question asked now, after BEGIN.
            self.ask(Ask::Look).await?;
        }
        if self.permit.may_mark() {
            match self.try_mark(deps.clone()).await {
                Ok(token) => return Ok(token),
                Err(_) if lives(Mutant::NoSwitch) => return Ok(self.unmarked(deps)),
                Err(reason) => {
                    tracing::warn!(
                        reason,
                        "a write cannot be marked: the cache is switched off"
                    );
                    self.ask(Ask::SwitchOff).await?;
                }
            }
        } else if self.permit.until_all_lapsed().is_none() {
            self.ask(Ask::SwitchOff).await?;
        }
        let wait = self
            .permit
            .until_all_lapsed()
            .ok_or_else(|| Unmarked("the cache is switched on and off".into()))?;
        metrics::counter!("cache_writes_unmarked_total").increment(1);
        if !lives(Mutant::NoPermitWait) {
            tokio::time::sleep(wait).await;
        }
        // Somebody may have switched it on meanwhile: whoever does waits for this transaction, which is open.
        match &self.backend {
            Backend::Redis(_) => Ok(self.unmarked(deps)),
            Backend::Process(store) => store.mark(deps).await,
        }
    }

    fn unmarked(&self, deps: Arc<[Dep]>) -> Token {
        let id = u128::from_be_bytes(random());
        Token { deps, id }
    }

    async fn try_mark(&self, deps: Arc<[Dep]>) -> Result<Token, String> {
        match &self.backend {
            Backend::Redis(redis) => {
                let id = u128::from_be_bytes(random());
                redis.mark(&deps, id).await?;
                Ok(Token { deps, id })
            }
            Backend::Process(store) => store.mark(deps).await.map_err(|error| error.to_string()),
        }
    }
}

impl Store for Permitted {
    fn read<'a>(&'a self, entry: &'a Entry, deps: &'a [Dep]) -> BoxFuture<'a, Read> {
        Box::pin(async move {
            if !self.permit.serves() {
                return Read::Bypass(Doubt::Away);
            }
            match &self.backend {
                Backend::Redis(redis) => redis.read(entry, deps).await,
                Backend::Process(store) => store.read(entry, deps).await,
            }
        })
    }

    fn peek(&self, entry: &Entry, stamps: &Stamps) -> Option<Bytes> {
        match &self.backend {
            _ if !self.permit.serves() => None,
            Backend::Process(store) => store.peek(entry, stamps),
            Backend::Redis(redis) => redis.peek(entry, stamps),
        }
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
            if !self.permit.serves() {
                return false;
            }
            match &self.backend {
                Backend::Redis(redis) => redis.fill(entry, deps, stamps, body, ttl).await,
                Backend::Process(store) => store.fill(entry, deps, stamps, body, ttl).await,
            }
        })
    }

    fn mark(&self, deps: Arc<[Dep]>) -> BoxFuture<'_, Result<Token, Unmarked>> {
        Box::pin(self.mark_or_switch(deps))
    }

    fn post(&self, token: Token) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match &self.backend {
                Backend::Redis(redis) => post(redis, token.id),
                Backend::Process(store) => store.post(token).await,
            }
        })
    }

    fn abandon(&self, token: Token) {
        match &self.backend {
            Backend::Redis(redis) => redis.abandon(token.id),
            Backend::Process(store) => store.abandon(token),
        }
    }

    fn mark_fenced(&self, deps: Arc<[Dep]>) -> BoxFuture<'_, Option<(Token, Fence)>> {
        Box::pin(async move {
            // First the fence: an epoch that is adopted between the two is another than the fence's.
            let fence = self.permit.fence()?;
            let token = self.try_mark(deps).await.ok()?;
            Some((token, fence))
        })
    }

    fn needs_fence(&self) -> bool {
        true
    }

    fn is_ready(&self) -> bool {
        self.is_ready()
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.leave())
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod alone_tests;
#[cfg(test)]
#[cfg(feature = "testing")]
mod fence_tests;
#[cfg(test)]
#[cfg(feature = "testing")]
mod oracle_tests;
#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
