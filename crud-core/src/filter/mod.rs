//! Filters that apply by themselves.
//!
//! A Query DTO's field of type [`Filter`] or [`Through`] takes `field=value` and `field[op]=value`, one of type
//! [`FullText`] looks for words, and no search function has to know it.
//!
//! `#[dto(query)]` emits one [`FilterField`] for each such field; `read` turns a request's parameters into conditions
//! by them. Nothing here runs SQL, and nothing of a request ever becomes SQL text.

mod column;
mod full_text;
mod json;
mod name;
mod op;
mod read;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod words;

use std::{fmt, marker::PhantomData};

use diesel::Column;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;

pub(crate) use self::{
    column::{FilterColumn, LONGEST_PART, MOST_VALUES},
    full_text::{WordsFilter, fts_tables},
    json::KEY,
    read::{MOST_TERMS, conditions},
};
pub use self::{
    full_text::{FullText, TextColumns},
    op::Op,
};
use crate::{
    Policy, Principal,
    db::ColumnType,
    dto::{QueryDto, WriteAs},
    entity::{EntityInterface, Named},
    policy::Mask,
};

/// A filter on the column of the field's name: `pub score: Filter<f64>` takes `score=10`, `score[gte]=10`,
/// `score[in]=10,20` and so on, as far as `T` and the column have a meaning for it; see [`Op`].
///
/// `T` is what the column is read as, without `Option`. A `Filter<Json>` takes `properties[path.to.key][op]=value`.
/// The framework applies it; the search function sees nothing of it, unless `#[dto(by_hand)]` leaves `field=value` to it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// #[dto(query, table = courses)]
/// pub struct CheapQuery {
///     /// `price=100`, `price[lte]=100`, `price[in]=0,100`.
///     pub price: Filter<i32>,
///     /// `made[gte]=2024-01-01T00:00:00Z`, of another column.
///     #[dto(column = created_at)]
///     pub made: Filter<Timestamp>,
///     /// `metadata[level]=2`: into a document.
///     pub metadata: Filter<Json>,
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter<T> {
    by_hand: Option<T>,
}

impl<T> Filter<T> {
    /// What `field=value` says, where the field is `#[dto(by_hand)]`.
    pub const fn plain(&self) -> &Option<T> {
        &self.by_hand
    }

    /// One that is left to the search function.
    pub const fn by_hand(plain: Option<T>) -> Self {
        Self { by_hand: plain }
    }
}

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self { by_hand: None }
    }
}

/// A filter through the relation of the field's name: `pub course: Through<Course>` takes `course.category=Science` and
/// all else that `GET /courses` filters by, but no further relation.
///
/// It keeps the rows that belong to a row of that list: the other entity's policy, its archive state and the fields
/// that it hides from the caller count as they do there.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// #[dto(query, table = lessons)]
/// pub struct OwnLessonQuery {
///     /// `course.price[lte]=100`: lessons of cheap courses that the caller may see.
///     pub course: Through<Course>,
/// }
/// ```
pub struct Through<E>(PhantomData<fn() -> E>);

impl<E> Default for Through<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E> Clone for Through<E> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for Through<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Through")
    }
}

impl<T: JsonSchema> JsonSchema for Filter<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<E> JsonSchema for Through<E> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Through".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// A filter of a Query DTO, without its types.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::dto::QueryDto as _;
///
/// #[dto(query, table = courses)]
/// pub struct CheapQuery {
///     pub price: Filter<i32>,
///     pub is_published: Filter<bool>,
/// }
/// let names: Vec<_> = CheapQuery::filters().iter().map(|filter| filter.name).collect();
/// assert_eq!(names, ["price", "is_published"]);
/// # }
/// ```
#[derive(Clone)]
pub struct FilterField {
    /// The parameter's name, which is the field's.
    pub name: &'static str,
    pub(crate) on: On,
}

/// What a filter looks at.
#[derive(Clone)]
pub(crate) enum On {
    Column(FilterColumn),
    /// Words in several columns.
    Words(WordsFilter),
    /// Another entity. A function, since entities may relate to each other.
    Relation(fn() -> Related),
}

/// What another entity's list filters by.
pub(crate) struct Related {
    pub(crate) endpoint: &'static str,
    /// Of its Query DTO.
    pub(crate) schema: serde_json::Value,
    pub(crate) filters: Vec<FilterField>,
    pub(crate) mask: fn(&Principal) -> Mask,
}

impl FilterField {
    /// A [`Filter`] on a column.
    pub fn column<Q, C, T>(name: &'static str, _column: C, _field: fn(&Q) -> &Filter<T>) -> Self
    where
        C: Column<Table: Named, SqlType: ColumnType>,
        T: FilterAs<C::SqlType>,
    {
        Self {
            name,
            on: On::Column(FilterColumn::of::<C, T>()),
        }
    }

    /// A [`FullText`].
    pub fn words<Q, C: TextColumns>(name: &'static str, _field: fn(&Q) -> &FullText<C>) -> Self {
        Self {
            name,
            on: On::Words(WordsFilter::of::<C>()),
        }
    }

    /// A [`Through`].
    pub fn through<Q, E>(name: &'static str, _field: fn(&Q) -> &Through<E>) -> Self
    where
        E: EntityInterface,
    {
        Self {
            name,
            on: On::Relation(|| Related {
                endpoint: E::ENDPOINT,
                schema: schemars::schema_for!(E::Query).into(),
                filters: E::Query::filters(),
                mask: |principal| E::Policy::fields(principal).erase(),
            }),
        }
    }
}

/// A type that filters columns of the SQL type `ST`.
///
/// ```
/// use crud_core::{filter::FilterAs, sql_types::{BigInt, Text}};
///
/// const fn filters<T: FilterAs<ST>, ST>() {}
/// filters::<String, Text>();
/// filters::<i64, BigInt>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`Filter<{Self}>` cannot filter a column of type `{ST}`",
    label = "not of the column's type",
    note = "the type is what the column is read as, without `Option`"
)]
pub trait FilterAs<ST>: WriteAs<ST> + DeserializeOwned + 'static {}
#[diagnostic::do_not_recommend]
impl<ST, T> FilterAs<ST> for T where T: WriteAs<ST> + DeserializeOwned + 'static {}
