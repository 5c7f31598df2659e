//! The SQL types of columns: Diesel's own, except `Uuid`, `Timestamptz` and `Jsonb`, which are ours.
//!
//! `use crud_core::sql_types::*;` in `table!` brings them in. Diesel's versions of the three exist for PostgreSQL
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

impl SqlOrd for Uuid {}
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
