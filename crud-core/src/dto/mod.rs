//! What a DTO must be.
//!
//! `#[dto(create | update | get | list | query, …)]` turns a plain struct into one and implements
//! these traits; a write becomes a list of assignments and a read a list of
//! columns, so that every statement is built by one piece of code for all entities.

use std::{any::TypeId, marker::PhantomData};

use diesel::{
    Column, Expression,
    deserialize::{self, FromSql},
    expression::AsExpression,
    pg::{Pg, PgValue},
    result::UnexpectedNullError,
    sql_types::{SingleValue, SqlType},
    sqlite::{Sqlite, SqliteValue},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use validator::Validate;

use crate::{
    db::{Frag, Fragment, Part},
    entity::Named,
    filter::FilterField,
    query::Params,
    sql_types::Jsonb,
};

mod computed;
#[doc(hidden)] // named by what `#[dto]` writes, and by nobody else
pub mod de;
mod json;
mod nothing;
mod numbered;

pub use computed::{ComputedColumn, ComputedWriter, Values};
pub use nothing::Nothing;

/// The body of a create: its fields are columns of `T`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::dto::CreateDto;
///
/// let fields: Vec<_> = <CourseCreate as CreateDto<courses::table>>::FIELDS.iter().map(|field| field.name).collect();
/// assert_eq!(fields, ["title", "price", "is_published", "properties"]);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a create DTO of `{T}`",
    note = "write `#[dto(create, table = …)]` above it"
)]
pub trait CreateDto<T>:
    DeserializeOwned + Serialize + JsonSchema + Validate + Send + 'static
{
    /// The fields, in order.
    const FIELDS: &'static [Field];
    /// The columns to insert; a field left out takes the column's default.
    fn insert(self, into: &mut Assignments<T>);
    /// The columns to replace (`PUT`); a nullable field left out is cleared.
    fn replace(self, into: &mut Assignments<T>);
}

/// The body of a partial update: only what was sent changes.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::dto::UpdateDto as _;
///
/// let change: CourseUpdate = serde_json::from_str(r#"{"price": 5}"#)?;
/// let mut set = Assignments::<courses::table>::default();
/// change.assign(&mut set);
/// assert!(set.has(courses::price) && !set.has(courses::title));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an update DTO of `{T}`",
    note = "write `#[dto(update, table = …)]` above it"
)]
pub trait UpdateDto<T>: DeserializeOwned + JsonSchema + Validate + Send + 'static {
    /// The fields, in order.
    const FIELDS: &'static [Field];
    /// The columns that were sent.
    fn assign(self, into: &mut Assignments<T>);
}

/// One row as it goes out.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::dto::RowDto;
///
/// let columns: Vec<_> = <CourseList as RowDto<courses::table>>::columns().iter().map(|column| column.name).collect();
/// assert!(columns.contains(&"price") && !columns.contains(&"metadata"));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from `{T}`",
    note = "write `#[dto(get, table = …)]` or `#[dto(list, table = …)]` above it"
)]
pub trait RowDto<T>: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// The columns to select, in the order of the fields.
    fn columns() -> Vec<ReadColumn>;

    /// The fields that are computed from them.
    fn computed() -> Vec<ComputedColumn> {
        Vec::new()
    }
}

/// The filters of a list: one parameter for each field.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::dto::QueryDto as _;
///
/// let filters: Vec<_> = CourseQuery::filters().iter().map(|filter| filter.name).collect();
/// assert!(filters.contains(&"price") && filters.contains(&"is_published"));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query DTO",
    note = "write `#[dto(query)]` above it; every field is an `Option`, a `Filter`, a `FullText` or a `Through`"
)]
pub trait QueryDto: JsonSchema + Send + Sync + 'static {
    /// The names of the parameters that are handed to the search function.
    const FIELDS: &'static [&'static str];
    /// Takes its parameters; faults are collected in `params`.
    fn parse(params: &mut Params) -> Self;

    /// The filters that apply by themselves.
    fn filters() -> Vec<FilterField> {
        Vec::new()
    }
}

