//! A thread with a SQLite connection that takes jobs from a queue, one after the other.
//!
//! A job that panics ends alone: its connection is replaced and the thread goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::Receiver;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::{Connection, SqliteConnection};

use super::open::{Role, open};
use super::{Settings, statement};
use crate::db::MAX_CACHED_STATEMENTS;
use crate::db::error::{DbError, DbResult};

/// Work for a thread. It answers through a channel of its own.
pub(super) type Job = Box<dyn FnOnce(&mut Worker) + Send>;

pub(super) struct Worker {
    conn: SqliteConnection,
    settings: Settings,
    role: Role,
    cached: Arc<AtomicUsize>,
}

impl Worker {
    /// Opens the connection here, so that a failure is the caller's, does what comes `first`, and starts the thread.
    pub(super) fn start(
        settings: Settings,
        role: Role,
        jobs: Receiver<Job>,
        name: String,
        first: impl FnOnce(&mut SqliteConnection) -> DbResult<()>,
    ) -> DbResult<()> {
        let cached = Arc::new(AtomicUsize::new(0));
        let mut conn = open(&settings, role, cached.clone())?;
        first(&mut conn)?;
        let mut worker = Self {
            conn,
            settings,
            role,
            cached,
        };
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            while let Ok(job) = jobs.recv() {
                worker.take(job);
            }
        });
        match thread {
            Ok(_) => Ok(()),
            Err(e) => Err(DbError::Unavailable(format!(
                "no thread for SQLite can be started: {e}"
            ))),
        }
    }

    /// Runs `work` on the connection, within the statement timeout.
    pub(super) fn run<R>(
        &mut self,
        work: impl FnOnce(&mut SqliteConnection) -> DbResult<R>,
    ) -> DbResult<R> {
        statement::start_clock(self.settings.statement_timeout);
        work(&mut self.conn)
    }

    fn take(&mut self, job: Job) {
        if catch_unwind(AssertUnwindSafe(|| job(self))).is_err() {
            tracing::error!("a SQLite job panicked; its connection is replaced");
            self.replace();
        }
        if self.cached.load(Ordering::Relaxed) > MAX_CACHED_STATEMENTS {
            self.cached.store(0, Ordering::Relaxed);
            self.conn
                .set_prepared_statement_cache_size(CacheSize::Disabled);
            self.conn
                .set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
    }

    /// A fresh connection after a panic. A database in memory lives in its only connection, which is kept.
    fn replace(&mut self) {
        // Fails if no transaction is open, which is as good.
        let _ = self.conn.batch_execute("ROLLBACK");
        if self.settings.path.is_none() {
            return;
        }
        match open(&self.settings, self.role, self.cached.clone()) {
            Ok(fresh) => {
                let old = std::mem::replace(&mut self.conn, fresh);
                self.cached.store(0, Ordering::Relaxed);
                let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
            }
            Err(error) => {
                tracing::error!(%error, "the SQLite connection could not be replaced and is kept")
            }
        }
    }
}
