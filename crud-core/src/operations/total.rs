//! How many rows a list has: counted, or estimated where a count is dear. Called by `reads` and `include`.

use diesel::{
    deserialize,
    row::{Field as _, Row as _},
};

use super::{Context, reads::Total, statement};
use crate::{
    Result,
    db::{Access, DbKind, PgRow, Sink, SqliteRow},
    policy::Rule,
    query::{self, ListRequest},
    registry::Resource,
};

/// Up to here a total is counted, also where an estimate is asked for.
const COUNTED: i64 = 10_000;

impl Context<'_> {
    /// How many rows a list has, if that is asked for.
    pub(super) async fn total(
        &self,
        r: &Resource,
        request: &ListRequest,
        rule: &Rule,
    ) -> Result<Option<Total>> {
        let exact = match (request.total, self.executor().kind()) {
            (query::Total::None, _) => return Ok(None),
            (query::Total::Estimated, DbKind::Postgres) => false,
            // SQLite's planner knows nothing of how many rows a condition leaves.
            (query::Total::Exact, _) | (query::Total::Estimated, DbKind::Sqlite) => true,
        };
        let most = (!exact).then_some(COUNTED + 1);
        let rows = self
            .count(r, statement::count(r, request, rule, most), request)
            .await?;
        if exact || rows <= COUNTED {
            return Ok(Some(Total { rows, exact: true }));
        }
        let sql = statement::estimate(r, request, rule);
        let plan = self.load(r, Access::Read, sql, Box::new(Plan::default()));
        let rows = plan.await?.rows.max(rows);
        Ok(Some(Total { rows, exact: false }))
    }
}

/// The rows that PostgreSQL's planner expects.
#[derive(Default)]
struct Plan {
    rows: i64,
}

impl Sink for Plan {
    fn pg(&mut self, row: &PgRow) -> deserialize::Result<()> {
        let field = row.get(0).ok_or("a plan has a column")?;
        let value = field.value().ok_or("a plan is not null")?;
        let plan: serde_json::Value = serde_json::from_slice(value.as_bytes())?;
        let rows = plan
            .pointer("/0/Plan/Plan Rows")
            .and_then(serde_json::Value::as_f64);
        // Far below where a number loses its last digit.
        self.rows = rows.unwrap_or_default() as i64;
        Ok(())
    }

    fn sqlite(&mut self, _: &SqliteRow<'_, '_>) -> deserialize::Result<()> {
        Err("SQLite estimates nothing".into())
    }
}
