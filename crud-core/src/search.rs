//! The conditions of a list: an entity's search function builds them in ordinary Diesel, and they
//! are erased here, checked against both databases at compile time.

use std::{marker::PhantomData, sync::Arc};

use diesel::{
    QueryResult,
    expression::{
        AppearsOnTable, Expression, NonAggregate, SelectableExpression, ValidGrouping, is_aggregate,
    },
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, BoolOrNullableBool, Nullable, Text},
};

use crate::db::{Dialect, Frag, Fragment, bind};

/// The conditions collected so far on rows of `T`.
pub struct Search<T> {
    conditions: Vec<Frag>,
    table: PhantomData<fn() -> T>,
}

impl<T> Search<T> {
    pub(crate) fn new() -> Self {
        Self {
            conditions: Vec::new(),
            table: PhantomData,
        }
    }

    /// Keeps the rows for which `expr` is true: any Diesel condition over the columns of `T` that
    /// both databases can run, `exists` and subqueries included.
    #[must_use]
    pub fn filter<E: Condition<T>>(mut self, expr: E) -> Self {
        self.conditions.push(expr.erase());
        self
    }

    /// [`filter`](Self::filter), if there is a value.
    #[must_use]
    pub fn filter_if<V: Clone, E: Condition<T>>(
        self,
        value: &Option<V>,
        condition: impl FnOnce(V) -> E,
    ) -> Self {
        match value {
            Some(value) => self.filter(condition(value.clone())),
            None => self,
        }
    }

    /// [`filter`](Self::filter), if `on`.
    #[must_use]
    pub fn filter_when<E: Condition<T>>(self, on: bool, condition: impl FnOnce() -> E) -> Self {
        if on { self.filter(condition()) } else { self }
    }

    pub(crate) fn into_conditions(self) -> Vec<Frag> {
        self.conditions
    }
}

/// What [`Search::filter`] takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot filter `{T}`",
    label = "not a condition on `{T}`",
    note = "a filter is a Diesel boolean expression over the columns of `{T}`, valid on both PostgreSQL and SQLite"
)]
pub trait Condition<T> {
    /// The condition without its type.
    fn erase(self) -> Frag;
}
impl<T, E> Condition<T> for E
where
    E: Expression<SqlType: BoolOrNullableBool> + AppearsOnTable<T> + NonAggregate + Fragment + 'static,
{
    fn erase(self) -> Frag {
        Arc::new(self)
    }
}

/// Text conditions that both databases answer alike.
pub trait TextSearch: Expression + Sized {
    /// Whether the text contains `term`, whatever the case. `%`, `_` and `\` are literal.
    ///
    /// PostgreSQL folds case by the database's locale, SQLite by Unicode's simple rules.
    fn contains_ci(self, term: impl AsRef<str>) -> ContainsCi<Self>;
}
impl<C> TextSearch for C
where
    C: Expression<SqlType: TextOrNullable>,
{
    fn contains_ci(self, term: impl AsRef<str>) -> ContainsCi<Self> {
        let term = term.as_ref();
        let mut pattern = String::with_capacity(term.len() + 2);
        pattern.push('%');
        for c in term.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('%');
        ContainsCi {
            column: self,
            pattern: bind::<Text, _>(pattern),
            term: bind::<Text, _>(term.to_owned()),
        }
    }
}

/// `TEXT`, or nullable `TEXT`.
#[diagnostic::on_unimplemented(message = "`contains_ci` needs a text column")]
pub trait TextOrNullable {}
impl TextOrNullable for Text {}
impl TextOrNullable for Nullable<Text> {}

/// Made by [`TextSearch::contains_ci`].
pub struct ContainsCi<C> {
    column: C,
    pattern: Frag,
    term: Frag,
}
impl<C: Expression> Expression for ContainsCi<C> {
    type SqlType = Nullable<Bool>;
}
impl<T, C: AppearsOnTable<T>> AppearsOnTable<T> for ContainsCi<C> {}
impl<T, C: SelectableExpression<T>> SelectableExpression<T> for ContainsCi<C> {}
impl<C: ValidGrouping<G>, G> ValidGrouping<G> for ContainsCi<C> {
    type IsAggregate = is_aggregate::No;
}
impl<C> QueryId for ContainsCi<C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<DB: Dialect, C: QueryFragment<DB>> QueryFragment<DB> for ContainsCi<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if DB::IS_PG {
            self.column.walk_ast(out.reborrow())?;
            out.push_sql(" ILIKE ");
            DB::walk(&*self.pattern, out.reborrow())?;
            out.push_sql(" ESCAPE '\\'");
        } else {
            out.push_sql("crud_contains_ci(");
            self.column.walk_ast(out.reborrow())?;
            out.push_sql(", ");
            DB::walk(&*self.term, out.reborrow())?;
            out.push_sql(")");
        }
        Ok(())
    }
}
