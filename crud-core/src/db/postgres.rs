//! PostgreSQL: the pool of connections, and running statements on one of them.
//!
//! A connection goes back to the pool only if its last statement ended: a dropped request closes its connection, so
//! that nobody waits behind its query and no open transaction is ever handed on.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{
    AsyncConnection, AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection,
};
use futures_util::TryStreamExt;

use super::clock::Clock;
use super::config::DbConfig;
use super::error::{DbError, DbResult};
use super::error_postgres::{from_connecting, from_postgres};
use super::executor::Sink;
use super::fragment::Stmt;
use super::{IDLE_IN_TRANSACTION, MAX_CACHED_STATEMENTS};
use crate::cache::mutant::{Mutant, lives};

/// How long opening a connection outside of the pool may take.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(5);

/// The pool. Clones share it.
#[derive(Clone)]
pub(super) struct PgDb {
    pool: Pool<PgManager>,
    application_name: Arc<str>,
}

impl PgDb {
    pub(super) async fn connect(config: &DbConfig) -> DbResult<Self> {
        let manager = PgManager {
            url: config.url.clone(),
            setup: session_settings(config),
        };
        let pool = Pool::builder(manager)
            .max_size(config.pool_size.max(1))
            .wait_timeout(Some(config.wait_timeout))
            .create_timeout(Some(config.create_timeout))
            .recycle_timeout(Some(config.recycle_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|e| DbError::Config(format!("the PostgreSQL pool cannot be built: {e}")))?;
        let application_name = config.application_name.as_str().into();
        let db = Self {
            pool,
            application_name,
        };
        // A wrong host or password is found at start, not by the first request.
        db.lease().await?.release();
        Ok(db)
    }

    /// Takes a connection from the pool.
    pub(super) async fn lease(&self) -> DbResult<PgLease> {
        match self.pool.get().await {
            Ok(object) => Ok(PgLease {
                object: Some(object),
            }),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                Err(DbError::Busy("no connection became free in time"))
            }
            Err(PoolError::Timeout(_)) => {
                Err(DbError::Unavailable("it does not answer in time".into()))
            }
            Err(PoolError::Backend(error)) => Err(from_connecting(error)),
            Err(PoolError::Closed) => Err(DbError::Unavailable("the pool is closed".into())),
            Err(other @ (PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_))) => {
                Err(DbError::other(other.to_string()))
            }
        }
    }

    /// What its connections are called.
    pub(super) fn application_name(&self) -> &str {
        &self.application_name
    }

    /// A connection of its own, outside of the pool and without its limits.
    pub(super) async fn apart(&self) -> DbResult<AsyncPgConnection> {
        let opened = tokio::time::timeout(CONNECT, self.pool.manager().open()).await;
        match opened {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(from_connecting(error)),
            Err(_) => Err(DbError::Unavailable("it does not answer in time".into())),
        }
    }

    pub(super) async fn load(&self, stmt: Stmt, sink: Box<dyn Sink>) -> DbResult<Box<dyn Sink>> {
        let lease = self.lease().await?;
        let result = load(&lease, stmt, sink).await;
        lease.after(result)
    }

    pub(super) async fn execute(&self, stmt: Stmt) -> DbResult<usize> {
        let lease = self.lease().await?;
        let result = execute(&lease, stmt).await;
        lease.after(result)
    }

    pub(super) async fn batch(&self, sql: &str) -> DbResult<()> {
        let lease = self.lease().await?;
        let result = batch(&lease, sql).await;
        lease.after(result)
    }
}

/// Feeds the rows of `stmt` to `sink`.
pub(super) async fn load(
    mut conn: &AsyncPgConnection,
    stmt: Stmt,
    mut sink: Box<dyn Sink>,
) -> DbResult<Box<dyn Sink>> {
    let _clock = Clock::start();
    let mut rows = AsyncConnectionCore::load(&mut conn, stmt)
        .await
        .map_err(from_postgres)?;
    while let Some(row) = rows.try_next().await.map_err(from_postgres)? {
        sink.pg(&row).map_err(DbError::Decode)?;
    }
    Ok(sink)
}

/// Runs `stmt`; says how many rows it touched.
pub(super) async fn execute(mut conn: &AsyncPgConnection, stmt: Stmt) -> DbResult<usize> {
    let _clock = Clock::start();
    AsyncConnectionCore::execute_returning_count(&mut conn, stmt)
        .await
        .map_err(from_postgres)
}