/// A field of a body.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::dto::CreateDto;
///
/// let title = <CourseCreate as CreateDto<courses::table>>::FIELDS[0];
/// assert_eq!((title.name, title.trimmed), ("title", true));
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name on the wire, which is the column's.
    pub name: &'static str,
    /// Whether text in it is trimmed before it is checked.
    pub trimmed: bool,
}

/// One column of a write with its new value.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// let mut set = Assignments::<courses::table>::default();
/// set.set(courses::title, "Rust");
/// set.set(courses::price, 100);
/// let columns: Vec<_> = set.into_list().iter().map(|assignment| assignment.column).collect();
/// assert_eq!(columns, ["title", "price"]);
/// # }
/// ```
#[derive(Clone)]
pub struct Assignment {
    /// The column.
    pub column: &'static str,
    /// The value: a bind, `NULL` or an expression.
    pub value: Frag,
    /// Whether another run of the statement may give another value, that is free where this one is taken:
    /// [`Assignments::set_numbered`].
    pub(crate) is_numbered: bool,
}

impl Assignment {
    /// Sets a column.
    pub(crate) const fn new(column: &'static str, value: Frag) -> Self {
        Self {
            column,
            value,
            is_numbered: false,
        }
    }
}

/// The columns of `T` that a write sets.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// `before_create = before_create` in the declaration of a course.
/// fn before_create(
///     new: &mut CourseCreate,
///     set: &mut Assignments<courses::table>,
///     principal: &Principal,
/// ) -> Result<()> {
///     new.title = new.title.to_uppercase();
///     if !principal.has_role("teacher") {
///         set.set(courses::is_published, false);
///     }
///     Ok(())
/// }
/// ```
pub struct Assignments<T> {
    list: Vec<Assignment>,
    /// Whether they are for a row that is there.
    of_row: bool,
    table: PhantomData<fn() -> T>,
}

impl<T> Default for Assignments<T> {
    fn default() -> Self {
        Self {
            list: Vec::with_capacity(16),
            of_row: false,
            table: PhantomData,
        }
    }
}

impl<T> Assignments<T> {
    /// Sets a column; the last value wins.
    pub fn set<C, V>(&mut self, _column: C, value: V)
    where
        C: Column<Table = T> + Expression<SqlType: SqlType + SingleValue>,
        V: WriteAs<C::SqlType>,
    {
        self.put(C::NAME, value.bound());
    }

    /// Clears a column that can be null; leaves any other as it is.
    pub fn clear<C>(&mut self, _column: C)
    where
        C: Column<Table = T> + Expression<SqlType: SqlType<IsNull: Nullability>>,
    {
        if <<C::SqlType as SqlType>::IsNull as Nullability>::NULLABLE {
            self.put(
                C::NAME,
                std::sync::Arc::new(crate::db::Stmt::new().sql("NULL")),
            );
        }
    }

    /// Merges a JSON document into a column (RFC 7396); `None` clears it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut set = Assignments::<courses::table>::default();
    /// // The column keeps all else that it holds.
    /// set.merge(courses::metadata, Some(Json::from_text(r#"{"level": 2, "draft": null}"#)?));
    /// assert!(set.has(courses::metadata));
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge<C>(&mut self, column: C, patch: Option<crate::Json>)
    where
        C: Column<Table = T> + Expression<SqlType: SqlType<IsNull: Nullability>>,
    {
        let Some(patch) = patch else {
            return self.clear(column);
        };
        let merged = crate::db::Stmt::new()
            .part(Part::PerBackend {
                pg: "crud_merge_patch(",
                sqlite: "json_patch(",
            })
            .sql("coalesce(")
            .ident(C::NAME)
            .sql(", '{}'), ")
            .frag(crate::db::bind::<Jsonb, _>(patch))
            .sql(")");
        self.put(C::NAME, std::sync::Arc::new(merged));
    }

    fn put(&mut self, column: &'static str, value: Frag) {
        self.assign(Assignment::new(column, value));
    }

