//! How the rows of entities belong together: declared once, by `relations(…)`, and read by
//! `include=`, by a `POST` that brings rows along, and by the OpenAPI document.

use diesel::{
    Column, Expression,
    sql_types::{BigInt, Nullable, Text},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{entity::EntityInterface, sql_types};

/// A relation of an entity to another, without their types.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// let lessons = Course::relations()[0];
/// assert_eq!((lessons.name, lessons.endpoint, lessons.is_many()), ("lessons", "lessons", true));
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Relation {
    /// Its name in `include=` and in the answer.
    pub name: &'static str,
    /// The endpoint of the other entity.
    pub endpoint: &'static str,
    /// How the rows are found.
    pub kind: RelationKind,
    /// Whether a `POST` of this row may bring such rows along.
    pub nested: bool,
    /// What a related row is answered as.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Which of the two rows names the other.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::relation::RelationKind;
///
/// assert_eq!(Course::relations()[0].kind, RelationKind::HasMany("course_id"));
/// assert_eq!(Lesson::relations()[0].kind, RelationKind::BelongsTo("course_id"));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// Rows of the other entity name this one in their column.
    HasMany(&'static str),
    /// This row names one of the other entity in its column.
    BelongsTo(&'static str),
}

impl Relation {
    /// The rows of `Child` whose column is the id of this row.
    pub fn has_many<E, Child, C>(name: &'static str, _column: C) -> Self
    where
        E: EntityInterface,
        Child: EntityInterface,
        C: Column<Table = Child::Table> + Expression<SqlType: RefersBy<E::Id>>,
    {
        Self {
            name,
            endpoint: Child::ENDPOINT,
            kind: RelationKind::HasMany(C::NAME),
            nested: false,
            schema: subschema::<Child::List>,
        }
    }

    /// The row of `Parent` whose id is in the column of this row of `E`.
    pub fn belongs_to<E, Parent, C>(name: &'static str, _column: C) -> Self
    where
        E: EntityInterface,
        Parent: EntityInterface,
        C: Column<Table = E::Table> + Expression<SqlType: RefersBy<Parent::Id>>,
    {
        Self {
            name,
            endpoint: Parent::ENDPOINT,
            kind: RelationKind::BelongsTo(C::NAME),
            nested: false,
            schema: subschema::<Parent::Get>,
        }
    }

    /// A `POST` of a row may bring rows of this list along, each under the rules of its own `POST`.
    #[must_use]
    pub const fn nested(mut self) -> Self {
        self.nested = true;
        self
    }

    /// Whether it leads to a list.
    pub const fn is_many(&self) -> bool {
        matches!(self.kind, RelationKind::HasMany(_))
    }
}

fn subschema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The type of a column that refers to a row.
///
/// ```
/// use crud_core::{Uuid, relation::RefersBy, sql_types};
/// use diesel::sql_types::Nullable;
///
/// const fn refers<C: RefersBy<Id>, Id>() {}
/// refers::<Nullable<sql_types::Uuid>, Uuid>();
/// refers::<sql_types::BigInt, i64>();
/// ```
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` refers to no row whose id is a `{Id}`",
    note = "a relation stands on a column that holds the other row's id, or may: `Uuid`, `BigInt` (`i64`) or `Text` (`String`)"
)]
pub trait RefersBy<Id> {}
impl RefersBy<crate::Uuid> for sql_types::Uuid {}
impl RefersBy<crate::Uuid> for Nullable<sql_types::Uuid> {}
impl RefersBy<i64> for BigInt {}
impl RefersBy<i64> for Nullable<BigInt> {}
impl RefersBy<String> for Text {}
impl RefersBy<String> for Nullable<Text> {}
