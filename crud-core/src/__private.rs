//! What the macros' expansions name. Not for use by hand: it changes with the macros.

use diesel::{
    Column, Expression,
    sql_types::{BigInt, Nullable, Text},
};
use schemars::Schema;

use crate::sql_types::{Timestamptz, Uuid};

pub use futures_util::future::BoxFuture;
pub use {diesel, schemars, serde, validator};

pub use crate::{
    dto::{
        Assignments, ComputedColumn, CreateDto, Field, QueryDto, ReadColumn, Reading, RowDto,
        UpdateDto,
    },
    entity::{SortColumn, UniqueColumn},
    filter::FilterField,
    hook::{After, Before, Fault},
    id::IdOf,
    principal::Principal,
    query::Params,
    relation::Relation,
    search::Search,
};
/// Compiles when a table's standard columns are there and of their types; never called.
pub fn standard_columns<T, Id, Version, CreatedAt, UpdatedAt, CreatedBy, UpdatedBy>(
    _id: Id,
    _version: Version,
    _created_at: CreatedAt,
    _updated_at: UpdatedAt,
    _created_by: CreatedBy,
    _updated_by: UpdatedBy,
) where
    Id: Column<Table = T>,
    Version: Column<Table = T> + Expression<SqlType = BigInt>,
    CreatedAt: Column<Table = T> + Expression<SqlType = Timestamptz>,
    UpdatedAt: Column<Table = T> + Expression<SqlType = Timestamptz>,
    CreatedBy: Column<Table = T> + Expression<SqlType = Nullable<Uuid>>,
    UpdatedBy: Column<Table = T> + Expression<SqlType = Nullable<Uuid>>,
{
}

/// The name of a column.
pub const fn column_name<C: Column + Copy>(_column: C) -> &'static str {
    C::NAME
}

/// The name of a column that holds text.
pub const fn text_column<C: Column<SqlType = Text> + Copy>(_column: C) -> &'static str {
    C::NAME
}

/// Every property of a row is always sent, one that is null too.
pub fn all_required(schema: &mut Schema) {
    let Some(properties) = schema.get("properties").and_then(|value| value.as_object()) else {
        return;
    };
    let names: Vec<_> = properties.keys().map(|name| name.as_str().into()).collect();
    schema.insert("required".to_owned(), serde_json::Value::Array(names));
}

/// Whether a field that holds nothing may be left out.
pub const fn always<T>(_field: &T) -> bool {
    true
}
