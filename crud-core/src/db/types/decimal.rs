//! [`Decimal`]: an exact decimal number with a fixed number of digits behind the point; its text and its JSON.
//!
//! `decimal_sql` has it in the two databases. Arithmetic is `rust_decimal`'s, or that of whole [`Decimal::units`].

use std::{borrow::Cow, fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use validator::ValidateRange;

use crate::db::sql_types;

/// An exact decimal number of at most `DIGITS` digits (1 to 18), `SCALE` of them behind the point: a price, a weight.
///
/// In JSON a text with exactly `SCALE` digits behind the point, `"19.90"`. Fewer are read, more are refused: nothing is
/// ever rounded. PostgreSQL: `numeric(DIGITS, SCALE)`; SQLite: a whole number, which compares, sorts and sums alike.
///
/// ```
/// use crud_core::{Decimal, rust_decimal};
///
/// type Price = Decimal<10, 2>;
/// let price: Price = "19.9".parse()?;
/// assert_eq!(price.to_string(), "19.90");
/// let half = Price::try_from(price.value() / rust_decimal::Decimal::TWO)?;
/// assert_eq!(half, Price::exactly("9.95"));
/// assert!("0.001".parse::<Price>().is_err());
/// # Ok::<(), crud_core::db::DecimalError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Decimal<DIGITS, SCALE>)]
pub struct Decimal<const DIGITS: u8, const SCALE: u8>(i64);

/// A number or a text that a [`Decimal`] cannot hold exactly.
///
/// ```
/// let told = "1.999".parse::<crud_core::Decimal<4, 2>>().unwrap_err().to_string();
/// assert!(told.contains("at most 2 digits behind the point"), "{told}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not accepted: {}", expected(*digits, *scale))]
pub struct DecimalError {
    given: String,
    digits: u8,
    scale: u8,
}

/// What is accepted, for a person.
fn expected(digits: u8, scale: u8) -> String {
    let example = Scaled::new(10_i64.pow(u32::from(digits)) - 1, scale);
    match scale {
        0 => format!("expected a whole number as text, up to \"{example}\""),
        _ => format!(
            "expected a decimal number as text, up to \"{example}\", with at most {scale} digits behind the point"
        ),
    }
}

impl<const DIGITS: u8, const SCALE: u8> Decimal<DIGITS, SCALE> {
    /// The greatest.
    pub const MAX: Self = Self(10_i64.pow(DIGITS as u32) - 1);
    /// The least.
    pub const MIN: Self = Self(-Self::MAX.0);

    /// The number that a text is known to be, such as a default or a limit.
    ///
    /// # Panics
    /// If it is none; in a `const` the compiler says so.
    #[must_use]
    pub const fn exactly(text: &str) -> Self {
        match read(text.as_bytes(), DIGITS, SCALE) {
            Some(units) => Self(units),
            None => panic!("this text is no such decimal number"),
        }
    }

    /// The number as so many of its last digit: `1990` is 19.90 if two digits are behind the point. `None` if there are more
    /// than `DIGITS`.
    #[must_use]
    pub const fn from_units(units: i64) -> Option<Self> {
        match Self::MIN.0 <= units && units <= Self::MAX.0 {
            true => Some(Self(units)),
            false => None,
        }
    }

    /// How many of its last digit it is.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// To compute with.
    #[must_use]
    pub fn value(self) -> rust_decimal::Decimal {
        rust_decimal::Decimal::new(self.0, SCALE.into())
    }

    fn error(given: impl fmt::Display) -> DecimalError {
        DecimalError {
            given: given.to_string().chars().take(64).collect(),
            digits: DIGITS,
            scale: SCALE,
        }
    }

    fn compared(self, bound: impl fmt::Display) -> Option<std::cmp::Ordering> {
        let bound: rust_decimal::Decimal = bound.to_string().parse().ok()?;
        Some(self.value().cmp(&bound))
    }
}

/// The units that a text says: `-`, digits without a leading zero, a point and up to `scale` digits.
const fn read(text: &[u8], digits: u8, scale: u8) -> Option<i64> {
    let negative = matches!(text.first(), Some(b'-'));
    let (mut at, mut units, mut seen) = (negative as usize, 0_i64, 0_u8);
    let begins = at;
    // Digits before the point.
    while at < text.len() && text[at].is_ascii_digit() {
        if units > 0 || text[at] > b'0' {
            seen += 1;
        }
        if seen > digits - scale {
            return None;
        }
        units = units * 10 + (text[at] - b'0') as i64;
        at += 1;
    }
    if at == begins || (at - begins > 1 && text[begins] == b'0') {
        return None;
    }
    let mut behind = 0_u8;
    if at < text.len() {
        if text[at] != b'.' || at + 1 == text.len() {
            return None;
        }
        at += 1;
        while at < text.len() && text[at].is_ascii_digit() {
            if behind == scale {
                return None;
            }
            units = units * 10 + (text[at] - b'0') as i64;
            behind += 1;
            at += 1;
        }
    }
    if at != text.len() {
        return None;
    }
    units *= 10_i64.pow((scale - behind) as u32);
    Some(if negative { -units } else { units })
}

impl<const DIGITS: u8, const SCALE: u8> fmt::Display for Decimal<DIGITS, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Scaled::new(self.0, SCALE).fmt(f)
    }
}

