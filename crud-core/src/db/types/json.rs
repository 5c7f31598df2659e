//! [`Json`]: a JSON value kept as its text, so that a row's JSON reaches the response without being parsed.

use std::fmt;
use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::db::sql_types;

/// A JSON value as text: `jsonb` on PostgreSQL, `TEXT` on SQLite. The default is `{}`.
///
/// PostgreSQL gives the value back in its own spelling (key order, spaces, the last of equal keys); SQLite gives back
/// the text that was written. Values are equal on both, bytes need not be.
///
/// ```
/// use crud_core::Json;
/// use serde_json::json;
///
/// let spelled = Json::from_text(r#"{ "level": 2 }"#)?;
/// assert_eq!(spelled, Json::from_value(&json!({"level": 2}))?);
/// assert_eq!(spelled.to_value()["level"], 2);
/// assert!(Json::from_text(r#""\u0000""#).is_err());
/// # Ok::<(), crud_core::db::JsonFault>(())
/// ```
#[derive(Clone, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Jsonb)]
pub struct Json(Box<str>);

/// What PostgreSQL refuses in JSON, and we therefore refuse on both databases.
///
/// ```
/// use crud_core::{Json, db::JsonFault};
///
/// assert_eq!(Json::from_text(r#"{"title": "\u0000"}"#), Err(JsonFault::Nul));
/// assert_eq!(Json::from_text("{title: Rust}"), Err(JsonFault::Syntax));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// `\u0000` in a string.
    #[error("the JSON holds the character NUL (\\u0000), which cannot be stored; remove it")]
    Nul,
    /// Half of a surrogate pair.
    #[error(
        "the JSON holds half of a surrogate pair (\\ud800 to \\udfff), which is no character; remove it"
    )]
    LoneSurrogate,
    /// A number that no 64-bit float holds.
    #[error("the JSON holds a number beyond the range of a 64-bit float (about ±1.8e308)")]
    Number,
    /// Too deep.
    #[error("the JSON is nested more than {MAX_DEPTH} levels deep")]
    Depth,
    /// No JSON at all.
    #[error("the text is not JSON")]
    Syntax,
}

/// The deepest nesting accepted: what `serde_json` reads back.
const MAX_DEPTH: usize = 120;

impl Json {
    /// Checks `text` and keeps it. Fails if it is no JSON or holds what PostgreSQL refuses.
    pub fn from_text(text: &str) -> Result<Self, JsonFault> {
        match RawValue::from_string(text.to_owned()) {
            Ok(raw) => Self::from_raw(raw),
            Err(_) => Err(JsonFault::Syntax),
        }
    }

    /// From a value in memory. Fails if a string or key of it holds the character NUL.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, JsonFault> {
        let text = value.to_string();
        scan(&text)?;
        Ok(Self(text.into()))
    }

    /// Parses the text.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The text, ready to be put in a response.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_raw(raw: Box<RawValue>) -> Result<Self, JsonFault> {
        scan(raw.get())?;
        Ok(Self(raw.into()))
    }
}

/// Looks through valid JSON text for what PostgreSQL would refuse. One pass, no allocation.
fn scan(text: &str) -> Result<(), JsonFault> {
    let bytes = text.as_bytes();
    let (mut i, mut depth) = (0, 0usize);
    while i < bytes.len() {
        match bytes[i] {
            b'"' => i = scan_string(bytes, i + 1)?,
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(JsonFault::Depth);
                }
                i += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                i += 1;
            }
            b'-' | b'0'..=b'9' => {
                let end = bytes[i..]
                    .iter()
                    .position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .map_or(bytes.len(), |n| i + n);
                scan_number(&text[i..end])?;
                i = end;
            }
            _ => i += 1,
        }
    }
    Ok(())
}

/// From after the opening quote to after the closing one.
fn scan_string(bytes: &[u8], mut i: usize) -> Result<usize, JsonFault> {
    let hex = |at: usize| {
        let digits = bytes
            .get(at..at + 4)
            .and_then(|d| std::str::from_utf8(d).ok());
        digits
            .and_then(|d| u32::from_str_radix(d, 16).ok())
            .ok_or(JsonFault::Syntax)
    };
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'"' => return Ok(i + 1),
            b'\\' if bytes.get(i + 1) == Some(&b'u') => match hex(i + 2)? {
                0 => return Err(JsonFault::Nul),
                0xD800..=0xDBFF => {
                    let pair = bytes.get(i + 6..i + 8) == Some(b"\\u");
                    if !pair || !(0xDC00..=0xDFFF).contains(&hex(i + 8)?) {
                        return Err(JsonFault::LoneSurrogate);
                    }
                    i += 12;
                }
                0xDC00..=0xDFFF => return Err(JsonFault::LoneSurrogate),
                _ => i += 6,
            },
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
    Err(JsonFault::Syntax)
}

fn scan_number(number: &str) -> Result<(), JsonFault> {
    // A short integer or fraction cannot leave the range; PostgreSQL keeps up to 16,383 digits after the point.
    if number.len() < 300 && !number.contains(['e', 'E']) {
        return Ok(());
    }
    let tiny = || {
        let exponent = number
            .split_once(['e', 'E'])
            .map_or(Ok(0), |(_, e)| e.parse::<i64>());
        number.len() > 4000 || exponent.map_or(true, |e| e < -400)
    };
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && !tiny() => Ok(()),
        _ => Err(JsonFault::Number),
    }
}

impl Default for Json {
    fn default() -> Self {
        Self("{}".into())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for Json {
    /// Compares the values, not the spelling.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.to_value() == other.to_value()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_raw(raw).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Json".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

impl ToSql<sql_types::Jsonb, Pg> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Jsonb, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [1, text @ ..] => Ok(Self(std::str::from_utf8(text)?.into())),
            _ => Err("the jsonb value is not of version 1".into()),
        }
    }
}

impl ToSql<sql_types::Jsonb, Sqlite> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(&*self.0);
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Jsonb, Sqlite> for Json {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(value.read_text().into()))
    }
}
