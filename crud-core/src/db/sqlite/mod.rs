//! SQLite: reader threads with a connection each, and one writer thread whose queue is the write lock.
//!
//! Statements run on these threads, never on the async workers: two slow searches there would stop everybody else.
//! `sqlite::memory:` has one connection, the writer's, for everything: its reads wait for a running transaction.

mod functions;
mod open;
mod outside;
mod statement;
mod transaction;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError, bounded};
use diesel::SqliteConnection;
use tokio::sync::oneshot;

use super::config::{DbConfig, Target};
use super::error::{DbError, DbResult};
use super::executor::Sink;
use super::fragment::Stmt;
pub(super) use outside::Outside;
pub(super) use transaction::SqliteTx;
use worker::{Job, Worker};

/// Jobs that may wait for a thread; beyond that a request is refused at once.
const QUEUE: usize = 1024;

/// The database. Clones share it; its threads end with the last clone.
#[derive(Clone)]
pub(super) struct SqliteDb(Arc<Inner>);

struct Inner {
    readers: Sender<Job>,
    writer: Sender<Job>,
    wait: Duration,
    in_memory: bool,
    outside: Arc<Outside>,
}

/// Where the database lives and how its connections behave.
#[derive(Debug, Clone)]
struct Settings {
    /// None: in memory.
    path: Option<PathBuf>,
    statement_timeout: Duration,
}

impl SqliteDb {
    pub(super) fn connect(config: &DbConfig, target: Target) -> DbResult<Self> {
        let path = match target {
            Target::File(path) => Some(path),
            Target::Memory | Target::Postgres => None,
        };
        let in_memory = path.is_none();
        let settings = Settings {
            path,
            statement_timeout: config.statement_timeout,
        };
        let outside = Arc::new(Outside::new());
        let (writer, jobs) = bounded(QUEUE);
        // The writer opens first: it creates the file and switches it to WAL.
        Worker::start(
            settings.clone(),
            open::Role::Writer,
            jobs,
            "sqlite-writer".into(),
            |conn| outside.begin(conn),
        )?;
        let readers = if in_memory {
            writer.clone()
        } else {
            let (readers, jobs) = bounded(QUEUE);
            for n in 0..config.sqlite_readers.max(1) {
                Worker::start(
                    settings.clone(),
                    open::Role::Reader,
                    jobs.clone(),
                    format!("sqlite-reader-{n}"),
                    |_| Ok(()),
                )?;
            }
            readers
        };
        Ok(Self(Arc::new(Inner {
            readers,
            writer,
            wait: config.wait_timeout,
            in_memory,
            outside,
        })))
    }

    /// What is known of other writers.
    pub(super) fn outside(&self) -> &Outside {
        &self.0.outside
    }

    /// Asks whether somebody else wrote.
    pub(super) async fn ask_outside(&self) -> DbResult<()> {
        let outside = Arc::clone(&self.0.outside);
        submit(&self.0.writer, self.0.wait, move |c| outside.ask(c)).await
    }

    /// True if reads share the writer's connection.
    pub(super) fn is_in_memory(&self) -> bool {
        self.0.in_memory
    }

    pub(super) async fn read(&self, stmt: Stmt, sink: Box<dyn Sink>) -> DbResult<Box<dyn Sink>> {
        submit(&self.0.readers, self.0.wait, move |c| {
            statement::load(c, stmt, sink)
        })
        .await
    }

    pub(super) async fn write(&self, stmt: Stmt, sink: Box<dyn Sink>) -> DbResult<Box<dyn Sink>> {
        submit(&self.0.writer, self.0.wait, move |c| {
            statement::load(c, stmt, sink)
        })
        .await
    }

    pub(super) async fn execute(&self, stmt: Stmt) -> DbResult<usize> {
        submit(&self.0.writer, self.0.wait, move |c| {
            statement::execute(c, stmt)
        })
        .await
    }

    pub(super) async fn batch(&self, sql: &str) -> DbResult<()> {
        let sql = sql.to_owned();
        submit(&self.0.writer, self.0.wait, move |c| {
            statement::batch(c, &sql)
        })
        .await
    }

    pub(super) async fn begin(&self) -> DbResult<SqliteTx> {
        SqliteTx::begin(&self.0.writer, self.0.wait, &self.0.outside).await
    }
}

/// Puts a job in a queue and waits for its answer; gives up, and takes the job back, if it has not started in `wait`.
async fn submit<R: Send + 'static>(
    queue: &Sender<Job>,
    wait: Duration,
    work: impl FnOnce(&mut SqliteConnection) -> DbResult<R> + Send + 'static,
) -> DbResult<R> {
    let (answer, answered) = oneshot::channel();
    let claimed = Arc::new(AtomicBool::new(false));
    let theirs = claimed.clone();
    let job: Job = Box::new(move |worker| {
        // A closed channel is a request that went away while it waited.
        if !answer.is_closed() && !theirs.swap(true, Ordering::AcqRel) {
            let result = worker.run(work);
            let _ = answer.send(result);
        }
    });
    send(queue, job)?;
    claimed_answer(answered, &claimed, wait).await
}

/// The answer of a job, unless the job is still unclaimed after `wait`: then it is claimed here and never runs.
async fn claimed_answer<R>(
    mut answered: oneshot::Receiver<DbResult<R>>,
    claimed: &AtomicBool,
    wait: Duration,
) -> DbResult<R> {
    let answer = match tokio::time::timeout(wait, &mut answered).await {
        Ok(answer) => answer,
        Err(_) if !claimed.swap(true, Ordering::AcqRel) => {
            return Err(DbError::Busy("the statement waited too long for its turn"));
        }
        Err(_) => answered.await,
    };
    answer.unwrap_or_else(|_| {
        Err(DbError::other(
            "the SQLite thread gave no answer: its job panicked",
        ))
    })
}

fn send(queue: &Sender<Job>, job: Job) -> DbResult<()> {
    match queue.try_send(job) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(_)) => Err(DbError::Busy("too many statements wait")),
        Err(TrySendError::Disconnected(_)) => {
            Err(DbError::Unavailable("its SQLite threads have ended".into()))
        }
    }
}
