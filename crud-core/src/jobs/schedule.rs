//! Schedules: the job of one is put in the queue by the instance that moves its next time on, in one transaction. All
//! instances try; one wins.

use std::{collections::HashMap, time::Duration};

use diesel::prelude::*;

use super::{
    clock::later,
    queue::{NewJob, put, wake},
    schema::{crud_jobs, crud_schedules},
};
use crate::{
    Timestamp,
    db::{Access, Db, DbError, DbResult, Executor as _, Load as _, Stmt},
    sql_types as st,
};

/// A job that is put in the queue again and again.
pub(super) struct Schedule {
    pub(super) name: &'static str,
    pub(super) every: Duration,
    pub(super) job: NewJob,
}

/// When each schedule is due, as far as this worker knows; another instance may have moved it on.
#[derive(Default)]
pub(super) struct Due(HashMap<&'static str, Timestamp>);

impl Due {
    /// Puts the jobs in the queue whose time has come.
    pub(super) async fn put(
        &mut self,
        db: &Db,
        schedules: &[Schedule],
        now: Timestamp,
    ) -> DbResult<()> {
        for schedule in schedules {
            let mut next = match self.0.get(schedule.name) {
                Some(next) => *next,
                None => first(db, schedule, now).await?,
            };
            if next <= now {
                fire(db, schedule, next, now).await?;
                next = stored(db, schedule).await?.unwrap_or(now);
            }
            self.0.insert(schedule.name, next);
        }
        Ok(())
    }
}

/// Makes the schedule's row, due at once, if there is none; a row of a longer interval comes nearer.
async fn first(db: &Db, schedule: &Schedule, now: Timestamp) -> DbResult<Timestamp> {
    let values = (
        crud_schedules::name.eq(schedule.name),
        crud_schedules::next_at.eq(now),
    );
    let sql = Stmt::new()
        .add(diesel::insert_into(crud_schedules::table).values(values))
        .sql(" ON CONFLICT (name) DO NOTHING");
    db.execute(sql).await?;
    let most = later(now, schedule.every);
    let far = crud_schedules::table
        .filter(crud_schedules::name.eq(schedule.name))
        .filter(crud_schedules::next_at.gt(most));
    db.run(diesel::update(far).set(crud_schedules::next_at.eq(most)))
        .await?;
    Ok(stored(db, schedule).await?.unwrap_or(now))
}

async fn stored(db: &Db, schedule: &Schedule) -> DbResult<Option<Timestamp>> {
    let query = crud_schedules::table
        .filter(crud_schedules::name.eq(schedule.name))
        .select(crud_schedules::next_at);
    let sql = Stmt::new().add(query);
    // As a write, which sees what this process has written last.
    let found = db.load::<Timestamp, st::Timestamptz>(Access::Write, sql);
    Ok(found.await?.into_iter().next())
}

/// Moves the next time on if it is still this one, and writes the job. The job of a run that has not begun yet is
/// enough: none is added.
async fn fire(db: &Db, schedule: &Schedule, due: Timestamp, now: Timestamp) -> DbResult<()> {
    let due_row = crud_schedules::table
        .filter(crud_schedules::name.eq(schedule.name))
        .filter(crud_schedules::next_at.eq(due));
    let move_on =
        diesel::update(due_row).set(crud_schedules::next_at.eq(next(due, schedule.every, now)));
    let key = format!("schedule:{}", schedule.name);
    let job = NewJob {
        unique_key: Some(format!("{key}:{}", due.micros())),
        key: key.clone(),
        ..schedule.job.clone()
    };
    let waiting = crud_jobs::table
        .filter(crud_jobs::key.eq(key))
        .filter(crud_jobs::state.eq("queued"))
        .select(crud_jobs::id);
    let work = async move |tx: &crate::Tx| -> DbResult<()> {
        if tx.run(move_on).await? == 1 {
            let waiting: Vec<i64> = tx.fetch(waiting).await?;
            if waiting.is_empty() {
                put(tx, &job).await?;
                tx.on_commit(wake);
            }
        }
        Ok(())
    };
    match db.transaction(work).await {
        // Another instance was faster.
        Err(DbError::Serialization | DbError::LockNotAvailable) => Ok(()),
        done => done,
    }
}

/// The first time after `now` that is a whole number of intervals after `due`.
fn next(due: Timestamp, every: Duration, now: Timestamp) -> Timestamp {
    let every = every.max(Duration::from_secs(1));
    let late = u128::try_from(now.micros().saturating_sub(due.micros())).unwrap_or(0);
    let intervals = u32::try_from(late / every.as_micros()).unwrap_or(u32::MAX - 1) + 1;
    later(due, every.saturating_mul(intervals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_times_are_not_made_up_for() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let every = Duration::from_secs(300);
        assert_eq!(next(at(1000), every, at(1000)), at(1300));
        assert_eq!(next(at(1000), every, at(1299)), at(1300));
        assert_eq!(next(at(1000), every, at(1300)), at(1600));
        assert_eq!(next(at(1000), every, at(10_000)), at(10_300));
    }
}
