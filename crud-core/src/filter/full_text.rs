//! [`FullText`]: a parameter that looks for words in several columns at once, by an index of either database.
//!
//! PostgreSQL indexes the expression `crud_words(a, b)`, a `tsvector`. SQLite has the FTS5 table `TABLE_fts`, whose rows
//! `TABLE_fts_rows` names by their ids; triggers keep both. `docs/API.md` says what is found, `migrations/README.md`
//! what a migration says.

use std::{fmt, marker::PhantomData, sync::Arc};

use diesel::{
    Column, Expression, QueryResult,
    query_builder::{AstPass, QueryFragment},
    serialize::ToSql,
    sql_types::{HasSqlType, Text},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    column::{LONGEST_PART, Refused},
    words::Wanted,
};
use crate::{
    db::{Dialect, Frag, column},
    entity::Named,
    search::TextOrNullable,
};

/// A search for words in these columns.
///
/// One to four columns of text, whose index the table's migration makes; see `migrations/README.md`.
/// `q=rust "first steps" data* -java` is true of rows that have all of that, in one column or several.
///
/// ```
/// # diesel::table! { courses (id) { id -> Text, title -> Text, description -> Nullable<Text> } }
/// use crud_core::prelude::*;
///
/// /// What a list of courses is asked for.
/// #[dto(query)]
/// pub struct CourseQuery {
///     /// Words in the title or the description.
///     pub q: FullText<(courses::title, courses::description)>,
/// }
/// ```
pub struct FullText<C>(PhantomData<fn() -> C>);

impl<C> Default for FullText<C> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<C> Clone for FullText<C> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<C> fmt::Debug for FullText<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullText")
    }
}

impl<C> JsonSchema for FullText<C> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FullText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": LONGEST_PART,
            "pattern": r"^[^\u0000]*[\p{L}\p{N}][^\u0000]*$",
        })
    }
}

/// Columns of text of one table, as a tuple of one to four.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::filter::TextColumns;
///
/// fn names<C: TextColumns>(_of: &FullText<C>) -> Vec<&'static str> {
///     C::columns().iter().map(|(name, _)| *name).collect()
/// }
/// assert_eq!(names(&FullText::<(courses::title,)>::default()), ["title"]);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`FullText<{Self}>` cannot look for words there",
    label = "not columns of text of one table",
    note = "name one to four columns: `FullText<(courses::title, courses::description)>`"
)]
pub trait TextColumns: 'static {
    /// The table that all of them are of.
    type Table;

    /// Their names, and the columns.
    fn columns() -> Vec<(&'static str, Frag)>;
}

macro_rules! text_columns {
    ($first:ident $($more:ident)*) => {
        impl<$first, $($more),*> TextColumns for ($first, $($more,)*)
        where
            $first: Column<Table: Named> + Expression<SqlType: TextOrNullable> + 'static,
            $($more: Column<Table = $first::Table> + Expression<SqlType: TextOrNullable> + 'static,)*
        {
            type Table = $first::Table;

            fn columns() -> Vec<(&'static str, Frag)> {
                vec![
                    ($first::NAME, column::<$first>()),
                    $(($more::NAME, column::<$more>()),)*
                ]
            }
        }
    };
}
text_columns!(A);
text_columns!(A B);
text_columns!(A B C);
text_columns!(A B C D);

/// A [`FullText`] without its types.
#[derive(Clone)]
pub(crate) struct WordsFilter {
    columns: Arc<[(&'static str, Frag)]>,
}

impl WordsFilter {
    pub(super) fn of<C: TextColumns>() -> Self {
        Self {
            columns: C::columns().into(),
        }
    }

    /// The names of its columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    /// The condition on rows of the table.
    pub(super) fn condition(&self, table: &'static str, text: &str) -> Result<Frag, Refused> {
        let wanted = Wanted::read(text)?;
        let [has, not] = wanted.fts5();
        Ok(Arc::new(Words {
            columns: Arc::clone(&self.columns),
            tsquery: wanted.tsquery(),
            table,
            has,
            not,
        }))
    }
}

/// The table of FTS5 of a table, and that of the ids of its rows.
pub(crate) fn fts_tables(table: &str) -> [String; 2] {
    [format!("{table}_fts"), format!("{table}_fts_rows")]
}

/// The rows that have, and have not, some words.
struct Words {
    columns: Arc<[(&'static str, Frag)]>,
    tsquery: String,
    table: &'static str,
    has: Option<String>,
    not: Option<String>,
}

impl<DB> QueryFragment<DB> for Words
where
    DB: Dialect + HasSqlType<Text>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if DB::IS_PG {
            out.push_sql("crud_words(");
            for (i, (_, column)) in self.columns.iter().enumerate() {
                out.push_sql(if i == 0 { "" } else { ", " });
                DB::walk(&**column, out.reborrow())?;
            }
            out.push_sql(") @@ cast(");
            out.push_bind_param::<Text, String>(&self.tsquery)?;
            out.push_sql(" AS tsquery)");
            return Ok(());
        }
        let [fts, rows] = fts_tables(self.table);
        let found = [(&self.has, " IN ("), (&self.not, " NOT IN (")];
        let found = found
            .iter()
            .filter_map(|(text, is)| Some((text.as_ref()?, is)));
        for (i, (text, is)) in found.enumerate() {
            out.push_sql(if i == 0 { "" } else { " AND " });
            out.push_identifier(self.table)?;
            out.push_sql(".\"id\"");
            out.push_sql(is);
            out.push_sql("SELECT r.\"id\" FROM ");
            out.push_identifier(&fts)?;
            out.push_sql(" AS f JOIN ");
            out.push_identifier(&rows)?;
            out.push_sql(" AS r ON r.\"number\" = f.\"rowid\" WHERE ");
            out.push_identifier(&fts)?;
            out.push_sql(" MATCH ");
            out.push_bind_param::<Text, String>(text)?;
            out.push_sql(")");
        }
        Ok(())
    }
}
