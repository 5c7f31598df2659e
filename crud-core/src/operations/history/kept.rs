//! How a row of a table is kept as one JSON value, and becomes a row again: the text of it, made once for each entity.
//!
//! PostgreSQL does both by itself. SQLite is told column by column: what its JSON does not hold is kept as hexadecimal.

use std::fmt::Write;

use diesel::{
    QueryResult,
    query_builder::{AstPass, QueryFragment},
};

use crate::db::{ColumnKind, ColumnShape, Dialect, Frag, TableShape};

/// The texts of an entity with history.
pub(crate) struct Kept {
    /// The row as JSON, where its table is at hand.
    pub(super) image: Frag,
    /// `SELECT` of the table's columns and of all columns of `e`, up to `FROM (`.
    pub(super) columns: Frag,
    /// What follows the parenthesis, in which `e` has the JSON as `crud content`.
    pub(super) source: Frag,
}

impl Kept {
    pub(crate) fn of(table: &TableShape) -> Self {
        let name = quoted(table.name);
        let mut image = String::from("json_object(");
        let mut columns = String::from("SELECT e.*");
        for (i, column) in table.columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(
                image,
                "{comma}'{}', {}",
                column.name,
                to_json(&name, column)
            );
            let _ = write!(columns, ", {}", of_json(column));
        }
        image.push(')');
        Self {
            image: both(format!("to_jsonb({name})"), image),
            columns: both("SELECT e.*, c.*".to_owned(), columns),
            source: both(
                format!(
                    ") AS e CROSS JOIN LATERAL jsonb_populate_record(NULL::{name}, e.\"crud content\") AS c"
                ),
                ") AS e".to_owned(),
            ),
        }
    }
}

fn is_binary(column: &ColumnShape) -> bool {
    matches!(column.kind, ColumnKind::Uuid | ColumnKind::Binary)
}

/// A column's value as SQLite's JSON holds it.
fn to_json(table: &str, column: &ColumnShape) -> String {
    let value = format!("{table}.{}", quoted(column.name));
    match is_binary(column) {
        // `hex(NULL)` is a text.
        true => format!("CASE WHEN {value} IS NOT NULL THEN hex({value}) END"),
        false => value,
    }
}

/// The column again.
fn of_json(column: &ColumnShape) -> String {
    let name = quoted(column.name);
    let value = format!("json_extract(e.\"crud content\", '$.{}')", column.name);
    match is_binary(column) {
        true => format!("unhex({value}) AS {name}"),
        false => format!("{value} AS {name}"),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Text that differs between the databases.
struct Both {
    pg: String,
    sqlite: String,
}

fn both(pg: String, sqlite: String) -> Frag {
    std::sync::Arc::new(Both { pg, sqlite })
}

impl<DB: Dialect> QueryFragment<DB> for Both {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(if DB::IS_PG { &self.pg } else { &self.sqlite });
        Ok(())
    }
}
