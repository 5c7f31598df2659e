//! A transaction on the writer thread.
//!
//! The transaction is a job that keeps the thread, taking work from a channel of its own until it is committed or its
//! sender is gone. So the writer's queue is the lock, and a dropped request rolls back by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use diesel::SqliteConnection;
use tokio::sync::oneshot;

use super::worker::{Job, Worker};
use super::{Outside, claimed_answer, send, statement};
use crate::db::IDLE_IN_TRANSACTION;
use crate::db::error::{DbError, DbResult};
use crate::db::executor::Sink;
use crate::db::fragment::Stmt;

/// The end of a transaction, or one piece of its work.
enum Step {
    Run(Job),
    Commit(oneshot::Sender<DbResult<()>>),
    Rollback(oneshot::Sender<DbResult<()>>),
}

/// An open transaction. Dropped, it rolls back.
pub(in crate::db) struct SqliteTx {
    steps: Sender<Step>,
}

impl SqliteTx {
    /// Waits for the writer and begins.
    pub(super) async fn begin(
        writer: &Sender<Job>,
        wait: Duration,
        outside: &Arc<Outside>,
    ) -> DbResult<Self> {
        let (steps, queue) = unbounded();
        let (ready, begun) = oneshot::channel();
        let claimed = Arc::new(AtomicBool::new(false));
        let theirs = claimed.clone();
        let outside = Arc::clone(outside);
        let job: Job = Box::new(move |worker| {
            if ready.is_closed() || theirs.swap(true, Ordering::AcqRel) {
                return;
            }
            let begin = worker.run(|c| statement::batch(c, "BEGIN IMMEDIATE"));
            // Nobody else can commit from here on. Not being told is what a panic leaves too: asked again later.
            let locked = match &begin {
                Ok(()) => worker.run(|c| outside.ask(c)).ok().map(|()| outside.lock()),
                Err(_) => None,
            };
            let ok = begin.is_ok();
            // Nobody waits any more: the request is gone.
            let wanted = ready.send(begin).is_ok();
            match (ok, wanted) {
                (true, true) => session(worker, &queue),
                (true, false) => rollback(worker),
                (false, _) => (),
            }
            drop(locked);
        });
        send(writer, job)?;
        claimed_answer(begun, &claimed, wait).await?;
        Ok(Self { steps })
    }

    pub(in crate::db) async fn load(
        &self,
        stmt: Stmt,
        sink: Box<dyn Sink>,
    ) -> DbResult<Box<dyn Sink>> {
        self.run(move |c| statement::load(c, stmt, sink)).await
    }

    pub(in crate::db) async fn execute(&self, stmt: Stmt) -> DbResult<usize> {
        self.run(move |c| statement::execute(c, stmt)).await
    }

    pub(in crate::db) async fn batch(&self, sql: &str) -> DbResult<()> {
        let sql = sql.to_owned();
        self.run(move |c| statement::batch(c, &sql)).await
    }

    pub(in crate::db) async fn commit(self) -> DbResult<()> {
        let (answer, answered) = oneshot::channel();
        self.send(Step::Commit(answer))?;
        answered.await.unwrap_or(Err(LOST))
    }

    /// Waits until it is rolled back, so that the caller's next write finds the writer free.
    pub(in crate::db) async fn rollback(self) -> DbResult<()> {
        let (answer, answered) = oneshot::channel();
        self.send(Step::Rollback(answer))?;
        answered.await.unwrap_or(Err(LOST))
    }

    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> DbResult<R> + Send + 'static,
    ) -> DbResult<R> {
        let (answer, answered) = oneshot::channel();
        self.send(Step::Run(Box::new(move |worker| {
            let result = worker.run(work);
            let _ = answer.send(result);
        })))?;
        answered.await.unwrap_or(Err(LOST))
    }

    fn send(&self, step: Step) -> DbResult<()> {
        self.steps.send(step).map_err(|_| IDLE)
    }
}

const IDLE: DbError = DbError::TransactionFailed("it was idle for more than 5 s");
const LOST: DbError =
    DbError::TransactionFailed("it was idle for more than 5 s, or a statement of it panicked");

/// Keeps the writer thread until the transaction ends.
///
/// A panic in a step unwinds through here to the worker, which rolls back and replaces the connection.
fn session(worker: &mut Worker, steps: &Receiver<Step>) {
    loop {
        match steps.recv_timeout(IDLE_IN_TRANSACTION) {
            Ok(Step::Run(job)) => job(worker),
            Ok(Step::Commit(answer)) => {
                let result = worker.run(|c| statement::batch(c, "COMMIT"));
                if result.is_err() {
                    rollback(worker);
                }
                let _ = answer.send(result);
                return;
            }
            Ok(Step::Rollback(answer)) => {
                rollback(worker);
                let _ = answer.send(Ok(()));
                return;
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("a transaction was idle for more than 5 s and is rolled back");
                return rollback(worker);
            }
            Err(RecvTimeoutError::Disconnected) => return rollback(worker),
        }
    }
}

fn rollback(worker: &mut Worker) {
    // SQLite itself has rolled back after some errors; then there is nothing left to do.
    let _ = worker.run(|c| statement::batch(c, "ROLLBACK"));
}
