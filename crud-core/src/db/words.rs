//! Whether the tables have the indexes of words that their entities look for words by (`q=`).

use diesel::sql_types::Text;

use super::{Access, Db, DbKind, DbResult, Executor as _, Load as _, Stmt};
use crate::filter::fts_tables;

impl Db {
    /// Compares the searches for words, as [`Registry::words`](crate::Registry::words) has them, with the indexes of the
    /// database. Gives a sentence for each that is missing, or over other columns.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn drift_of_words(
        &self,
        words: &[(&'static str, Vec<&'static str>)],
    ) -> DbResult<Vec<String>> {
        let mut drift = Vec::new();
        for (table, columns) in words {
            let wanted = columns.join(", ");
            let found = match self.kind() {
                DbKind::Postgres => self.has_index(table, &wanted).await?,
                DbKind::Sqlite => self.has_fts5(table, &wanted).await?,
            };
            if !found {
                drift.push(format!(
                    "the table {table} has no index of the words in {wanted}: a migration makes one, as \
                     `migrations/README.md` says"
                ));
            }
        }
        Ok(drift)
    }

    async fn has_index(&self, table: &'static str, columns: &str) -> DbResult<bool> {
        let sql = Stmt::new()
            .sql("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ")
            .bind::<Text, _>(table);
        let indexes = self
            .load::<String, Text>(Access::Read, sql.uncached())
            .await?;
        let call = format!("crud_words(VARIADIC ARRAY[{columns}])");
        Ok(indexes.iter().any(|index| index.contains(&call)))
    }

    /// The two tables with the triggers that keep them.
    async fn has_fts5(&self, table: &'static str, columns: &str) -> DbResult<bool> {
        let [fts, rows] = fts_tables(table);
        let sql = Stmt::new()
            .sql("SELECT coalesce(group_concat(name, ', '), '') FROM pragma_table_info(")
            .bind::<Text, _>(fts.clone())
            .sql(
                ") UNION ALL SELECT coalesce(group_concat(name, ', '), '') FROM pragma_table_info(",
            )
            .bind::<Text, _>(rows)
            .sql(") UNION ALL SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ")
            .bind::<Text, _>(table);
        let found = self
            .load::<String, Text>(Access::Read, sql.uncached())
            .await?;
        let [own, numbers, triggers @ ..] = &found[..] else {
            return Ok(false);
        };
        let keeps = triggers.iter().filter(|trigger| trigger.contains(&fts));
        Ok(own == columns && numbers == "number, id" && keeps.count() >= 3)
    }
}
