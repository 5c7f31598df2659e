//! The foreign keys of a table on SQLite, which does not name them in its errors.

use diesel::sql_types::{Nullable, Text};

use super::{Access, Db, DbResult, Load, Stmt};

/// A column that refers to another table's.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = app().await.db().foreign_keys("lessons").await?;
/// assert_eq!((&*keys[0].column, &*keys[0].target_table), ("course_id", "courses"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The referring column.
    pub column: String,
    /// The table it refers to.
    pub target_table: String,
    /// The column there.
    pub target_column: String,
}

impl Db {
    /// The foreign keys that a SQLite table declares.
    ///
    /// # Errors
    /// Whatever the database has; on PostgreSQL the statement does not exist.
    pub async fn foreign_keys(&self, table: &str) -> DbResult<Vec<ForeignKey>> {
        let sql = Stmt::new()
            .sql("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(")
            .bind::<Text, _>(table.to_owned())
            .sql(")");
        type Columns = (Text, Text, Nullable<Text>);
        let keys = self
            .load::<(String, String, Option<String>), Columns>(Access::Read, sql)
            .await?;
        let key = |(column, target_table, target_column): (_, _, Option<String>)| ForeignKey {
            column,
            target_table,
            // A key that names no column refers to the primary key.
            target_column: target_column.unwrap_or_else(|| "id".to_owned()),
        };
        Ok(keys.into_iter().map(key).collect())
    }
}
