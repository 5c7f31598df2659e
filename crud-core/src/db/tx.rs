//! [`Tx`]: an open transaction, the same on both databases.
//!
//! After a statement of it failed nothing more runs in it and it cannot be committed: that is what PostgreSQL does,
//! and SQLite is made to do the same. A `Tx` that is dropped is rolled back at once.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::IDLE_IN_TRANSACTION;
use super::config::DbKind;
use super::error::{DbError, DbResult};
use super::executor::{Access, Executor, Sink};
use super::fragment::Stmt;
use super::observed::{Observer, is_ended};
use super::postgres::PgLease;
use super::sqlite::SqliteTx;
use crate::cache::{Detached, Touched};

/// An open transaction. Statements run in it through [`Executor`] and [`Load`](super::Load).
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let db = app().await.db().clone();
/// let tx = db.begin().await.map_err(Error::database)?;
/// tx.run(diesel::update(courses::table).set(courses::price.eq(0))).await.map_err(Error::database)?;
/// tx.rollback().await.map_err(Error::database)?;
/// # Ok(())
/// # }
/// ```
pub struct Tx {
    backend: Backend,
    /// Set while a statement runs and left set if it fails or its future is dropped.
    failed: AtomicBool,
    /// When the last statement ended.
    last: Mutex<Instant>,
    /// The cache, if there is one, and what it must hear of at the end.
    observer: Option<Observer>,
    touched: Mutex<Touched>,
    after: Mutex<Vec<AfterCommit>>,
}

/// What follows a commit.
type AfterCommit = Box<dyn FnOnce() + Send>;

enum Backend {
    Pg(PgLease),
    Sqlite(SqliteTx),
}

impl Tx {
    /// Whether there is a cache that its writes must reach.
    pub(crate) const fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    pub(super) async fn begin_pg(mut lease: PgLease) -> DbResult<Self> {
        lease.begin().await?;
        Ok(Self::new(Backend::Pg(lease)))
    }

    pub(super) fn sqlite(tx: SqliteTx) -> Self {
        Self::new(Backend::Sqlite(tx))
    }

    fn new(backend: Backend) -> Self {
        Self {
            backend,
            failed: AtomicBool::new(false),
            last: Mutex::new(Instant::now()),
            observer: None,
            touched: Mutex::default(),
            after: Mutex::default(),
        }
    }

    pub(super) fn observed(mut self, observer: Option<Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Remembers what a statement touches.
    fn note(&self, access: Access, stmt: &Stmt) -> DbResult<()> {
        if let Some(observer) = &self.observer {
            let deps = observer.touched(self.kind(), access, stmt)?;
            self.touched().add(deps);
        }
        Ok(())
    }

    fn touched(&self) -> std::sync::MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `then` right after the commit, if there is one. It must be quick: the caller of the commit waits for it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = app().await;
    /// let tx = app.db().begin().await?;
    /// tx.run(diesel::update(courses::table).set(courses::price.eq(0))).await?;
    /// let (told, heard) = std::sync::mpsc::channel();
    /// tx.on_commit(move || told.send("the prices are new").unwrap_or_default());
    /// assert!(heard.try_recv().is_err());
    /// tx.commit().await?;
    /// assert_eq!(heard.try_recv()?, "the prices are new");
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_commit(&self, then: impl FnOnce() + Send + 'static) {
        let mut after = self.after.lock().unwrap_or_else(PoisonError::into_inner);
        after.push(Box::new(then));
    }

    /// Commits. If a statement failed, rolls back and says so.
    pub async fn commit(self) -> DbResult<()> {
        if let Err(error) = self.check() {
            // The first failure is what the caller must know; a rollback that fails closes the connection.
            let _ = self.rollback().await;
            return Err(error);
        }
        let deps = self.touched().take();
        match self.observer.clone() {
            Some(observer) if !deps.is_empty() => {
                Detached::new(Box::pin(async move {
                    // Nobody sees uncommitted rows, so this is early enough. If it fails, `self` rolls back.
                    let marked = observer.mark(deps).await?;
                    let result = self.commit_unobserved().await;
                    marked.settle(is_ended(&result)).await;
                    result
                }))
                .await
            }
            _ => self.commit_unobserved().await,
        }
    }

    async fn commit_unobserved(self) -> DbResult<()> {
        let idle = self.last().elapsed();
        let after = self
            .after
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let result = match self.backend {
            Backend::Pg(lease) => match lease.batch("COMMIT").await {
                Ok(()) => {
                    lease.release();
                    Ok(())
                }
                // The lease is dropped: what is still open is rolled back.
                Err(error) => Err(error),
            },
            Backend::Sqlite(tx) => tx.commit().await,
        };
        if result.is_ok() {
            after.into_iter().for_each(|then| then());
        }
        result.map_err(|error| blame_idleness(error, idle))
    }

    /// Rolls back and waits until it is done.
    pub async fn rollback(self) -> DbResult<()> {
        match self.backend {
            Backend::Pg(lease) => {
                lease.batch("ROLLBACK").await?;
                lease.release();
                Ok(())
            }
            Backend::Sqlite(tx) => tx.rollback().await,
        }
    }

    /// Runs several statements of plain SQL.
    pub async fn batch(&self, sql: &str) -> DbResult<()> {
        if let Some(observer) = &self.observer {
            let deps = observer.touched_by_text(sql);
            self.touched().add(deps);
        }
        self.guarded(async {
            match &self.backend {
                Backend::Pg(lease) => lease.batch(sql).await,
                Backend::Sqlite(tx) => tx.batch(sql).await,
            }
        })
        .await
    }

    /// Begins a part that can be undone by itself; parts may lie in one another.
    ///
    /// # Errors
    /// As any statement.
    pub async fn savepoint(&self) -> DbResult<()> {
        self.batch("SAVEPOINT part").await
    }

    /// Keeps what was done since the last [`savepoint`](Self::savepoint).
    ///
    /// # Errors
    /// As any statement.
    pub async fn keep_savepoint(&self) -> DbResult<()> {
        self.batch("RELEASE SAVEPOINT part").await
    }

    /// Undoes what was done since the last [`savepoint`](Self::savepoint): the transaction can go on, though a
    /// statement after it failed. One before it must not have failed.
    ///
    /// # Errors
    /// As any statement.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let app = app().await;
    /// let tx = app.db().begin().await?;
    /// tx.savepoint().await?;
    /// if tx.batch("INSERT INTO courses (title) VALUES ('a row without an id')").await.is_err() {
    ///     tx.undo_savepoint().await?;
    /// }
    /// tx.batch("UPDATE courses SET price = 0").await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn undo_savepoint(&self) -> DbResult<()> {
        self.failed.store(false, Ordering::Release);
        self.batch("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
            .await
    }

    /// Makes the transaction unable to commit: what it did must not stand.
    pub fn doom(&self) {
        self.failed.store(true, Ordering::Release);
    }

    fn check(&self) -> DbResult<()> {
        match self.failed.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(DbError::TransactionFailed(
                "an earlier statement of it failed or was given up",
            )),
        }
    }

