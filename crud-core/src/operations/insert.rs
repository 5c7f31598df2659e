//! Many rows in few `INSERT`s: rows of the same columns go into one statement, as many as its bound
//! values may be. For [`many`](super::many); asks no policy.

use std::collections::BTreeMap;

use super::statement;
use crate::{
    db::{DbResult, Executor, Frag, Stmt},
    dto::Assignment,
};

/// Rows of one statement: whole chunks have the same text, so the connection keeps it prepared.
const ROWS: usize = 250;

/// Values that one statement may bind on both databases: 32,766 on SQLite, 65,535 on PostgreSQL. Half
/// of the smaller, since a value may be an expression that binds two.
const VALUES: usize = 32_766 / 2;

/// Rows of the same columns, and their places among all rows.
pub(super) struct Chunk<'r> {
    pub(super) places: Vec<usize>,
    rows: Vec<&'r [Assignment]>,
    is_whole: bool,
}

/// Groups rows by their columns, and cuts the groups.
pub(super) fn chunks(rows: &[Vec<Assignment>]) -> Vec<Chunk<'_>> {
    let mut groups: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        let columns = row.iter().map(|a| a.column).collect();
        groups.entry(columns).or_default().push(place);
    }
    let mut chunks = Vec::new();
    for (columns, places) in groups {
        let most = (VALUES / columns.len().max(1)).clamp(1, ROWS);
        for places in places.chunks(most) {
            chunks.push(Chunk {
                rows: places.iter().map(|place| &rows[*place][..]).collect(),
                is_whole: places.len() == most,
                places: places.to_vec(),
            });
        }
    }
    chunks
}

impl Chunk<'_> {
    /// `INSERT INTO table (…) VALUES (…), (…)`.
    pub(super) fn statement(&self, table: Frag) -> Stmt {
        let first = self.rows.first().copied().unwrap_or_default();
        let mut sql = Stmt::with_capacity(2 * self.rows.len() * (first.len() + 1) + 16)
            .sql("INSERT INTO ")
            .frag(table)
            .text(statement::columns(first))
            .sql(" VALUES ");
        for (r, row) in self.rows.iter().enumerate() {
            for (i, assignment) in row.iter().enumerate() {
                let before = match (r, i) {
                    (0, 0) => "(",
                    (_, 0) => "), (",
                    _ => ", ",
                };
                sql = sql.sql(before).frag(assignment.value.clone());
            }
        }
        let sql = sql.sql(")");
        // The rest of a group hardly comes twice with the same number of rows.
        if self.is_whole { sql } else { sql.uncached() }
    }
}

/// Writes rows: what they set, and the columns' defaults.
///
/// # Errors
/// Whatever the database refuses, and then nothing more is written; run it in a transaction.
pub(super) async fn write(
    on: &dyn Executor,
    table: Frag,
    rows: &[Vec<Assignment>],
) -> DbResult<()> {
    // Made one by one: a statement is as large as its rows.
    for chunk in chunks(rows) {
        on.execute(chunk.statement(table.clone())).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::bind, sql_types as st};

    fn row(columns: &[&'static str]) -> Vec<Assignment> {
        let set = |column: &&'static str| Assignment::new(column, bind::<st::BigInt, _>(1));
        columns.iter().map(set).collect()
    }

    #[test]
    fn rows_of_the_same_columns_share_statements_that_stay_within_the_limits() {
        let mut rows: Vec<_> = (0..601).map(|_| row(&["a", "b"])).collect();
        rows.insert(3, row(&["a"]));
        let chunks = chunks(&rows);
        let sizes: Vec<_> = chunks
            .iter()
            .map(|c| (c.places.len(), c.is_whole))
            .collect();
        assert_eq!(sizes, [(1, false), (250, true), (250, true), (101, false)]);
        let mut places: Vec<_> = chunks.iter().flat_map(|c| c.places.clone()).collect();
        places.sort_unstable();
        assert_eq!(places, (0..602).collect::<Vec<_>>());
        let wide: Vec<&'static str> = vec!["a"; 1000];
        let wide: Vec<_> = (0..40).map(|_| row(&wide)).collect();
        assert!(super::chunks(&wide).iter().all(|c| c.places.len() <= 16));
    }
}