    fn assign(&mut self, new: Assignment) {
        match self.list.iter_mut().find(|a| a.column == new.column) {
            Some(known) => *known = new,
            None => self.list.push(new),
        }
    }

    /// Whether a column has a value already.
    pub fn has<C: Column<Table = T>>(&self, _column: C) -> bool {
        self.list.iter().any(|a| a.column == C::NAME)
    }

    /// No column yet of a row that is there.
    pub(crate) fn of_row() -> Self {
        Self {
            of_row: true,
            ..Self::default()
        }
    }

    /// Keeps the columns for which this holds.
    pub(crate) fn retain(&mut self, keep: impl Fn(&'static str) -> bool) {
        self.list.retain(|a| keep(a.column));
    }

    /// The list again.
    pub(crate) fn from_list(list: Vec<Assignment>) -> Self {
        Self {
            list,
            of_row: false,
            table: PhantomData,
        }
    }

    /// The list itself.
    pub fn into_list(self) -> Vec<Assignment> {
        self.list
    }
}

/// A value that can be written to a column of the SQL type `ST`, on both databases.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::{dto::WriteAs, sql_types::Text};
///
/// /// A title by default, for whatever the caller has a title in.
/// fn title_or(set: &mut Assignments<courses::table>, title: impl WriteAs<Text>) {
///     if !set.has(courses::title) {
///         set.set(courses::title, title);
///     }
/// }
/// let mut set = Assignments::default();
/// title_or(&mut set, "Untitled");
/// title_or(&mut set, String::from("Another"));
/// assert_eq!(set.into_list().len(), 1);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be written to a column of type `{ST}`",
    label = "not of the column's type"
)]
pub trait WriteAs<ST> {
    /// The value, ready for a statement.
    fn bound(self) -> Frag;
}
// The sentence above says more than the bound that failed.
#[diagnostic::do_not_recommend]
impl<ST, V> WriteAs<ST> for V
where
    ST: SqlType + SingleValue,
    V: AsExpression<ST, Expression: Fragment + 'static>,
{
    fn bound(self) -> Frag {
        std::sync::Arc::new(self.as_expression())
    }
}

/// A type that a column of the SQL type `ST` can be read as, from both databases.
///
/// ```
/// use crud_core::{dto::ReadAs, sql_types::Text};
/// use diesel::sql_types::Nullable;
///
/// const fn reads<T: ReadAs<ST>, ST>() {}
/// reads::<String, Text>();
/// reads::<Option<String>, Nullable<Text>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "a column of type `{ST}` cannot be read as `{Self}`",
    label = "not of the column's type",
    note = "a column that can be null is read as an `Option`"
)]
pub trait ReadAs<ST>: FromSql<ST, Pg> + FromSql<ST, Sqlite> + Serialize {}
#[diagnostic::do_not_recommend]
impl<ST, V> ReadAs<ST> for V where V: FromSql<ST, Pg> + FromSql<ST, Sqlite> + Serialize {}

/// Whether a column can be null, read off its SQL type.
///
/// ```
/// use crud_core::dto::Nullability;
/// use diesel::sql_types::is_nullable::{IsNullable, NotNull};
///
/// assert!(IsNullable::NULLABLE && !NotNull::NULLABLE);
/// ```
pub trait Nullability {
    /// The answer.
    const NULLABLE: bool;
}
impl Nullability for diesel::sql_types::is_nullable::IsNullable {
    const NULLABLE: bool = true;
}
impl Nullability for diesel::sql_types::is_nullable::NotNull {
    const NULLABLE: bool = false;
}

/// One column of a read: how to select it, and how its value becomes JSON.
#[doc(hidden)] // what `#[dto]` writes
#[derive(Clone)]
pub struct ReadColumn {
    /// Its name, in the table and in the answer.
    pub name: &'static str,
    /// The column.
    pub column: Frag,
    /// Appends the value's JSON.
    pub write: ValueWriter,
}