    /// Runs a statement unless an earlier one failed, and remembers its failure.
    async fn guarded<R>(&self, statement: impl Future<Output = DbResult<R>>) -> DbResult<R> {
        self.check()?;
        super::trace_statement!("in a transaction");
        let idle = self.last().elapsed();
        let mut outcome = Outcome {
            tx: self,
            succeeded: false,
        };
        let result = statement.await;
        outcome.succeeded = result.is_ok();
        *self.last() = Instant::now();
        result.map_err(|error| blame_idleness(error, idle))
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// PostgreSQL closes the connection of an idle transaction; all that arrives here is that it is closed.
fn blame_idleness(error: DbError, idle: Duration) -> DbError {
    match error {
        DbError::Unavailable(_) if idle >= IDLE_IN_TRANSACTION => {
            DbError::TransactionFailed("it was idle for more than 5 s")
        }
        other => other,
    }
}

/// Marks the transaction as failed unless its statement succeeded, also if the statement's future is dropped.
struct Outcome<'a> {
    tx: &'a Tx,
    succeeded: bool,
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        if !self.succeeded {
            self.tx.failed.store(true, Ordering::Release);
        }
    }
}

impl Executor for Tx {
    fn load_into(
        &self,
        _: Access,
        stmt: Stmt,
        mut sink: Box<dyn Sink>,
    ) -> BoxFuture<'_, DbResult<Box<dyn Sink>>> {
        Box::pin(self.guarded(async move {
            // Whatever the caller calls it: inside a transaction a read may write too.
            self.note(Access::Write, &stmt)?;
            match &self.backend {
                Backend::Pg(lease) => lease.load(&stmt, &mut *sink).await.map(|()| sink),
                Backend::Sqlite(tx) => tx.load(stmt, sink).await,
            }
        }))
    }

    fn execute(&self, stmt: Stmt) -> BoxFuture<'_, DbResult<usize>> {
        Box::pin(self.guarded(async move {
            self.note(Access::Write, &stmt)?;
            match &self.backend {
                Backend::Pg(lease) => lease.execute(stmt).await,
                Backend::Sqlite(tx) => tx.execute(stmt).await,
            }
        }))
    }

    fn kind(&self) -> DbKind {
        match self.backend {
            Backend::Pg(_) => DbKind::Postgres,
            Backend::Sqlite(_) => DbKind::Sqlite,
        }
    }
}
