//! The conditions of a list: an entity's search function builds them in ordinary Diesel, and they
//! are erased here, checked against both databases at compile time.

use std::{marker::PhantomData, sync::Arc};

use diesel::{
    Column,
    expression::{
        AppearsOnTable, Expression, NonAggregate, SelectableExpression, ValidGrouping, is_aggregate,
    },
    query_builder::QueryId,
    sql_types::{Bool, BoolOrNullableBool, Nullable, Text},
};

use crate::{
    db::{ColumnFragment, ContainsCi, Frag, Fragment},
    entity::Named,
};

/// The conditions collected so far on rows of `T`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// #[dto(query)]
/// pub struct OwnCourseQuery {
///     /// A part of the title.
///     pub title: Option<String>,
///     /// Only courses that cost nothing.
///     pub free: Option<bool>,
/// }
///
/// fn search(search: Search<courses::table>, query: &OwnCourseQuery) -> Search<courses::table> {
///     search
///         .filter_if(&query.title, |title| courses::title.contains_ci(title))
///         .filter_when(query.free == Some(true), || courses::price.eq(0))
/// }
/// ```
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

    /// Keeps the rows whose text contains this part, whatever the case; if there is a part. As
    /// [`contains_ci`](TextSearch::contains_ci) in a [`filter_if`](Self::filter_if), with less to compile.
    #[must_use]
    pub fn containing<C>(mut self, _column: C, part: &Option<String>) -> Self
    where
        T: Named,
        C: Column<Table = T> + Expression<SqlType: TextOrNullable>,
    {
        let column = ColumnFragment::of::<C>();
        let condition = |part: &String| Arc::new(ContainsCi::new(column, part)) as Frag;
        self.conditions.extend(part.as_ref().map(condition));
        self
    }

    pub(crate) fn into_conditions(self) -> Vec<Frag> {
        self.conditions
    }
}

/// What [`Search::filter`] takes.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// use crud_core::search::Condition;
///
/// /// How many courses the caller sees for which a condition is true.
/// async fn count(cx: Context<'_>, condition: impl Condition<courses::table> + Send) -> Result<Option<i64>> {
///     Ok(cx.list::<Course>("", |search| search.filter(condition)).await?.total)
/// }
/// let (app, nobody) = (app().await, Principal::anonymous());
/// assert_eq!(count(app.on_behalf(&nobody), courses::price.lt(100)).await?, Some(0));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot filter `{T}`",
    label = "not a condition on `{T}`",
    note = "a filter is a Diesel boolean expression over the columns of `{T}`, valid on both PostgreSQL and SQLite"
)]
pub trait Condition<T> {
    /// The condition without its type.
    fn erase(self) -> Frag;
}
#[diagnostic::do_not_recommend]
impl<T, E> Condition<T> for E
where
    E: Expression<SqlType: BoolOrNullableBool>
        + AppearsOnTable<T>
        + NonAggregate
        + Fragment
        + 'static,
{
    fn erase(self) -> Frag {
        Arc::new(self)
    }
}

/// Text conditions that both databases answer alike.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let app = app().await;
/// let system = Principal::system();
/// let cx = app.on_behalf(&system);
/// cx.create::<Course>(CourseCreate { title: "100% Rust".into(), price: 0, is_published: true, properties: None }).await?;
/// assert!(cx.find::<Course>(courses::title.contains_ci("% r")).await.is_ok());
/// assert!(cx.find::<Course>(courses::title.contains_ci("1_0")).await.is_err());
/// # Ok(())
/// # }
/// ```
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
        ContainsCi::new(self, term.as_ref())
    }
}

/// `TEXT`, or nullable `TEXT`.
///
/// ```
/// use crud_core::{search::TextOrNullable, sql_types::Text};
///
/// const fn is_searched<C: TextOrNullable>() {}
/// is_searched::<diesel::sql_types::Nullable<Text>>();
/// ```
#[diagnostic::on_unimplemented(message = "`contains_ci` needs a text column")]
pub trait TextOrNullable {}
impl TextOrNullable for Text {}
impl TextOrNullable for Nullable<Text> {}

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
