//! The database layer: PostgreSQL or SQLite behind one [`Db`], chosen by URL when the program starts.
//!
//! Operations build a [`Stmt`] of fragments that both databases render and run it on an [`Executor`], which is a
//! [`Db`] (each statement by itself) or a [`Tx`]. This layer knows no entity, no HTTP and no policy; what differs
//! between the databases is in `postgres`, `sqlite` and their error files, nowhere else.

mod clock;
mod column;
mod columns;
mod config;
mod connection;
mod contains;
mod drift;
mod error;
mod error_postgres;
mod error_sqlite;
mod executor;
mod follow_ups;
mod foreign_keys;
pub mod fragment;
mod migrate;
mod observed;
mod postgres;
mod postgres_row;
mod prepared;
pub mod sql_types;
mod sqlite;
mod transaction;
mod tx;
pub mod types;
mod words;
mod write;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub(crate) use self::column::{ColumnFragment, column};
pub use self::columns::{ColumnKind, ColumnList, ColumnShape, ColumnType, TableShape};
pub use self::config::{DbConfig, DbKind};
use self::config::{Target, target};
pub use self::contains::ContainsCi;
pub use self::drift::{Difference, DifferenceKind, FoundColumn};
pub use self::error::{DbError, DbResult};
pub use self::executor::{Access, Executor, FromRow, Load, PgRow, QueryFor, Sink, SqliteRow};
pub use self::foreign_keys::ForeignKey;
pub(crate) use self::fragment::Effect;
pub use self::fragment::{Dialect, Frag, Fragment, NoPeek, Part, Rendered, Stmt, bind};
pub use self::migrate::{Migration, Migrations};
use self::observed::Observed;
pub(crate) use self::observed::text;
use self::postgres::PgDb;
use self::sqlite::SqliteDb;
pub use self::transaction::AsyncFunc;
pub use self::tx::Tx;
pub use self::types::{Decimal, DecimalError, Json, JsonFault, Timestamp, TimestampError, Uuid};
pub(crate) use self::types::{Scaled, digits_of};

/// A transaction that does nothing for this long is rolled back: it holds locks, on SQLite all of them.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

/// What each statement says at level TRACE to this target, just before it runs.
macro_rules! trace_statement {
    ($what:expr) => {
        tracing::trace!(target: "crud_core::statements", what = ?$what, "statement")
    };
}
use trace_statement;

/// Statements that one connection keeps prepared: past this they are forgotten, and prepared again as they come.
const MAX_CACHED_STATEMENTS: usize = 500;

/// A database. Clones are cheap and share its connections.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let db = app().await.db().clone();
/// db.transaction(async |tx: &crud_core::Tx| {
///     let new = (courses::id.eq(Uuid::now_v7()), courses::title.eq("Rust"), courses::price.eq(1),
///         courses::is_published.eq(true), courses::created_at.eq(Timestamp::now()),
///         courses::updated_at.eq(Timestamp::now()));
///     tx.run(diesel::insert_into(courses::table).values(new)).await
/// })
/// .await
/// .map_err(Error::database)?;
/// let titles: Vec<String> = db.fetch(courses::table.select(courses::title)).await.map_err(Error::database)?;
/// assert_eq!(titles, ["Rust"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    backend: Backend,
    /// What others call the same database by; none if nobody else can reach it.
    url: Option<String>,
    observed: Arc<Observed>,
}

enum Backend {
    Pg(PgDb),
    Sqlite(SqliteDb),
}

impl Db {
    /// Opens the database of `config.url`. Fails if it cannot be reached: at start, not at the first request.
    pub async fn connect(config: &DbConfig) -> DbResult<Self> {
        let backend = match target(&config.url)? {
            Target::Postgres => Backend::Pg(PgDb::connect(config).await?),
            file => Backend::Sqlite(SqliteDb::connect(config, file)?),
        };
        let is_own = matches!(&backend, Backend::Sqlite(sqlite) if sqlite.is_in_memory());
        Ok(Self(Arc::new(Inner {
            backend,
            url: (!is_own).then(|| config.url.clone()),
            observed: Arc::default(),
        })))
    }

    /// Begins a transaction that the caller ends with [`Tx::commit`] or [`Tx::rollback`]. Prefer
    /// [`Db::transaction`].
    pub async fn begin(&self) -> DbResult<Tx> {
        self.check(Access::Write)?;
        let observer = self.observer().await?;
        let tx = match &self.0.backend {
            Backend::Pg(pg) => Tx::begin_pg(pg.lease().await?).await?,
            Backend::Sqlite(sqlite) => Tx::sqlite(sqlite.begin().await?),
        };
        Ok(tx.observed(observer))
    }

