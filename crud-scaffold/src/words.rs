//! The index that a search for words needs, `full_text(…)` in a declaration, as `0024_words` of the LMS has it. Pure.

use crud_core::{IdKind, db::DbKind};

use crate::names::sql_name;

/// The characters of a text that count.
const COUNTED: &str = "1, 50000";

/// Makes the index of an empty table, which is behind it.
pub(crate) fn make(database: DbKind, table: &str, columns: &[String], ids: IdKind) -> String {
    let quoted: Vec<_> = columns.iter().map(|column| sql_name(column)).collect();
    let list = quoted.join(", ");
    if database == DbKind::Postgres {
        return format!(
            "-- What `q=` looks for: the words of these columns.\n\
             CREATE INDEX ix_{table}_words ON {table} USING gin (crud_words({list}));\n"
        );
    }
    let id = match ids {
        IdKind::Uuid => "BLOB",
        IdKind::Int => "INTEGER",
        IdKind::Text => "TEXT",
    };
    let cut = |row: &str| {
        let cut = quoted
            .iter()
            .map(|column| format!("substr({row}{column}, {COUNTED})"));
        cut.collect::<Vec<_>>().join(", ")
    };
    let shown: Vec<_> = quoted
        .iter()
        .map(|column| format!("substr({column}, {COUNTED}) AS {column}"))
        .collect();
    let changed: Vec<_> = quoted
        .iter()
        .map(|column| format!("new.{column} IS NOT old.{column}"))
        .collect();
    let (shown, changed) = (shown.join(", "), changed.join(" OR "));
    let add = format!(
        "INSERT INTO {table}_fts (rowid, {list})\n    SELECT number, {} FROM {table}_fts_rows WHERE id = new.id;",
        cut("new.")
    );
    let take = format!(
        "INSERT INTO {table}_fts ({table}_fts, rowid, {list})\n    \
         SELECT 'delete', number, {} FROM {table}_fts_rows WHERE id = old.id;",
        cut("old.")
    );
    format!(
        "-- What `q=` looks for: the words of these columns, by a number for each row, since a rowid may change.\n\
         CREATE TABLE {table}_fts_rows (\n    number INTEGER NOT NULL,\n    id {id} NOT NULL,\n    \
         CONSTRAINT pk_{table}_fts_rows PRIMARY KEY (number),\n    \
         CONSTRAINT uq_{table}_fts_rows_id UNIQUE (id)\n) STRICT;\n\
         CREATE VIEW {table}_fts_texts AS\n\
         SELECT number, {shown} FROM {table} JOIN {table}_fts_rows USING (id);\n\
         CREATE VIRTUAL TABLE {table}_fts USING fts5 (\n    \
         {list}, content = '{table}_fts_texts', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 0'\n);\n\n\
         CREATE TRIGGER tr_{table}_fts_insert AFTER INSERT ON {table} BEGIN\n    \
         INSERT INTO {table}_fts_rows (id) VALUES (new.id);\n    {add}\nEND;\n\
         CREATE TRIGGER tr_{table}_fts_update AFTER UPDATE OF {list} ON {table}\nWHEN {changed} BEGIN\n    \
         {take}\n    {add}\nEND;\n\
         CREATE TRIGGER tr_{table}_fts_delete AFTER DELETE ON {table} BEGIN\n    \
         {take}\n    DELETE FROM {table}_fts_rows WHERE id = old.id;\nEND;\n"
    )
}

/// Puts the words of the rows that are there into it.
pub(crate) fn fill(database: DbKind, table: &str) -> String {
    match database {
        DbKind::Postgres => String::new(),
        DbKind::Sqlite => format!(
            "INSERT INTO {table}_fts_rows (id) SELECT id FROM {table};\n\
             INSERT INTO {table}_fts ({table}_fts) VALUES ('rebuild');\n"
        ),
    }
}

/// Takes it away, before its table.
pub(crate) fn unmake(database: DbKind, table: &str) -> String {
    match database {
        DbKind::Postgres => format!("DROP INDEX ix_{table}_words;\n"),
        DbKind::Sqlite => format!(
            "DROP TRIGGER tr_{table}_fts_insert;\nDROP TRIGGER tr_{table}_fts_update;\n\
             DROP TRIGGER tr_{table}_fts_delete;\nDROP TABLE {table}_fts;\nDROP VIEW {table}_fts_texts;\n\
             DROP TABLE {table}_fts_rows;\n"
        ),
    }
}
