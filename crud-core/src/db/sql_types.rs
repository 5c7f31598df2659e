//! The SQL types of columns: Diesel's own, except `Uuid`, `Timestamptz`, `Jsonb` and `Decimal`, which are ours.
//!
//! `use crud_core::sql_types::*;` in `table!` brings them in. Diesel's versions of the four exist for PostgreSQL
//! only or are stored differently; ours have one meaning on both databases.

use diesel::query_builder::QueryId;
pub use diesel::sql_types::*;

/// A UUID. PostgreSQL: `uuid`; SQLite: `BLOB` of 16 bytes.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::{db::{Access, Stmt}, sql_types::{Text, Uuid}};
///
/// let course = crud_core::Uuid::now_v7();
/// let sql = Stmt::new().sql("SELECT title FROM lessons WHERE course_id = ").bind::<Uuid, _>(course);
/// assert!(app().await.db().load::<String, Text>(Access::Read, sql).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Uuid;

/// A moment, UTC. PostgreSQL: `timestamptz`; SQLite: `INTEGER`, microseconds since 1970.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::{db::{Access, Stmt}, sql_types::Timestamptz};
///
/// let sql = Stmt::new().sql("SELECT created_at FROM courses WHERE created_at < ");
/// let sql = sql.bind::<Timestamptz, _>(Timestamp::now());
/// assert!(app().await.db().load::<Timestamp, Timestamptz>(Access::Read, sql).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Timestamptz;

/// JSON. PostgreSQL: `jsonb`; SQLite: `TEXT`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::{db::{Access, Stmt}, sql_types::Jsonb};
///
/// let metadata = Json::from_text(r#"{"level": 2}"#)?;
/// let sql = Stmt::new().sql("SELECT ").bind::<Jsonb, _>(metadata.clone());
/// assert_eq!(app().await.db().load::<Json, Jsonb>(Access::Read, sql).await?, [metadata]);
/// # Ok(())
/// # }
/// ```
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
#[doc(hidden)] // what `table!` asks for, for an operator that there is not
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
