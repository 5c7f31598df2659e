//! The statements on `crud_jobs`: each is the same on both databases. [`put`] is called by whoever enqueues, the rest by
//! the worker. A claim has a lease: a random id that every later statement about the job must know.

use std::sync::{Arc, LazyLock};

use tokio::sync::watch;

use super::{job::Job, schema::crud_jobs};
use crate::{
    Json, Timestamp, Uuid,
    db::{Access, Db, DbError, DbResult, Executor, Load as _, Stmt},
    sql_types as st,
};
use diesel::prelude::*;

/// A job that is to be written.
#[derive(Clone)]
pub(super) struct NewJob {
    pub(super) name: &'static str,
    pub(super) key: String,
    pub(super) unique_key: Option<String>,
    pub(super) payload: Json,
}

impl NewJob {
    pub(super) fn of<J: Job>(job: &J) -> DbResult<Self> {
        let text = serde_json::to_string(job).map_err(|error| DbError::Value(error.to_string()))?;
        let payload = Json::from_text(&text).map_err(|fault| DbError::Value(fault.to_string()))?;
        Ok(Self {
            name: J::NAME,
            key: job
                .key()
                .unwrap_or_else(|| format!("{}#{}", J::NAME, Uuid::now_v7())),
            unique_key: job.unique_key(),
            payload,
        })
    }
}

/// A job that a worker has taken.
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) payload: Json,
    /// How often it failed before.
    pub(super) failures: u32,
    /// How often it was taken and nothing was heard of it again.
    pub(super) lost: u32,
    pub(super) lease: Uuid,
}

/// Tells the workers of this process that there may be something to do.
static WAKE: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::Sender::new(()));

pub(super) fn wake() {
    WAKE.send_replace(());
}

pub(super) fn woken() -> watch::Receiver<()> {
    WAKE.subscribe()
}

/// Writes a job; false if there is one with its unique key.
pub(super) async fn put<X: Executor>(on: &X, job: &NewJob) -> DbResult<bool> {
    let now = Timestamp::now();
    let values = (
        crud_jobs::name.eq(job.name),
        crud_jobs::key.eq(job.key.clone()),
        crud_jobs::unique_key.eq(job.unique_key.clone()),
        crud_jobs::payload.eq(job.payload.clone()),
        crud_jobs::visible_at.eq(now),
        crud_jobs::created_at.eq(now),
    );
    let sql = Stmt::new()
        .add(diesel::insert_into(crud_jobs::table).values(values))
        .sql(" ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING");
    Ok(on.execute(sql).await? == 1)
}

/// Takes up to `most` jobs that are due, none of whose key is running or stands before them.
pub(super) async fn claim(
    db: &Db,
    names: &Arc<str>,
    now: Timestamp,
    until: Timestamp,
    most: usize,
) -> DbResult<Vec<Claimed>> {
    let lease = Uuid::now_v7();
    let sql = Stmt::with_capacity(24)
        .sql(
            "WITH due AS MATERIALIZED (SELECT j.id FROM crud_jobs AS j \
             WHERE j.state IN ('queued', 'running') AND j.visible_at <= ",
        )
        .bind::<st::Timestamptz, _>(now)
        .sql(" AND j.name IN (")
        .text(Arc::clone(names))
        .sql(
            ") AND NOT EXISTS (SELECT 1 FROM crud_jobs AS e WHERE e.key = j.key AND e.id <> j.id \
             AND e.state IN ('queued', 'running') AND (e.state = 'running' OR e.id < j.id)) \
             ORDER BY j.visible_at, j.id LIMIT ",
        )
        .bind::<st::BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
        .per_backend(" FOR UPDATE SKIP LOCKED", "")
        .sql(") UPDATE crud_jobs SET state = 'running', attempts = attempts + 1, lease = ")
        .bind::<st::Uuid, _>(lease)
        .sql(", visible_at = ")
        .bind::<st::Timestamptz, _>(until)
        .sql(
            " WHERE id IN (SELECT id FROM due) \
             RETURNING id, name, payload, failures, attempts - 1 - failures",
        );
    type Columns = (st::BigInt, st::Text, st::Jsonb, st::Integer, st::Integer);
    let rows = db.load::<(i64, String, Json, i32, i32), Columns>(Access::Write, sql);
    let rows = match rows.await {
        // Another instance has taken a job of the same key at the same moment.
        Err(DbError::Unique { .. } | DbError::Serialization) => return Ok(Vec::new()),
        rows => rows?,
    };
    let claimed = |(id, name, payload, failures, lost): (i64, String, Json, i32, i32)| Claimed {
        id,
        name,
        payload,
        failures: failures.unsigned_abs(),
        lost: u32::try_from(lost).unwrap_or(0),
        lease,
    };
    let mut claimed: Vec<_> = rows.into_iter().map(claimed).collect();
    claimed.sort_by_key(|job| job.id);
    Ok(claimed)
}