/// Decodes one value and appends its JSON; one function for each database.
#[doc(hidden)] // what `#[dto]` writes
#[derive(Clone, Copy)]
pub struct ValueWriter {
    /// Whether the JSON says exactly what the database holds: a truth value, an integer, a text, a time or a
    /// UUID; `null` only for NULL.
    pub(crate) is_exact: bool,
    pub(crate) pg: fn(Option<PgValue<'_>>, &mut Vec<u8>) -> deserialize::Result<()>,
    pub(crate) sqlite: fn(Option<SqliteValue<'_, '_, '_>>, &mut Vec<u8>) -> deserialize::Result<()>,
}

impl ReadColumn {
    /// Reads column `C` as the Rust type `V`.
    pub fn of<C, V>(_column: C) -> Self
    where
        C: Column<Table: Named>,
        V: ReadAs<C::SqlType> + 'static,
    {
        Self {
            name: C::NAME,
            column: crate::db::column::<C>(),
            write: writer::<C::SqlType, V>(),
        }
    }
}

/// A column that is to be read: in two steps, so that the compiler knows the column before it judges the type.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::dto::Reading;
///
/// // What `#[dto(get, table = courses)]` writes for `pub title: String`.
/// let column = Reading(courses::title).read_as::<String>();
/// assert_eq!(column.name, "title");
/// # }
/// ```
pub struct Reading<C>(pub C);

impl<C> Reading<C>
where
    C: Column<Table: Named>,
{
    /// As [`ReadColumn::of`].
    pub fn read_as<V: ReadAs<C::SqlType> + 'static>(self) -> ReadColumn {
        ReadColumn::of::<C, V>(self.0)
    }
}

/// Not generic over the column: compiled once for each pair of types.
fn writer<ST, V>() -> ValueWriter
where
    V: FromSql<ST, Pg> + FromSql<ST, Sqlite> + Serialize + 'static,
{
    // Most of a row is text, which needs no copy on its way.
    let read = TypeId::of::<V>();
    if read == TypeId::of::<String>() {
        return text_writer::<false>();
    }
    if read == TypeId::of::<Option<String>>() {
        return text_writer::<true>();
    }
    ValueWriter {
        is_exact: EXACT.contains(&read),
        pg: |value, out| {
            let value = <V as FromSql<ST, Pg>>::from_nullable_sql(value)?;
            Ok(json::append(&value, out)?)
        },
        sqlite: |value, out| {
            let value = <V as FromSql<ST, Sqlite>>::from_nullable_sql(value)?;
            Ok(json::append(&value, out)?)
        },
    }
}

/// Types whose JSON is what the database holds.
const EXACT: [TypeId; 12] = [
    TypeId::of::<crate::Timestamp>(),
    TypeId::of::<Option<crate::Timestamp>>(),
    TypeId::of::<bool>(),
    TypeId::of::<Option<bool>>(),
    TypeId::of::<i16>(),
    TypeId::of::<Option<i16>>(),
    TypeId::of::<i32>(),
    TypeId::of::<Option<i32>>(),
    TypeId::of::<i64>(),
    TypeId::of::<Option<i64>>(),
    TypeId::of::<crate::Uuid>(),
    TypeId::of::<Option<crate::Uuid>>(),
];

/// As [`writer`] for `String` and `Option<String>`, from the driver's own buffer.
fn text_writer<const NULLABLE: bool>() -> ValueWriter {
    ValueWriter {
        is_exact: true,
        pg: |value, out| match value {
            Some(value) => {
                json::append_text(std::str::from_utf8(value.as_bytes())?, out);
                Ok(())
            }
            None => write_null::<NULLABLE>(out),
        },
        sqlite: |value, out| match value {
            Some(mut value) => {
                json::append_text(value.read_text(), out);
                Ok(())
            }
            None => write_null::<NULLABLE>(out),
        },
    }
}

fn write_null<const NULLABLE: bool>(out: &mut Vec<u8>) -> deserialize::Result<()> {
    if !NULLABLE {
        return Err(Box::new(UnexpectedNullError));
    }
    out.extend_from_slice(b"null");
    Ok(())
}
