//! The columns of a declared table as values: name, kind, nullability. Read by the drift check and by descriptors.

use diesel::Column;
use diesel::sql_types as st;

use super::sql_types::{Decimal, Jsonb, Timestamptz, Uuid};

/// What a column holds.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::{ColumnKind, TableShape};
///
/// let title = TableShape::of::<courses::table>("courses").columns[1];
/// assert_eq!((title.name, title.kind, title.nullable), ("title", ColumnKind::Text, false));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// `uuid`; `BLOB`.
    Uuid,
    /// `text`; `TEXT`.
    Text,
    /// `boolean`; `INTEGER`.
    Bool,
    /// `smallint`; `INTEGER`.
    Int2,
    /// `integer`; `INTEGER`.
    Int4,
    /// `bigint`; `INTEGER`.
    Int8,
    /// `real`; `REAL`.
    Float4,
    /// `double precision`; `REAL`.
    Float8,
    /// `numeric(digits, scale)`; `INTEGER` (the number times 10^scale).
    Decimal {
        /// All digits, at most 18.
        digits: u8,
        /// Those behind the point.
        scale: u8,
    },
    /// `timestamptz`; `INTEGER` (microseconds).
    Timestamptz,
    /// `date`; `TEXT`.
    Date,
    /// `jsonb`; `TEXT`.
    Jsonb,
    /// `bytea`; `BLOB`.
    Binary,
}

/// A column of a declared table.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::TableShape;
///
/// let shape = TableShape::of::<lessons::table>("lessons");
/// let nullable: Vec<_> = shape.columns.iter().filter(|column| column.nullable).map(|column| column.name).collect();
/// assert_eq!(nullable, ["created_by", "updated_by", "properties"]);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnShape {
    /// Its name in the database.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// True if it may be NULL.
    pub nullable: bool,
}

/// A declared table.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::db::TableShape;
///
/// let declared = [TableShape::of::<courses::table>("courses")];
/// assert!(app().await.db().drift(&declared).await.unwrap().is_empty());
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableShape {
    /// Its name in the database.
    pub name: &'static str,
    /// Its columns, in the order of `table!`.
    pub columns: Vec<ColumnShape>,
}

/// A SQL type that both databases have.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::{ColumnKind, ColumnType};
///
/// fn kind_of<C: Column<SqlType: ColumnType>>(_column: C) -> ColumnKind {
///     <C::SqlType as ColumnType>::KIND
/// }
/// assert_eq!(kind_of(courses::metadata), ColumnKind::Jsonb);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{Self}` cannot be kept on both databases",
    note = "import the column types of `table!` from `crud_core::sql_types`"
)]
pub trait ColumnType {
    /// What a column of this type holds.
    const KIND: ColumnKind;
    /// Its values in Rust.
    type Value;
    /// True for `Nullable<…>`.
    const NULLABLE: bool = false;
}

macro_rules! kinds {
    ($($sql:ty => $kind:ident: $value:ty),+ $(,)?) => {$(
        impl ColumnType for $sql {
            type Value = $value;
            const KIND: ColumnKind = ColumnKind::$kind;
        }
    )+};
}
kinds! {
    Uuid => Uuid: crate::Uuid, st::Text => Text: String, st::Bool => Bool: bool, st::SmallInt => Int2: i16,
    st::Integer => Int4: i32, st::BigInt => Int8: i64, st::Float => Float4: f32, st::Double => Float8: f64,
    Timestamptz => Timestamptz: crate::Timestamp, st::Date => Date: chrono::NaiveDate, Jsonb => Jsonb: crate::Json,
    st::Binary => Binary: Vec<u8>,
}
impl<const DIGITS: u8, const SCALE: u8> ColumnType for Decimal<DIGITS, SCALE> {
    type Value = crate::Decimal<DIGITS, SCALE>;
    const KIND: ColumnKind = {
        assert!(
            1 <= DIGITS && DIGITS <= 18 && SCALE <= DIGITS,
            "a `Decimal<DIGITS, SCALE>` has 1 to 18 digits, and no more of them behind the point"
        );
        ColumnKind::Decimal {
            digits: DIGITS,
            scale: SCALE,
        }
    };
}
impl<ST: ColumnType + st::SqlType> ColumnType for st::Nullable<ST> {
    type Value = Option<ST::Value>;
    const KIND: ColumnKind = ST::KIND;
    const NULLABLE: bool = true;
}

/// A tuple of columns: `Table::AllColumns`, up to 32.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::ColumnList;
///
/// fn names<T: Table<AllColumns: ColumnList>>() -> Vec<&'static str> {
///     T::AllColumns::columns().iter().map(|column| column.name).collect()
/// }
/// assert_eq!(names::<lessons::table>()[..3], ["id", "course_id", "title"]);
/// # }
/// ```
pub trait ColumnList {
    /// The columns, in order.
    fn columns() -> Vec<ColumnShape>;
}

macro_rules! lists {
    ($first:ident $($rest:ident)*) => {
        impl<$first, $($rest),*> ColumnList for ($first, $($rest,)*)
        where
            $first: Column<SqlType: ColumnType>,
            $($rest: Column<SqlType: ColumnType>,)*
        {
            fn columns() -> Vec<ColumnShape> {
                vec![shape::<$first>(), $(shape::<$rest>()),*]
            }
        }
        lists! { $($rest)* }
    };
    () => {};
}
lists! {
    C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 C29 C30 C31 C32
}

fn shape<C: Column<SqlType: ColumnType>>() -> ColumnShape {
    ColumnShape {
        name: C::NAME,
        kind: <C::SqlType as ColumnType>::KIND,
        nullable: <C::SqlType as ColumnType>::NULLABLE,
    }
}

impl TableShape {
    /// The shape of a Diesel table: `TableShape::of::<courses::table>("courses")`.
    pub fn of<T: diesel::Table<AllColumns: ColumnList>>(name: &'static str) -> Self {
        Self {
            name,
            columns: T::AllColumns::columns(),
        }
    }
}