/// What became of a job that was taken.
pub(super) enum Verdict {
    Done,
    /// Failed, and to be tried again at this time.
    Again(Timestamp, String),
    Dead(String),
    /// Given back untouched: the worker ends.
    Released,
}

/// Keeps a job for longer; false if it is somebody else's by now.
pub(super) async fn renew(db: &Db, job: &Claimed, until: Timestamp) -> DbResult<bool> {
    let query = diesel::update(held(job)).set(crud_jobs::visible_at.eq(until));
    Ok(db.run(query).await? == 1)
}

/// Writes down what became of a job; false if it is somebody else's by now.
pub(super) async fn settle(
    db: &Db,
    job: &Claimed,
    verdict: &Verdict,
    now: Timestamp,
) -> DbResult<bool> {
    let none = None::<Uuid>;
    let changed = match verdict {
        Verdict::Done => {
            let set = (
                crud_jobs::state.eq("done"),
                crud_jobs::lease.eq(none),
                crud_jobs::finished_at.eq(Some(now)),
            );
            db.run(diesel::update(held(job)).set(set)).await?
        }
        Verdict::Again(at, reason) => {
            let set = (
                crud_jobs::state.eq("queued"),
                crud_jobs::lease.eq(none),
                crud_jobs::visible_at.eq(*at),
                crud_jobs::failures.eq(crud_jobs::failures + 1),
                crud_jobs::last_error.eq(Some(short(reason))),
            );
            db.run(diesel::update(held(job)).set(set)).await?
        }
        Verdict::Dead(reason) => {
            let set = (
                crud_jobs::state.eq("dead"),
                crud_jobs::lease.eq(none),
                crud_jobs::finished_at.eq(Some(now)),
                crud_jobs::failures.eq(crud_jobs::failures + 1),
                crud_jobs::last_error.eq(Some(short(reason))),
            );
            db.run(diesel::update(held(job)).set(set)).await?
        }
        Verdict::Released => {
            let set = (
                crud_jobs::state.eq("queued"),
                crud_jobs::lease.eq(none),
                crud_jobs::visible_at.eq(now),
                crud_jobs::attempts.eq(crud_jobs::attempts - 1),
            );
            db.run(diesel::update(held(job)).set(set)).await?
        }
    };
    Ok(changed == 1)
}

/// Removes jobs that were done before a time; says how many.
pub(super) async fn purge(db: &Db, before: Timestamp) -> DbResult<usize> {
    let old = crud_jobs::table
        .filter(crud_jobs::state.eq("done"))
        .filter(crud_jobs::finished_at.lt(before));
    db.run(diesel::delete(old)).await
}

type Held = diesel::dsl::Filter<
    diesel::dsl::Filter<crud_jobs::table, diesel::dsl::Eq<crud_jobs::id, i64>>,
    diesel::dsl::Eq<crud_jobs::lease, Uuid>,
>;

/// The job's row, as long as the lease is this worker's.
fn held(job: &Claimed) -> Held {
    crud_jobs::table
        .filter(crud_jobs::id.eq(job.id))
        .filter(crud_jobs::lease.eq(job.lease))
}

/// A reason, cut so that a row stays small, without NUL, which PostgreSQL does not store.
fn short(reason: &str) -> String {
    reason.chars().filter(|c| *c != '\0').take(1000).collect()
}