    /// Runs several statements of plain SQL, each by itself, as a write.
    pub async fn batch(&self, sql: &str) -> DbResult<()> {
        self.check(Access::Write)?;
        let touched = match self.observer().await? {
            Some(observer) => {
                let touched = observer.touched_by_text(sql);
                Some((observer, touched))
            }
            None => None,
        };
        let (db, sql) = (self.clone(), sql.to_owned());
        let work = async move {
            match &db.0.backend {
                Backend::Pg(pg) => pg.batch(&sql).await,
                Backend::Sqlite(sqlite) => sqlite.batch(&sql).await,
            }
        };
        match touched {
            Some((observer, touched)) if !touched.is_empty() => observer.run(touched, work).await,
            _ => work.await,
        }
    }

    /// Whether the database answers now, for `/health/ready`.
    pub async fn answers(&self) -> bool {
        let one = diesel::dsl::sql::<diesel::sql_types::Integer>("1");
        let answer: DbResult<Vec<i32>> = self.fetch(diesel::select(one)).await;
        answer.is_ok()
    }

    /// A connection of the caller's own if this is PostgreSQL, for what only PostgreSQL can do (`LISTEN`, `COPY`, advisory
    /// locks): outside of the pool and of its limits, with the pool's settings, closed when dropped. What is written
    /// through it is seen by the cache's triggers, as any write from outside.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the server refuses it or does not answer within 5 s.
    ///
    /// ```
    /// use crud_core::Db;
    /// use diesel_async::SimpleAsyncConnection as _;
    ///
    /// /// Rebuilds what only PostgreSQL has.
    /// async fn refresh(db: &Db) -> Result<(), Box<dyn std::error::Error>> {
    ///     match db.postgres().await {
    ///         Some(connection) => Ok(connection?.batch_execute("REFRESH MATERIALIZED VIEW sales").await?),
    ///         None => Ok(()),
    ///     }
    /// }
    /// ```
    pub async fn postgres(&self) -> Option<DbResult<diesel_async::AsyncPgConnection>> {
        match &self.0.backend {
            Backend::Pg(pg) => Some(pg.apart().await),
            Backend::Sqlite(_) => None,
        }
    }

    /// What PostgreSQL calls the pool's connections.
    pub(crate) fn application_name(&self) -> &str {
        match &self.0.backend {
            Backend::Pg(pg) => pg.application_name(),
            Backend::Sqlite(_) => "",
        }
    }

    fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Inside a transaction of this task, a statement outside of it would wait for that transaction, for ever.
    fn check(&self, access: Access) -> DbResult<()> {
        let waits = match (access, &self.0.backend) {
            (Access::Write, _) => true,
            (Access::Read, Backend::Pg(_)) => false,
            (Access::Read, Backend::Sqlite(sqlite)) => sqlite.is_in_memory(),
        };
        match waits && transaction::is_inside(self.id()) {
            true => Err(DbError::Misuse(
                "inside a transaction, run the statement on its `tx`, not on the `Db`",
            )),
            false => Ok(()),
        }
    }
}

impl Db {
    fn load_unobserved(
        &self,
        access: Access,
        stmt: Stmt,
        mut sink: Box<dyn Sink>,
    ) -> BoxFuture<'_, DbResult<Box<dyn Sink>>> {
        match (&self.0.backend, access) {
            (Backend::Pg(pg), _) => Box::pin(async move {
                pg.load(&stmt, &mut *sink).await?;
                Ok(sink)
            }),
            (Backend::Sqlite(sqlite), Access::Read) => Box::pin(sqlite.read(stmt, sink)),
            (Backend::Sqlite(sqlite), Access::Write) => Box::pin(sqlite.write(stmt, sink)),
        }
    }

    fn execute_unobserved(&self, stmt: Stmt) -> BoxFuture<'_, DbResult<usize>> {
        match &self.0.backend {
            Backend::Pg(pg) => Box::pin(pg.execute(stmt)),
            Backend::Sqlite(sqlite) => Box::pin(sqlite.execute(stmt)),
        }
    }
}

// What needs no cache does not pay for its future: a boxed future is copied whole into its box.
impl Executor for Db {
    fn load_into(
        &self,
        access: Access,
        stmt: Stmt,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'_, DbResult<Box<dyn Sink>>> {
        trace_statement!(access);
        if let Err(misuse) = self.check(access) {
            return Box::pin(ready(Err(misuse)));
        }
        match access == Access::Write && self.is_observed() {
            true => Box::pin(self.load_observed(stmt, sink)),
            false => self.load_unobserved(access, stmt, sink),
        }
    }

    fn execute(&self, stmt: Stmt) -> BoxFuture<'_, DbResult<usize>> {
        trace_statement!(Access::Write);
        if let Err(misuse) = self.check(Access::Write) {
            return Box::pin(ready(Err(misuse)));
        }
        match self.is_observed() {
            true => Box::pin(self.execute_observed(stmt)),
            false => self.execute_unobserved(stmt),
        }
    }

    fn kind(&self) -> DbKind {
        match &self.0.backend {
            Backend::Pg(_) => DbKind::Postgres,
            Backend::Sqlite(_) => DbKind::Sqlite,
        }
    }
}

#[cfg(test)]
mod tests;
