//! The foreign keys of a table, as the database itself knows them: which field of a body needs a parent
//! row, and of which table.

use diesel::sql_types::Text;

use crate::db::{Access, Db, DbKind, Executor as _, Load as _, Stmt};

/// Pairs of a column and the table it refers to.
pub(super) async fn parents(db: &Db, table: &str) -> Vec<(String, String)> {
    let sql = match db.kind() {
        DbKind::Sqlite => Stmt::new()
            .sql("SELECT \"from\", \"table\" FROM pragma_foreign_key_list(")
            .bind::<Text, _>(table.to_owned())
            .sql(")"),
        DbKind::Postgres => Stmt::new()
            .sql(
                "SELECT a.attname::text, t.relname::text FROM pg_constraint c \
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
                 JOIN pg_class t ON t.oid = c.confrelid \
                 WHERE c.contype = 'f' AND cardinality(c.conkey) = 1 AND c.conrelid = to_regclass(",
            )
            .bind::<Text, _>(table.to_owned())
            .sql(")"),
    };
    let found = db
        .load::<(String, String), (Text, Text)>(Access::Read, sql)
        .await;
    found.expect("the foreign keys can be read")
}
