//! Text that the server makes unique by a number: `intro`, `intro-2`, `intro-3`. The database finds the first
//! that is free while it writes the row; [`operations`](crate::operations) tries again when another
//! write took it at that moment.

use std::sync::Arc;

use diesel::{Column, Expression, sql_types::Text};

use super::{Assignment, Assignments};
use crate::{
    db::{Fragment, Stmt},
    entity::Named,
    search::Condition,
};

impl<T: Named> Assignments<T> {
    /// Sets a unique text column to `text`, or to the first of `text-2`, `text-3`, … that no other row has among
    /// those for which `among` holds. A text that is longer than `longest` characters with its number is cut
    /// before it. The entity declares the column: `numbered(slug)`.
    pub fn set_numbered<C>(
        &mut self,
        _column: C,
        text: String,
        longest: u16,
        among: impl Condition<T>,
    ) where
        C: Column<Table = T> + Expression<SqlType = Text> + Fragment + 'static,
    {
        // Goes on from one candidate to the next for as long as there is a row that has it.
        let value = Stmt::new()
            .sql("(WITH RECURSIVE tries(n, candidate, own) AS (SELECT 1, CAST(")
            .bind::<Text, _>(text.clone())
            .sql(" AS text), ");
        let value = match self.of_row {
            // Nothing stands between this place and the row that is updated.
            true => value.ident(T::NAME).sql(".").ident("id"),
            false => value.per_backend("CAST(NULL AS uuid)", "NULL"),
        };
        let value = value
            .sql(" UNION ALL SELECT n + 1, rtrim(substr(CAST(")
            .bind::<Text, _>(text)
            .sql(" AS text), 1, ")
            .bind::<diesel::sql_types::Integer, _>(i32::from(longest))
            .sql(" - length('-' || CAST(n + 1 AS text))), '-') || '-' || CAST(n + 1 AS text), own FROM tries")
            .sql(" WHERE EXISTS (SELECT 1 FROM ")
            .ident(T::NAME)
            .sql(" WHERE ")
            .ident(T::NAME)
            .sql(".")
            .ident("id")
            .sql(" IS DISTINCT FROM tries.own AND ")
            .ident(T::NAME)
            .sql(".")
            .ident(C::NAME)
            // By bytes, as the unique index does.
            .per_backend(" = tries.candidate COLLATE \"C\" AND (", " = tries.candidate AND (")
            .frag(among.erase())
            .sql("))) SELECT candidate FROM tries ORDER BY n DESC LIMIT 1)");
        self.assign(Assignment {
            is_numbered: true,
            ..Assignment::new(C::NAME, Arc::new(value))
        });
    }
}
