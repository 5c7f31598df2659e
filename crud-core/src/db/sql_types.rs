//! The SQL types of columns: Diesel's own, except `Uuid`, `Timestamptz`, `Jsonb` and `Decimal`, which are ours.
//!
//! `use crud_core::sql_types::*;` in `table!` brings them in. Diesel's versions of the four exist for PostgreSQL
//! only or are stored differently; ours have one meaning on both databases.

use diesel::query_builder::QueryId;
pub use diesel::sql_types::*;

/// A UUID. PostgreSQL: `uuid`; SQLite: `BLOB` of 16 bytes.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Uuid;

/// A moment, UTC. PostgreSQL: `timestamptz`; SQLite: `INTEGER`, microseconds since 1970.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Timestamptz;

/// JSON. PostgreSQL: `jsonb`; SQLite: `TEXT`.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Jsonb;

/// An exact decimal number of at most `DIGITS` digits (1 to 18), `SCALE` of them behind the point.
///
/// PostgreSQL: `numeric(DIGITS, SCALE)`; SQLite: `INTEGER`, the number times 10^`SCALE`, which compares and sorts alike.
///
/// ```
/// diesel::table! {
///     use crud_core::sql_types::*;
///     products (id) {
///         id -> Uuid,
///         price -> Decimal<10, 2>,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1700, array_oid = 1231))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Decimal<const DIGITS: u8, const SCALE: u8>;

/// What a [`Decimal`] cannot be divided by in SQL: anything, since the databases round differently.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1700, array_oid = 1231))]
#[diesel(sqlite_type(name = "Long"))]
pub struct NoDivisor;

impl SqlOrd for Uuid {}
impl<const DIGITS: u8, const SCALE: u8> SqlOrd for Decimal<DIGITS, SCALE> {}
impl SqlOrd for Timestamptz {}

// `table!` generates `+` and `-` for every column whose type is *named* Timestamptz: it goes by the name.
impl ops::Add for Timestamptz {
    type Rhs = Interval;
    type Output = Self;
}
impl ops::Sub for Timestamptz {
    type Rhs = Interval;
    type Output = Self;
}

// As does every column whose type is *named* Decimal, of four operators.
impl<const DIGITS: u8, const SCALE: u8> ops::Add for Decimal<DIGITS, SCALE> {
    type Rhs = Self;
    type Output = Self;
}
impl<const DIGITS: u8, const SCALE: u8> ops::Sub for Decimal<DIGITS, SCALE> {
    type Rhs = Self;
    type Output = Self;
}
impl<const DIGITS: u8, const SCALE: u8> ops::Mul for Decimal<DIGITS, SCALE> {
    type Rhs = BigInt;
    type Output = Self;
}
impl<const DIGITS: u8, const SCALE: u8> ops::Div for Decimal<DIGITS, SCALE> {
    type Rhs = NoDivisor;
    type Output = Self;
}
