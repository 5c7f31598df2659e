//! PostgreSQL: the pool of connections, and running statements on one of them.
//!
//! A connection goes back to the pool only if its last statement ended. One whose request was dropped has a moment to
//! come to that end, and is closed if it does not: a client that hangs up costs no new connection, nobody waits behind
//! its query for long, and no open transaction is ever handed on.

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::runtime::Handle;
use tokio_postgres::NoTls;

use super::IDLE_IN_TRANSACTION;
use super::clock::Clock;
use super::config::DbConfig;
use super::connection::PgConn;
use super::error::{DbError, DbResult};
use super::error_postgres::from_postgres;
use super::executor::Sink;
use super::fragment::Stmt;
use crate::cache::mutant::{Mutant, lives};

/// How long opening a connection outside of the pool may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a connection may take to end what a dropped request had begun: most statements take less, and who waits
/// for a connection does not wait long.
const ENDING: Duration = Duration::from_millis(250);

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
                end: Some(""),
            }),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                Err(DbError::Busy("no connection became free in time"))
            }
            Err(PoolError::Timeout(_)) => {
                Err(DbError::Unavailable("it does not answer in time".into()))
            }
            Err(PoolError::Backend(error)) => Err(error),
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

    /// A connection of its own, outside of the pool and without its limits, with a task that drives it.
    pub(super) async fn apart(&self) -> DbResult<AsyncPgConnection> {
        let PgManager { url, setup } = self.pool.manager();
        let opening = async {
            let (client, connection) = tokio_postgres::connect(url, NoTls)
                .await
                .map_err(from_postgres)?;
            // Nobody marks what is written here: the triggers tell of it.
            let setup = format!("{setup}; SET crud.framework = 'off'");
            let conn = AsyncPgConnection::try_from_client_and_connection(client, connection).await;
            let mut conn = conn.map_err(|error| DbError::Unavailable(error.to_string()))?;
            conn.batch_execute(&setup)
                .await
                .map_err(|error| DbError::Unavailable(error.to_string()))?;
            Ok(conn)
        };
        match tokio::time::timeout(CONNECT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(DbError::Unavailable("it does not answer in time".into())),
        }
    }

    pub(super) async fn load(&self, stmt: &Stmt, sink: &mut dyn Sink) -> DbResult<()> {
        let lease = self.lease().await?;
        let result = lease.load(stmt, sink).await;
        lease.after(result)
    }

    pub(super) async fn execute(&self, stmt: Stmt) -> DbResult<usize> {
        let lease = self.lease().await?;
        let result = lease.execute(stmt).await;
        lease.after(result)
    }

    pub(super) async fn batch(&self, sql: &str) -> DbResult<()> {
        let lease = self.lease().await?;
        let result = lease.batch(sql).await;
        lease.after(result)
    }
}

/// A connection out of the pool. Goes back by [`PgLease::release`]; dropped otherwise, it goes back when it has ended
/// what it was at, or is closed.
pub(super) struct PgLease {
    object: Option<Object<PgManager>>,
    /// The SQL that shows that whatever was begun has ended; `None`: nothing does.
    end: Option<&'static str>,
}

impl PgLease {
    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> DbResult<()> {
        self.end = Some("ROLLBACK");
        self.batch("BEGIN").await
    }

    /// Feeds the rows of `stmt` to `sink`.
    pub(super) async fn load(&self, stmt: &Stmt, sink: &mut dyn Sink) -> DbResult<()> {
        let _clock = Clock::start();
        self.conn().load(stmt, Some(sink)).await.map(drop)
    }

    /// Runs `stmt`; says how many rows it touched.
    pub(super) async fn execute(&self, stmt: Stmt) -> DbResult<usize> {
        let _clock = Clock::start();
        let rows = self.conn().load(&stmt, None).await?;
        usize::try_from(rows).map_err(|error| DbError::Other(Box::new(error)))
    }

    /// Runs several statements of plain SQL.
    pub(super) async fn batch(&self, sql: &str) -> DbResult<()> {
        self.conn().batch(sql).await
    }

    fn conn(&self) -> &PgConn {
        let object = self.object.as_ref();
        object.expect("a lease holds its connection until it ends")
    }

    /// Gives the connection back, unless the server said that it ends: then the socket closes a moment later.
    fn after<R>(mut self, result: DbResult<R>) -> DbResult<R> {
        match result {
            Err(error @ DbError::Unavailable(_)) => {
                self.close();
                Err(error)
            }
            other => {
                self.release();
                other
            }
        }
    }

    /// Gives the connection back to the pool. Nothing may run on it and no transaction be open.
    pub(super) fn release(mut self) {
        drop(self.object.take());
    }

    fn close(&mut self) {
        drop(self.object.take().map(Object::take));
    }
}

impl Drop for PgLease {
    fn drop(&mut self) {
        if self.object.is_none() {
            return;
        }
        let (Some(end), Ok(runtime)) = (self.end.take(), Handle::try_current()) else {
            return self.close();
        };
        // Dropped once more, it closes.
        let lease = Self {
            object: self.object.take(),
            end: None,
        };
        runtime.spawn(async move {
            if let Ok(Ok(())) = tokio::time::timeout(ENDING, lease.batch(end)).await {
                lease.release();
            }
        });
    }
}

pub(super) struct PgManager {
    url: String,
    setup: String,
}

impl Manager for PgManager {
    // Boxed: it is moved in and out of the pool for every statement.
    type Type = Box<PgConn>;
    type Error = DbError;

    async fn create(&self) -> DbResult<Box<PgConn>> {
        // Boxed: a large future and a rare one, which would else be a part of every statement's.
        let opened = Box::pin(PgConn::open(&self.url, &self.setup)).await?;
        Ok(Box::new(opened))
    }

    async fn recycle(&self, conn: &mut Box<PgConn>, _: &Metrics) -> RecycleResult<DbError> {
        if conn.is_broken() {
            return Err(RecycleError::message("the connection is closed"));
        }
        Ok(())
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
