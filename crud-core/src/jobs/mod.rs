//! Events and jobs: what is to be done after a change, durably.
//!
//! A job is written in the same transaction as its change ([`Tx::enqueue`], [`Context::enqueue`]), so that it exists
//! exactly if the change does, and is run at least once after the commit by a [`Worker`] of any instance. An event is a
//! job whose [key](Job::key) is its row.
//!
//! Why no library: those that are kept well (apalis 1.0, `graphile_worker`, sqlxmq, underway, fang's async half) stand on
//! sqlx. They would bring a second driver and a second pool, cannot write in our transaction, and sqlx's SQLite cannot be
//! linked beside Diesel's. fang's blocking half and backie have Diesel, but no lease, no order of a key and no outbox on
//! both databases. What is here is the smallest thing that keeps the promises.
//!
//! The promises: a job of a transaction that is rolled back never runs. A killed worker's job is taken over when its
//! lease is over, so a job may run twice: its effects must be idempotent. Jobs of one key run one after the other, in the
//! order in which transactions that exclude each other wrote them (who locks a row and uses it as the key has that), and
//! never two at once: a unique index says so too. A job that fails waits and is tried again, those behind it wait with
//! it; when it has failed too often it is dead, those behind it go on, and an operator may [`retry`] it. A schedule is
//! a row whose next time one instance moves on, writing its job in the same transaction: it runs once across instances.
//!
//! The tables `crud_jobs` and `crud_schedules` are in the application's migrations; what their columns mean is said
//! here. Times are those of the instances: their clocks must agree within a third of the lease.

mod clock;
mod job;
mod kinds;
mod measure;
mod operator;
mod queue;
mod running;
mod schedule;
mod schema;
mod worker;

pub use self::{
    clock::Clock,
    job::{Job, JobContext, JobError, Retry},
    kinds::Jobs,
    operator::{JobRow, JobState, list, retry, retry_all},
    worker::{Finished, Outcome, Worker, WorkerConfig},
};
use crate::{
    Context, Result, Tx,
    db::{ColumnList, Db, DbResult, TableShape},
};

/// The tables that an application's migrations must have for jobs, for [`Db::drift`].
///
/// ```
/// let names: Vec<_> = crud_core::jobs::tables().iter().map(|table| table.name).collect();
/// assert_eq!(names, ["crud_jobs", "crud_schedules"]);
/// ```
pub fn tables() -> Vec<TableShape> {
    fn shape<T: diesel::Table<AllColumns: ColumnList>>(name: &'static str) -> TableShape {
        TableShape::of::<T>(name)
    }
    vec![
        shape::<schema::crud_jobs::table>("crud_jobs"),
        shape::<schema::crud_schedules::table>("crud_schedules"),
    ]
}

impl Tx {
    /// Writes a job, which runs after the commit and only if there is one. Says whether it is new: one with the same
    /// [`unique_key`](Job::unique_key) may be there already.
    ///
    /// # Errors
    /// Whatever the database has; a payload that is no JSON is [`Value`](crate::db::DbError::Value).
    pub async fn enqueue<J: Job>(&self, job: &J) -> DbResult<bool> {
        let is_new = queue::put(self, &queue::NewJob::of(job)?).await?;
        if is_new {
            self.on_commit(queue::wake);
        }
        Ok(is_new)
    }
}

impl Db {
    /// Writes a job by itself, beside any transaction.
    ///
    /// # Errors
    /// As [`Tx::enqueue`].
    pub async fn enqueue<J: Job>(&self, job: &J) -> DbResult<bool> {
        let is_new = queue::put(self, &queue::NewJob::of(job)?).await?;
        queue::wake();
        Ok(is_new)
    }
}

impl Context<'_> {
    /// Writes a job where the operations run: in a hook, in the transaction of the write.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # fn main() {}
    /// # use crud_core::jobs::{Job, JobContext, JobError};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Announce { course: Uuid }
    /// # impl Job for Announce {
    /// #     type State = App;
    /// #     const NAME: &'static str = "announce";
    /// #     async fn run(&self, _cx: &JobContext<'_, App>) -> Result<(), JobError> { Ok(()) }
    /// # }
    /// /// A new course is announced once it is committed; `after_write = after_write` in its declaration.
    /// async fn after_write(write: &After<'_, Course>) -> Result<()> {
    ///     if let (Action::Create, Some(course)) = (write.action(), write.new_row()) {
    ///         write.context().enqueue(&Announce { course: course.id }).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn enqueue<J: Job>(&self, job: &J) -> Result<bool> {
        let done = match (self.tx(), self.db()) {
            (Some(tx), _) => tx.enqueue(job).await,
            (None, Some(db)) => db.enqueue(job).await,
            (None, None) => return Err(crate::Error::internal("a context runs nowhere")),
        };
        done.map_err(crate::Error::database)
    }
}