impl<const DIGITS: u8, const SCALE: u8> fmt::Debug for Decimal<DIGITS, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const DIGITS: u8, const SCALE: u8> FromStr for Decimal<DIGITS, SCALE> {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let units = read(text.as_bytes(), DIGITS, SCALE);
        units.map(Self).ok_or_else(|| Self::error(text))
    }
}

/// Refuses what would have to be rounded; [`round_dp`](rust_decimal::Decimal::round_dp) it first.
impl<const DIGITS: u8, const SCALE: u8> TryFrom<rust_decimal::Decimal> for Decimal<DIGITS, SCALE> {
    type Error = DecimalError;
    fn try_from(value: rust_decimal::Decimal) -> Result<Self, DecimalError> {
        value
            .normalize()
            .to_string()
            .parse()
            .map_err(|_: DecimalError| Self::error(value))
    }
}

impl<const DIGITS: u8, const SCALE: u8> From<Decimal<DIGITS, SCALE>> for rust_decimal::Decimal {
    fn from(value: Decimal<DIGITS, SCALE>) -> Self {
        value.value()
    }
}

impl<const DIGITS: u8, const SCALE: u8> Serialize for Decimal<DIGITS, SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const DIGITS: u8, const SCALE: u8> Deserialize<'de> for Decimal<DIGITS, SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<const DIGITS: u8, const SCALE: u8> JsonSchema for Decimal<DIGITS, SCALE> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Decimal_{DIGITS}_{SCALE}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "decimal", "pattern": pattern(DIGITS, SCALE) })
    }
}

/// What the schema says of the text; [`digits_of`] reads it.
fn pattern(digits: u8, scale: u8) -> String {
    let whole = match digits - scale {
        0 => "0".to_owned(),
        more => format!("(0|[1-9][0-9]{{0,{}}})", more - 1),
    };
    match scale {
        0 => format!("^-?{whole}$"),
        _ => format!("^-?{whole}(\\.[0-9]{{1,{scale}}})?$"),
    }
}

/// The digits and the scale of which a schema's pattern speaks, if it is a decimal's, with a sentence of what is accepted.
pub(crate) fn digits_of(known: &str) -> Option<(u8, u8, String)> {
    let rest = known.strip_prefix("^-?")?;
    let number = |text: &str| text.split('}').next()?.parse::<u8>().ok();
    let whole = match rest.strip_prefix("(0|[1-9][0-9]{0,") {
        Some(rest) => number(rest)? + 1,
        None => 0,
    };
    let scale = match rest.split_once("(\\.[0-9]{1,") {
        Some((_, rest)) => number(rest)?,
        None => 0,
    };
    (whole + scale <= 18 && known == pattern(whole + scale, scale))
        .then(|| (whole + scale, scale, expected(whole + scale, scale)))
}

/// `#[validate(range(min = 1))]`
impl<const DIGITS: u8, const SCALE: u8> ValidateRange<i64> for Decimal<DIGITS, SCALE> {
    fn greater_than(&self, max: i64) -> Option<bool> {
        Some(self.compared(max)?.is_gt())
    }
    fn less_than(&self, min: i64) -> Option<bool> {
        Some(self.compared(min)?.is_lt())
    }
}

/// `#[validate(range(min = 0.01))]`: exact as it is written, to 15 digits.
impl<const DIGITS: u8, const SCALE: u8> ValidateRange<f64> for Decimal<DIGITS, SCALE> {
    fn greater_than(&self, max: f64) -> Option<bool> {
        Some(self.compared(max)?.is_gt())
    }
    fn less_than(&self, min: f64) -> Option<bool> {
        Some(self.compared(min)?.is_lt())
    }
}

/// A decimal number whose scale is known when the program runs: as a database gives it, or takes it.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Decimal<18, 0>)]
pub(crate) struct Scaled {
    units: i64,
    /// `None`: the declared one, which SQLite does not know.
    scale: Option<u8>,
}

impl Scaled {
    pub(crate) const fn new(units: i64, scale: u8) -> Self {
        Self {
            units,
            scale: Some(scale),
        }
    }

    pub(super) const fn of_declared_scale(units: i64) -> Self {
        Self { units, scale: None }
    }

    pub(super) const fn parts(self) -> (i64, u8) {
        match self.scale {
            Some(scale) => (self.units, scale),
            None => (self.units, 0),
        }
    }

    /// The units at a scale.
    ///
    /// # Errors
    /// If digits would be lost.
    pub(crate) fn units(self, scale: u8) -> Result<i64, &'static str> {
        const FAULT: &str = "a decimal number does not fit its declared digits";
        let Some(own) = self.scale else {
            return Ok(self.units);
        };
        let by = 10_i64.pow(own.abs_diff(scale).into());
        match own <= scale {
            true => self.units.checked_mul(by).ok_or(FAULT),
            false if self.units % by == 0 => Ok(self.units / by),
            false => Err(FAULT),
        }
    }

    /// The same at a scale.
    ///
    /// # Errors
    /// As [`units`](Self::units).
    pub(crate) fn at(self, scale: u8) -> Result<Self, &'static str> {
        self.units(scale).map(|units| Self::new(units, scale))
    }
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, scale) = self.parts();
        let sign = if units < 0 { "-" } else { "" };
        let (units, one) = (units.unsigned_abs(), 10_u64.pow(scale.into()));
        match scale {
            0 => write!(f, "{sign}{units}"),
            _ => write!(
                f,
                "{sign}{}.{:0width$}",
                units / one,
                units % one,
                width = scale.into()
            ),
        }
    }
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
