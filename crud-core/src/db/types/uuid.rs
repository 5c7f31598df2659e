//! [`Uuid`]: the id of every row.

use std::fmt;
use std::io::Write;
use std::ops::Deref;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::db::sql_types;

/// A UUID: `uuid` on PostgreSQL, a `BLOB` of 16 bytes on SQLite, the hyphenated text in JSON.
///
/// ```
/// use crud_core::Uuid;
///
/// let id: Uuid = "0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77".parse()?;
/// assert_eq!(serde_json::to_value(id)?, "0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77");
/// assert_eq!(id.get_version_num(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    AsExpression,
    FromSqlRow,
    Serialize,
    JsonSchema,
)]
#[diesel(sql_type = sql_types::Uuid)]
#[serde(transparent)]
#[schemars(
    inline,
    description = "A UUID: `uuid` on PostgreSQL, a `BLOB` of 16 bytes on SQLite, the hyphenated text in JSON."
)]
pub struct Uuid(pub uuid::Uuid);

impl Uuid {
    /// A new id, ordered by time (version 7).
    ///
    /// ```
    /// use crud_core::Uuid;
    ///
    /// let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    /// assert!(first < second);
    /// assert_eq!(first.to_string().parse(), Ok(first));
    /// ```
    pub fn now_v7() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Uuid {
    type Err = uuid::Error;
    /// Reads the hyphenated form only, as the API documents it: no braces, no `urn:`, no 32 digits in a row.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<uuid::fmt::Hyphenated>() {
            Ok(id) => Ok(Self(id.into_uuid())),
            Err(e) => Err(e),
        }
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            serde::de::Error::custom(format_args!(
                "`{text}` is not a UUID: expected 36 characters such as 0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77"
            ))
        })
    }
}

impl Deref for Uuid {
    type Target = uuid::Uuid;
    fn deref(&self) -> &uuid::Uuid {
        &self.0
    }
}

impl From<uuid::Uuid> for Uuid {
    fn from(id: uuid::Uuid) -> Self {
        Self(id)
    }
}

impl From<Uuid> for uuid::Uuid {
    fn from(id: Uuid) -> Self {
        id.0
    }
}

impl ToSql<sql_types::Uuid, Pg> for Uuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Uuid, Pg> for Uuid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(uuid::Uuid::from_slice(value.as_bytes())?))
    }
}

impl ToSql<sql_types::Uuid, Sqlite> for Uuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(&self.0.as_bytes()[..]);
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Uuid, Sqlite> for Uuid {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(uuid::Uuid::from_slice(value.read_blob())?))
    }
}
