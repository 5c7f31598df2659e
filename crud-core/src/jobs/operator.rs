//! What an operator does about jobs: looks at them, and has dead ones tried again. Applications give it a command or a
//! route, and decide who may.

use diesel::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::{queue::wake, schema::crud_jobs};
use crate::{
    Json, Timestamp, Uuid,
    db::{Access, Db, DbResult, Load as _, Stmt},
    sql_types as st,
};

crate::text_enum! {
    /// Where a job stands.
    ///
    /// ```
    /// use crud_core::jobs::JobState;
    ///
    /// assert_eq!("dead".parse(), Ok(JobState::Dead));
    /// assert_eq!(JobState::ALL.len(), 4);
    /// assert_eq!(JobState::Queued.as_str(), "queued");
    /// ```
    pub enum JobState {
        /// Waits for its turn, or for its next try.
        Queued = "queued",
        /// A worker has it.
        Running = "running",
        /// Done.
        Done = "done",
        /// Failed too often: waits for an operator.
        Dead = "dead",
    }
}

/// A job as an operator sees it.
///
/// ```
/// use crud_core::jobs::{JobRow, JobState};
///
/// /// Whether it will not be tried again, though nobody said that it may rest.
/// fn needs_someone(job: &JobRow) -> bool {
///     job.state == JobState::Dead && job.failures > 0
/// }
/// ```
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(description = "A job as an operator sees it.")]
pub struct JobRow {
    /// Its number; jobs of one key run in the order of their numbers.
    pub id: i64,
    /// Its kind.
    pub name: String,
    /// What it must not overlap with.
    pub key: String,
    /// What it was given.
    pub payload: Json,
    /// Where it stands.
    pub state: JobState,
    /// How often a worker took it.
    pub attempts: i32,
    /// How often it failed.
    pub failures: i32,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it may begin, or its worker's lease ends.
    pub visible_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was done, or dead.
    pub finished_at: Option<Timestamp>,
}

type Columns = (
    (st::BigInt, st::Text, st::Text, st::Jsonb, st::Text),
    (st::Integer, st::Integer, st::Nullable<st::Text>),
    (
        st::Timestamptz,
        st::Timestamptz,
        st::Nullable<st::Timestamptz>,
    ),
);
type Values = (
    (i64, String, String, Json, JobState),
    (i32, i32, Option<String>),
    (Timestamp, Timestamp, Option<Timestamp>),
);

/// Jobs in one state, the newest first: at most `most`, with smaller ids than `before`.
///
/// # Errors
/// Whatever the database has.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::jobs::{self, JobState};
///
/// # let app = app().await;
/// # let tables = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite/0015_jobs/up.sql"));
/// # app.db().batch(tables).await?;
/// for job in jobs::list(app.db(), JobState::Dead, None, 100).await? {
///     println!("{} {} failed {} times: {}", job.id, job.name, job.failures, job.last_error.unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn list(
    db: &Db,
    state: JobState,
    before: Option<i64>,
    most: i64,
) -> DbResult<Vec<JobRow>> {
    let query = crud_jobs::table
        .filter(crud_jobs::state.eq(state.as_str()))
        .filter(crud_jobs::id.lt(before.unwrap_or(i64::MAX)))
        .order(crud_jobs::id.desc())
        .select((
            (
                crud_jobs::id,
                crud_jobs::name,
                crud_jobs::key,
                crud_jobs::payload,
                crud_jobs::state,
            ),
            (
                crud_jobs::attempts,
                crud_jobs::failures,
                crud_jobs::last_error,
            ),
            (
                crud_jobs::visible_at,
                crud_jobs::created_at,
                crud_jobs::finished_at,
            ),
        ))
        .limit(most);
    let rows = db.load::<Values, Columns>(Access::Read, Stmt::new().add(query));
    let row = |(what, tries, times): Values| JobRow {
        id: what.0,
        name: what.1,
        key: what.2,
        payload: what.3,
        state: what.4,
        attempts: tries.0,
        failures: tries.1,
        last_error: tries.2,
        visible_at: times.0,
        created_at: times.1,
        finished_at: times.2,
    };
    Ok(rows.await?.into_iter().map(row).collect())
}

/// Puts a dead job back in the queue, with all its tries; false if there is none with this id.
///
/// # Errors
/// Whatever the database has.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let app = app().await;
/// # let tables = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite/0015_jobs/up.sql"));
/// # app.db().batch(tables).await?;
/// // There is no dead job with this id.
/// assert!(!crud_core::jobs::retry(app.db(), 7).await?);
/// # Ok(())
/// # }
/// ```
pub async fn retry(db: &Db, id: i64) -> DbResult<bool> {
    let dead = crud_jobs::table
        .filter(crud_jobs::id.eq(id))
        .filter(crud_jobs::state.eq("dead"));
    let changed = db.run(diesel::update(dead).set(anew())).await?;
    wake();
    Ok(changed == 1)
}

/// Puts all dead jobs back in the queue; says how many.
///
/// # Errors
/// Whatever the database has.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// Dead jobs are tried again.
/// async fn after_the_outage(app: &App) -> Result<usize> {
///     crud_core::jobs::retry_all(app.db()).await.map_err(Error::database)
/// }
/// ```
pub async fn retry_all(db: &Db) -> DbResult<usize> {
    let dead = crud_jobs::table.filter(crud_jobs::state.eq("dead"));
    let changed = db.run(diesel::update(dead).set(anew())).await?;
    wake();
    Ok(changed)
}

type Anew = (
    diesel::dsl::Eq<crud_jobs::state, &'static str>,
    diesel::dsl::Eq<crud_jobs::attempts, i32>,
    diesel::dsl::Eq<crud_jobs::failures, i32>,
    diesel::dsl::Eq<crud_jobs::visible_at, Timestamp>,
    diesel::dsl::Eq<crud_jobs::finished_at, Option<Timestamp>>,
    diesel::dsl::Eq<crud_jobs::lease, Option<Uuid>>,
);

fn anew() -> Anew {
    (
        crud_jobs::state.eq("queued"),
        crud_jobs::attempts.eq(0),
        crud_jobs::failures.eq(0),
        crud_jobs::visible_at.eq(Timestamp::now()),
        crud_jobs::finished_at.eq(None),
        crud_jobs::lease.eq(None),
    )
}
