//! [`Timestamp`]: a moment in UTC with microseconds, which is what both databases keep.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::db::sql_types;

/// A moment in UTC, in whole microseconds, of the years 0000 to 9999.
///
/// In JSON: RFC 3339 in UTC with exactly six digits of a second, `2026-02-03T04:05:06.000007Z`. Any offset is read
/// and turned into UTC; digits below the microsecond are cut off.
///
/// ```
/// use crud_core::Timestamp;
///
/// let at: Timestamp = "2026-02-03T06:05:06+02:00".parse()?;
/// assert_eq!(at.to_string(), "2026-02-03T04:05:06.000000Z");
/// assert!(at < Timestamp::now() || at.micros() > 0);
/// # Ok::<(), crud_core::db::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Timestamptz)]
pub struct Timestamp(DateTime<Utc>);

/// Why a text or a number is no [`Timestamp`].
///
/// ```
/// use crud_core::{Timestamp, db::TimestampError};
///
/// assert_eq!("yesterday".parse::<Timestamp>(), Err(TimestampError::Format("yesterday".to_owned())));
/// assert_eq!(Timestamp::from_micros(i64::MAX), Err(TimestampError::Range));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not RFC 3339.
    #[error("`{0}` is not a time: expected RFC 3339 such as 2026-02-03T04:05:06Z")]
    Format(String),
    /// A year that RFC 3339 cannot write.
    #[error("the time is outside the years 0000 to 9999 (UTC)")]
    Range,
}

/// PostgreSQL counts microseconds from 2000-01-01.
const PG_EPOCH_MICROS: i64 = 946_684_800_000_000;

impl Timestamp {
    /// Now.
    pub fn now() -> Self {
        Self::truncated(Utc::now())
    }

    /// From microseconds since 1970 UTC. Fails outside the years 0000 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        match DateTime::from_timestamp_micros(micros) {
            Some(at) if (0..=9999).contains(&at.year()) => Ok(Self(at)),
            _ => Err(TimestampError::Range),
        }
    }

    /// From a chrono time, cut to microseconds. Fails outside the years 0000 to 9999.
    pub fn from_datetime(at: DateTime<Utc>) -> Result<Self, TimestampError> {
        Self::from_micros(at.timestamp_micros())
    }

    /// Microseconds since 1970 UTC.
    pub fn micros(&self) -> i64 {
        self.0.timestamp_micros()
    }

    /// As a chrono time.
    pub fn datetime(&self) -> DateTime<Utc> {
        self.0
    }

    /// The RFC 3339 text: always 27 ASCII characters.
    pub fn rfc3339(&self) -> [u8; 27] {
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut text[0..4], self.0.year().unsigned_abs());
        digits(&mut text[5..7], self.0.month());
        digits(&mut text[8..10], self.0.day());
        digits(&mut text[11..13], self.0.hour());
        digits(&mut text[14..16], self.0.minute());
        digits(&mut text[17..19], self.0.second());
        digits(&mut text[20..26], self.0.timestamp_subsec_micros());
        text
    }

    fn truncated(at: DateTime<Utc>) -> Self {
        Self(DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at))
    }
}

fn digits(out: &mut [u8], mut value: u32) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc3339()).expect("the text is ASCII"))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match DateTime::parse_from_rfc3339(text) {
            Ok(at) => Self::from_micros(at.timestamp_micros()),
            Err(_) => Err(TimestampError::Format(text.chars().take(64).collect())),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.rfc3339()).expect("the text is ASCII"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl ToSql<sql_types::Timestamptz, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        // The years 0000 to 9999 are far from i64's ends in microseconds.
        out.write_all(&(self.micros() - PG_EPOCH_MICROS).to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Timestamptz, Pg> for Timestamp {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let bytes: [u8; 8] = value
            .as_bytes()
            .try_into()
            .map_err(|_| "a timestamptz has 8 bytes")?;
        // `infinity` is i64::MAX: the sum saturates and is refused as out of range.
        let micros = i64::from_be_bytes(bytes).saturating_add(PG_EPOCH_MICROS);
        Ok(Self::from_micros(micros)?)
    }
}

impl ToSql<sql_types::Timestamptz, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.micros());
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Timestamptz, Sqlite> for Timestamp {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self::from_micros(value.read_long())?)
    }
}