/// Runs several statements of plain SQL.
pub(super) async fn batch(mut conn: &AsyncPgConnection, sql: &str) -> DbResult<()> {
    SimpleAsyncConnection::batch_execute(&mut conn, sql)
        .await
        .map_err(from_postgres)
}

/// A connection out of the pool. Goes back by [`PgLease::release`]; dropped otherwise, it is closed.
pub struct PgLease {
    object: Option<Object<PgManager>>,
}

impl PgLease {
    /// Gives the connection back, unless the server said that it ends: then the socket closes a moment later.
    fn after<R>(self, result: DbResult<R>) -> DbResult<R> {
        match result {
            Err(error @ DbError::Unavailable(_)) => Err(error),
            other => {
                self.release();
                other
            }
        }
    }

    /// Gives the connection back to the pool. Nothing may run on it and no transaction be open.
    pub fn release(mut self) {
        drop(self.object.take());
    }
}

const HELD: &str = "a lease holds its connection until it ends";

impl Deref for PgLease {
    type Target = AsyncPgConnection;
    fn deref(&self) -> &AsyncPgConnection {
        &self.object.as_ref().expect(HELD).conn
    }
}

impl DerefMut for PgLease {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.object.as_mut().expect(HELD).conn
    }
}

impl Drop for PgLease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

/// A pooled connection, with the number of statements it keeps prepared.
pub(super) struct PgConn {
    conn: AsyncPgConnection,
    cached: Arc<AtomicUsize>,
}

pub(super) struct PgManager {
    url: String,
    setup: String,
}

impl PgManager {
    async fn open(&self) -> diesel::ConnectionResult<AsyncPgConnection> {
        let mut conn = AsyncPgConnection::establish(&self.url).await?;
        match conn.batch_execute(&self.setup).await {
            Ok(()) => Ok(conn),
            Err(error) => Err(diesel::ConnectionError::CouldntSetupConfiguration(error)),
        }
    }
}

impl Manager for PgManager {
    // Boxed: it is moved in and out of the pool for every statement.
    type Type = Box<PgConn>;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<Box<PgConn>, Self::Error> {
        // Boxed: a large future and a rare one, which would else be a part of every statement's.
        let mut conn = Box::pin(self.open()).await?;
        let cached = Arc::new(AtomicUsize::new(0));
        conn.set_instrumentation(CountCached(cached.clone()));
        Ok(Box::new(PgConn { conn, cached }))
    }

    /// No round trip: a connection whose socket is closed is known without asking the server.
    async fn recycle(&self, pooled: &mut Box<PgConn>, _: &Metrics) -> RecycleResult<Self::Error> {
        if pooled.conn.is_broken() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if pooled.cached.load(Ordering::Relaxed) > MAX_CACHED_STATEMENTS {
            pooled.cached.store(0, Ordering::Relaxed);
            pooled
                .conn
                .set_prepared_statement_cache_size(CacheSize::Disabled);
            pooled
                .conn
                .set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
        Ok(())
    }
}

/// Counts statements as they enter Diesel's cache, which has no bound of its own.
pub(super) struct CountCached(pub(super) Arc<AtomicUsize>);

impl Instrumentation for CountCached {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::CacheQuery { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn session_settings(config: &DbConfig) -> String {
    let name = config.application_name.replace('\'', "''");
    let idle = match lives(Mutant::NoIdleLimit) {
        true => Duration::ZERO,
        false => IDLE_IN_TRANSACTION,
    };
    let marks = if config.marks_writes { "on" } else { "off" };
    // `crud.framework` tells the triggers of `cache::control` whether whoever writes here marks what it writes.
    // Optional settings each in a block of their own: English messages need a privilege (they are how errors are
    // told apart), and noticing a client that went away needs PostgreSQL 14.
    format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; SET TIME ZONE 'UTC'; \
         SET application_name = '{name}'; SET client_min_messages = warning; \
         SET crud.framework = '{marks}'; \
         DO $$ BEGIN PERFORM set_config('lc_messages', 'C', false); EXCEPTION WHEN OTHERS THEN NULL; END $$; \
         DO $$ BEGIN PERFORM set_config('client_connection_check_interval', '1s', false); \
         EXCEPTION WHEN OTHERS THEN NULL; END $$",
        config.statement_timeout.as_millis(),
        idle.as_millis(),
    )
}
