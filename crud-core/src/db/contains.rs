//! [`ContainsCi`]: case-insensitive substring search that answers alike on both databases.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Text};

use super::fragment::Dialect;

/// `text` contains `part`, in any case of letters. NULL contains nothing and is NULL.
///
/// PostgreSQL: `ILIKE`. SQLite: its `LIKE`, which folds ASCII only, if the part is ASCII; else our own function.
/// What the part holds of `%`, `_` and `\` stands for itself.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::ContainsCi;
///
/// /// A condition that is needed in several places.
/// fn is_about(topic: &str) -> ContainsCi<courses::title> {
///     courses::title.contains_ci(topic)
/// }
/// let titles = courses::table.filter(is_about("rust")).select(courses::title);
/// assert!(app().await.db().fetch::<String>(titles).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ContainsCi<E> {
    text: E,
    /// The part as a LIKE pattern.
    pattern: String,
    /// The part itself, if LIKE on SQLite would not fold all of it.
    beyond_ascii: Option<String>,
}

impl<E> ContainsCi<E> {
    /// `text` is a text expression of both databases.
    pub fn new(text: E, part: &str) -> Self {
        let mut pattern = String::with_capacity(part.len() + 2);
        pattern.push('%');
        for letter in part.chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        Self {
            text,
            pattern,
            beyond_ascii: (!part.is_ascii()).then(|| part.to_owned()),
        }
    }
}

impl<DB, E> QueryFragment<DB> for ContainsCi<E>
where
    DB: Dialect + HasSqlType<Text>,
    E: QueryFragment<DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if let (false, Some(part)) = (DB::IS_PG, &self.beyond_ascii) {
            out.push_sql("crud_contains_ci(");
            self.text.walk_ast(out.reborrow())?;
            out.push_sql(", ");
            out.push_bind_param::<Text, String>(part)?;
            out.push_sql(")");
            return Ok(());
        }
        out.push_sql("(");
        self.text.walk_ast(out.reborrow())?;
        out.push_sql(if DB::IS_PG {
            " COLLATE \"default\" ILIKE "
        } else {
            " LIKE "
        });
        out.push_bind_param::<Text, String>(&self.pattern)?;
        out.push_sql(" ESCAPE '\\')");
        Ok(())
    }
}
