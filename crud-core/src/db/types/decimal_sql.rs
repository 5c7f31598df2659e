//! Decimal numbers in the databases: PostgreSQL's `numeric` (digits to the base 10,000) and SQLite's scaled integers.

use diesel::{
    deserialize::{self, FromSql},
    pg::{Pg, PgValue, data_types::PgNumeric},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::Numeric,
    sqlite::{Sqlite, SqliteValue},
};

use super::decimal::{Decimal, Scaled};
use crate::db::sql_types;

/// A digit of `numeric` is four of ours.
const BASE: u128 = 10_000;

fn numeric(units: i64, scale: u8) -> PgNumeric {
    let behind = scale.div_ceil(4);
    let mut rest = u128::from(units.unsigned_abs()) * 10_u128.pow(u32::from(behind * 4 - scale));
    let mut digits = Vec::with_capacity(10);
    while rest > 0 {
        digits.push((rest % BASE) as i16);
        rest /= BASE;
    }
    digits.reverse();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "at most 10 digits"
    )]
    let weight = digits.len() as i16 - i16::from(behind) - 1;
    let scale = scale.into();
    match units < 0 {
        true => PgNumeric::Negative {
            weight,
            scale,
            digits,
        },
        false => PgNumeric::Positive {
            weight,
            scale,
            digits,
        },
    }
}

fn scaled(value: &PgNumeric) -> deserialize::Result<Scaled> {
    const FAULT: &str = "a numeric has more than 18 digits";
    let (negative, weight, scale, digits) = match value {
        PgNumeric::Positive {
            weight,
            scale,
            digits,
        } => (false, *weight, *scale, digits),
        PgNumeric::Negative {
            weight,
            scale,
            digits,
        } => (true, *weight, *scale, digits),
        PgNumeric::NaN => return Err("a numeric is not a number".into()),
    };
    let scale = u8::try_from(scale)
        .ok()
        .filter(|scale| *scale <= 18)
        .ok_or(FAULT)?;
    let mut units = 0_u128;
    for digit in digits {
        let more = units.checked_mul(BASE).ok_or(FAULT)?;
        units = more + u128::try_from(*digit)?;
    }
    let last = i32::from(weight) + 1 - i32::try_from(digits.len())?;
    let exponent = last * 4 + i32::from(scale);
    let by = 10_u128.checked_pow(exponent.unsigned_abs()).ok_or(FAULT)?;
    let units = match exponent >= 0 {
        true => units.checked_mul(by).ok_or(FAULT)?,
        // Zeros: the number has no more digits than its scale says.
        false => units / by,
    };
    let units = i64::try_from(units).map_err(|_| FAULT)?;
    Ok(Scaled::new(if negative { -units } else { units }, scale))
}

type Sql<const DIGITS: u8, const SCALE: u8> = sql_types::Decimal<DIGITS, SCALE>;

impl ToSql<Sql<18, 0>, Pg> for Scaled {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let (units, scale) = self.parts();
        <PgNumeric as ToSql<Numeric, Pg>>::to_sql(&numeric(units, scale), &mut out.reborrow())
    }
}

impl FromSql<Sql<18, 0>, Pg> for Scaled {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        scaled(&<PgNumeric as FromSql<Numeric, Pg>>::from_sql(value)?)
    }
}

impl ToSql<Sql<18, 0>, Sqlite> for Scaled {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.parts().0);
        Ok(IsNull::No)
    }
}

impl FromSql<Sql<18, 0>, Sqlite> for Scaled {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self::of_declared_scale(value.read_long()))
    }
}

impl<const DIGITS: u8, const SCALE: u8> ToSql<Sql<DIGITS, SCALE>, Pg> for Decimal<DIGITS, SCALE> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <PgNumeric as ToSql<Numeric, Pg>>::to_sql(
            &numeric(self.units(), SCALE),
            &mut out.reborrow(),
        )
    }
}

impl<const DIGITS: u8, const SCALE: u8> FromSql<Sql<DIGITS, SCALE>, Pg> for Decimal<DIGITS, SCALE> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value = scaled(&<PgNumeric as FromSql<Numeric, Pg>>::from_sql(value)?)?;
        of_units(value.units(SCALE)?)
    }
}

impl<const DIGITS: u8, const SCALE: u8> ToSql<Sql<DIGITS, SCALE>, Sqlite>
    for Decimal<DIGITS, SCALE>
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.units());
        Ok(IsNull::No)
    }
}

impl<const DIGITS: u8, const SCALE: u8> FromSql<Sql<DIGITS, SCALE>, Sqlite>
    for Decimal<DIGITS, SCALE>
{
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        of_units(value.read_long())
    }
}

fn of_units<const DIGITS: u8, const SCALE: u8>(
    units: i64,
) -> deserialize::Result<Decimal<DIGITS, SCALE>> {
    let value = Decimal::from_units(units);
    value.ok_or_else(|| "a decimal number has more digits than are declared".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_is_what_it_was() {
        for scale in 0..=18 {
            for units in [
                0,
                1,
                -1,
                9,
                1234,
                10_000,
                99_999_999,
                123_456_789_012,
                i64::MAX / 10,
            ] {
                let read = scaled(&numeric(units, scale)).expect("it fits");
                assert_eq!(read.parts(), (units, scale));
                let read = scaled(&numeric(-units, scale)).expect("it fits");
                assert_eq!(read.parts(), (-units, scale));
            }
        }
        // As PostgreSQL has them: no zeros behind.
        let two = PgNumeric::Positive {
            weight: 1,
            scale: 2,
            digits: vec![2],
        };
        assert_eq!(scaled(&two).unwrap().to_string(), "20000.00");
        assert!(scaled(&PgNumeric::NaN).is_err());
    }
}
