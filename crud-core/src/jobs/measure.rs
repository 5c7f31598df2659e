//! What `/metrics` says of jobs: `jobs{name, state}` for those that wait, run or are dead, across all instances, and
//! `jobs_finished_total{name, outcome}` for what this instance did.

use std::{collections::HashMap, time::Duration};

use super::worker::Outcome;
use crate::{
    db::{Access, Db, DbResult, Load as _, Stmt},
    sql_types as st,
};

/// How often the table is counted.
pub(super) const EVERY: Duration = Duration::from_secs(15);

const STATES: [&str; 3] = ["queued", "running", "dead"];

pub(super) fn count(name: &str, outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Done => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Dead(_) => "dead",
        Outcome::Released => "released",
        Outcome::Lost => "lost",
    };
    metrics::counter!("jobs_finished_total", "name" => name.to_owned(), "outcome" => outcome)
        .increment(1);
}

pub(super) async fn gauge(db: &Db, names: impl Iterator<Item = &'static str>) -> DbResult<()> {
    let sql = Stmt::new().sql(
        "SELECT name, state, count(*) FROM crud_jobs WHERE state IN ('queued', 'running') GROUP BY name, state \
         UNION ALL SELECT name, state, count(*) FROM crud_jobs WHERE state = 'dead' GROUP BY name, state",
    );
    type Columns = (st::Text, st::Text, st::BigInt);
    let rows = db.load::<(String, String, i64), Columns>(Access::Read, sql);
    let rows = rows.await?.into_iter();
    let counts: HashMap<_, _> = rows.map(|(name, state, n)| ((name, state), n)).collect();
    for name in names {
        for state in STATES {
            let found = counts.get(&(name.to_owned(), state.to_owned()));
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            let found = found.copied().unwrap_or(0) as f64;
            metrics::gauge!("jobs", "name" => name, "state" => state).set(found);
        }
    }
    Ok(())
}
