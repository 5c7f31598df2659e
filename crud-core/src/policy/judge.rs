//! The policy's predicate on a row that is at hand: SQL's own three-valued logic, in Rust.
//!
//! Reads from the cache ask it. It answers only what it can answer exactly as both databases would; anything else is
//! [`Verdict::Unknown`], and then the database is asked.

use std::borrow::Cow;

use super::predicate::Predicate;
use crate::{
    Uuid,
    db::{ColumnKind, Frag},
    operations::key::only_bind,
};

/// What a predicate says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    True,
    False,
    /// SQL's unknown: the row is not in the scope, nor in its opposite.
    Null,
    /// It depends on a row of another table.
    Pending,
    /// It cannot be said here.
    Unknown,
}

/// A value of a row or of a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    Uuid(Uuid),
    /// Something, whose comparison is the database's own affair.
    Other,
}

impl Verdict {
    const fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    /// `AND`.
    pub(crate) fn and(self, other: Self) -> Self {
        use Verdict::{False, Null, Pending, True, Unknown};
        match (self, other) {
            (False, _) | (_, False) => False,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Pending, _) | (_, Pending) => Pending,
            (Null, _) | (_, Null) => Null,
            (True, True) => True,
        }
    }

    /// `OR`.
    pub(crate) fn or(self, other: Self) -> Self {
        use Verdict::{False, Null, Pending, True, Unknown};
        match (self, other) {
            (True, _) | (_, True) => True,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Pending, _) | (_, Pending) => Pending,
            (Null, _) | (_, Null) => Null,
            (False, False) => False,
        }
    }
}

impl<'a> Value<'a> {
    /// A value from its JSON.
    pub(crate) fn of_json(kind: ColumnKind, json: &'a [u8]) -> Option<Self> {
        if json == b"null" {
            return Some(Self::Null);
        }
        match kind {
            ColumnKind::Bool => serde_json::from_slice(json).ok().map(Self::Bool),
            ColumnKind::Int2 | ColumnKind::Int4 | ColumnKind::Int8 => {
                serde_json::from_slice(json).ok().map(Self::Int)
            }
            ColumnKind::Text => text(json).map(Self::Text),
            ColumnKind::Uuid => serde_json::from_slice(json).ok().map(Self::Uuid),
            ColumnKind::Float4
            | ColumnKind::Float8
            | ColumnKind::Decimal { .. }
            | ColumnKind::Timestamptz
            | ColumnKind::Date
            | ColumnKind::Jsonb
            | ColumnKind::Binary => Some(Self::Other),
        }
    }

    /// The value that a fragment binds, if it does nothing else.
    fn of_bind(bind: &Frag) -> Option<Value<'static>> {
        let (oid, bytes) = only_bind(&**bind)?;
        let Some(bytes) = bytes else {
            return Some(Value::Null);
        };
        match oid {
            16 => Some(Value::Bool(*bytes.first()? != 0)),
            21 => Some(Value::Int(
                i16::from_be_bytes(bytes.try_into().ok()?).into(),
            )),
            23 => Some(Value::Int(
                i32::from_be_bytes(bytes.try_into().ok()?).into(),
            )),
            20 => Some(Value::Int(i64::from_be_bytes(bytes.try_into().ok()?))),
            25 | 1043 => Some(Value::Text(Cow::Owned(String::from_utf8(bytes).ok()?))),
            2950 => Some(Value::Uuid(Uuid(uuid::Uuid::from_slice(&bytes).ok()?))),
            _ => None,
        }
    }

    /// `=`; `None` if the two cannot be compared here.
    fn equals(&self, other: &Value<'_>) -> Option<Verdict> {
        match (self, other) {
            (Self::Null, _) | (_, Value::Null) => Some(Verdict::Null),
            (Self::Bool(a), Value::Bool(b)) => Some(Verdict::of(a == b)),
            (Self::Int(a), Value::Int(b)) => Some(Verdict::of(a == b)),
            // By bytes, in both databases.
            (Self::Text(a), Value::Text(b)) => Some(Verdict::of(a == b)),
            (Self::Uuid(a), Value::Uuid(b)) => Some(Verdict::of(a == b)),
            _ => None,
        }
    }
}

/// A JSON text; borrowed where nothing in it is escaped.
fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    match serde_json::from_slice::<&str>(json) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) => serde_json::from_slice::<String>(json).ok().map(Cow::Owned),
    }
}

impl Predicate {
    /// What it says of a row whose columns `value` gives; `None` of it: not to be had.
    pub(crate) fn judge<'r>(&self, value: &dyn Fn(&str) -> Option<Value<'r>>) -> Verdict {
        match self {
            Self::Always => Verdict::True,
            Self::Never => Verdict::False,
            Self::Equals(o) => equals(value(o.column), &o.bind),
            Self::Differs(o) => match (value(o.column), Value::of_bind(&o.bind)) {
                (Some(Value::Null), Some(Value::Null)) => Verdict::False,
                (Some(Value::Null), Some(_)) | (Some(_), Some(Value::Null)) => Verdict::True,
                (Some(a), Some(b)) => match a.equals(&b) {
                    Some(Verdict::True) => Verdict::False,
                    Some(Verdict::False) => Verdict::True,
                    _ => Verdict::Unknown,
                },
                _ => Verdict::Unknown,
            },
            Self::OneOf(_, name, values) => values
                .iter()
                .map(|(bind, _)| equals(value(name), bind))
                .fold(Verdict::False, Verdict::or),
            Self::IsNull(_, name) => match value(name) {
                Some(value) => Verdict::of(value == Value::Null),
                None => Verdict::Unknown,
            },
            Self::IsNotNull(_, name) => match value(name) {
                Some(value) => Verdict::of(value != Value::Null),
                None => Verdict::Unknown,
            },
            Self::All(many) => many
                .iter()
                .map(|one| one.judge(value))
                .fold(Verdict::True, Verdict::and),
            Self::Any(many) => many
                .iter()
                .map(|one| one.judge(value))
                .fold(Verdict::False, Verdict::or),
            Self::Related(_) => Verdict::Pending,
        }
    }
}

fn equals(value: Option<Value<'_>>, bind: &Frag) -> Verdict {
    let (Some(value), Some(bind)) = (value, Value::of_bind(bind)) else {
        return Verdict::Unknown;
    };
    value.equals(&bind).unwrap_or(Verdict::Unknown)
}

#[cfg(all(test, feature = "testing"))]
#[path = "judge_tests.rs"]
mod tests;
