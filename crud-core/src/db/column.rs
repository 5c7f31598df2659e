//! A column of a table as an erased fragment. Not generic: Diesel's own type for each column, behind `dyn`, costs the
//! compiler ten functions for each of them, and an entity names most of its columns several times.

use std::sync::Arc;

use diesel::{
    Column, QueryResult,
    query_builder::{AstPass, QueryFragment},
};

use super::{Dialect, Frag};
use crate::entity::Named;

/// `table.column`, as Diesel writes it.
#[derive(Clone, Copy)]
pub(crate) struct ColumnFragment {
    table: &'static str,
    column: &'static str,
}

impl ColumnFragment {
    /// The column `C` without its type.
    pub(crate) const fn of<C: Column<Table: Named>>() -> Self {
        Self {
            table: <C::Table as Named>::NAME,
            column: C::NAME,
        }
    }
}

/// The column `C`, as a fragment like any other.
pub(crate) fn column<C: Column<Table: Named>>() -> Frag {
    Arc::new(ColumnFragment::of::<C>())
}

impl<DB: Dialect> QueryFragment<DB> for ColumnFragment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !out.should_skip_from() {
            out.push_identifier(self.table)?;
            out.push_sql(".");
        }
        out.push_identifier(self.column)
    }
}

#[cfg(test)]
mod tests {
    use diesel::{pg::Pg, sqlite::Sqlite};

    use super::*;

    diesel::table! {
        #[sql_name = "odd\"table"]
        odd (id) {
            id -> Integer,
            #[sql_name = "the \"`column`"]
            column -> Text,
        }
    }

    #[test]
    fn a_column_is_written_as_diesel_writes_it() {
        for (own, diesels) in [
            (column::<odd::id>(), Arc::new(odd::id) as Frag),
            (column::<odd::column>(), Arc::new(odd::column)),
        ] {
            assert_eq!(Pg::render(&*own), Pg::render(&*diesels));
            assert_eq!(Sqlite::render(&*own), Sqlite::render(&*diesels));
        }
    }
}
