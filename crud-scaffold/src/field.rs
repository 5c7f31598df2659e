//! One field of a new entity as a developer types it: `title:string!`, `course:ref(courses)`. Pure.
//!
//! `NAME:TYPE`, then `!` (required, and not empty where it is text), `:unique`, `:words`, `=DEFAULT`. What refers to the entity
//! is none of its fields: [`HasMany`](crate::HasMany).

use std::fmt;

use crud_core::{
    db::ColumnKind,
    rust_decimal::{Decimal, prelude::ToPrimitive as _},
};

use crate::names::{check_name, is_snake, pascal};

/// What a field is accepted as, for messages.
const TYPES: &str = "string, text, int, bigint, float, decimal(10,2), bool, time, json, uuid, enum(one,two), ref(table), \
                     and has_many for the rows of another entity that get a reference to it";

/// What a field holds.
///
/// ```
/// use crud_scaffold::{Field, FieldType};
///
/// assert_eq!(Field::parse("price:decimal(10,2)").unwrap().kind, FieldType::Decimal { digits: 10, scale: 2 });
/// assert_eq!(Field::parse("course:ref(courses)!").unwrap().kind, FieldType::Ref("courses".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// A text of at most 255 characters, which can be searched for.
    String,
    /// A text of any length.
    Text,
    /// 32 bits.
    Int,
    /// 64 bits.
    BigInt,
    /// A floating point number.
    Float,
    /// An exact decimal number.
    Decimal {
        /// All digits, at most 18.
        digits: u8,
        /// Those behind the point.
        scale: u8,
    },
    /// Yes or no.
    Bool,
    /// A moment.
    Time,
    /// A JSON object.
    Json,
    /// An id of something outside.
    Uuid,
    /// One of these texts.
    Enum(Vec<String>),
    /// A row of this table.
    Ref(String),
}

/// One field.
///
/// ```
/// use crud_scaffold::Field;
///
/// let course = Field::parse("course:ref(courses)!").unwrap();
/// assert_eq!((&*course.column(), course.nullable()), ("course_id", false));
/// let level = Field::parse("level:enum(beginner,advanced)=beginner").unwrap();
/// assert_eq!(level.default.as_deref(), Some("beginner"));
/// assert!(Field::parse("title:varchar").unwrap_err().starts_with("the field `title:varchar` is wrong"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As it was given; of a reference without `_id`.
    pub name: String,
    /// What it holds.
    pub kind: FieldType,
    /// Given with `!`.
    pub required: bool,
    /// No two rows have the same.
    pub unique: bool,
    /// `q=` looks for its words.
    pub words: bool,
    /// As it was given; known to fit the type.
    pub default: Option<String>,
}

impl Field {
    /// The longest text of a `string`.
    pub const LONGEST: usize = 255;

    /// Reads one field.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong and what is accepted.
    pub fn parse(given: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("the field `{given}` is wrong: {why}");
        let Some((name, rest)) = given.split_once(':') else {
            return Err(wrong(format!(
                "expected NAME:TYPE, with one of the types {TYPES}"
            )));
        };
        let (rest, default) = match rest.split_once('=') {
            Some((rest, default)) => (rest, Some(default.to_owned())),
            None => (rest, None),
        };
        let (rest, words) = match rest.strip_suffix(":words") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (rest, unique) = match rest.strip_suffix(":unique") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (kind, required) = match rest.strip_suffix('!') {
            Some(kind) => (kind, true),
            None => (rest, false),
        };
        if let Some((_, word)) = kind.split_once(':') {
            return Err(wrong(format!(
                "`:{word}` is not known; after the type come `!`, `:unique`, `:words` and `=DEFAULT`, in this order"
            )));
        }
        let kind = FieldType::parse(kind).map_err(wrong)?;
        let name = match kind {
            FieldType::Ref(_) => name.strip_suffix("_id").unwrap_or(name),
            _ => name,
        };
        let field = Self {
            name: name.to_owned(),
            kind,
            required,
            unique,
            words,
            default,
        };
        field.check().map_err(wrong)?;
        Ok(field)
    }

    fn check(&self) -> Result<(), String> {
        check_name(&self.name, &self.column())?;
        if self.unique && !self.kind.can_be_unique() {
            return Err(format!(
                "`{}` cannot be unique; string, int, bigint, decimal, uuid and ref can",
                self.kind
            ));
        }
        if self.words && !matches!(self.kind, FieldType::String | FieldType::Text) {
            return Err(format!(
                "`{}` has no words to look for; string and text have",
                self.kind
            ));
        }
        if self.required && self.default.is_some() {
            return Err(
                "what has a default is not required; leave out `!` or the default".to_owned(),
            );
        }
        if self.unique && self.default.is_some() {
            return Err(
                "a default would be taken after the first row; leave out `:unique` or the default"
                    .to_owned(),
            );
        }
        match &self.default {
            Some(default) => self.kind.check_default(default),
            None => Ok(()),
        }
    }

    /// The column's name: that of a reference ends in `_id`.
    pub fn column(&self) -> String {
        match self.kind {
            FieldType::Ref(_) => format!("{}_id", self.name),
            _ => self.name.clone(),
        }
    }

    /// Whether the column may be NULL.
    pub const fn nullable(&self) -> bool {
        !self.required && self.default.is_none()
    }

    /// The lengths that a text may have, in characters: the least and the most.
    pub(crate) const fn lengths(&self) -> (Option<usize>, Option<usize>) {
        let least = if self.required || self.unique {
            Some(1)
        } else {
            None
        };
        match self.kind {
            FieldType::String => (least, Some(Self::LONGEST)),
            FieldType::Text => (least, None),
            _ => (None, None),
        }
    }

    /// The name of the enum that an entity's field has.
    pub(crate) fn enum_name(&self, entity: &str) -> String {
        format!("{entity}{}", pascal(&self.name))
    }
}

impl FieldType {
    fn parse(given: &str) -> Result<Self, String> {
        let (word, inside) = match given.split_once('(') {
            None => (given, None),
            Some((word, rest)) => match rest.strip_suffix(')') {
                Some(inside) => (word, Some(inside)),
                None => {
                    return Err(format!(
                        "`{given}` has no closing bracket; accepted are {TYPES}"
                    ));
                }
            },
        };
        match (word, inside) {
            ("string", None) => Ok(Self::String),
            ("text", None) => Ok(Self::Text),
            ("int", None) => Ok(Self::Int),
            ("bigint", None) => Ok(Self::BigInt),
            ("float", None) => Ok(Self::Float),
            ("bool", None) => Ok(Self::Bool),
            ("time", None) => Ok(Self::Time),
            ("json", None) => Ok(Self::Json),
            ("uuid", None) => Ok(Self::Uuid),
            ("decimal", inside) => Self::parse_decimal(inside),
            ("ref", Some(table)) if is_snake(table) => Ok(Self::Ref(table.to_owned())),
            ("ref", _) => {
                Err("a reference names its table, as in `course:ref(courses)`".to_owned())
            }
            ("enum", Some(values)) => Self::parse_enum(values),
            ("enum", None) => {
                Err("an enum names its values, as in `level:enum(beginner,advanced)`".to_owned())
            }
            _ => Err(format!("`{given}` is no type; accepted are {TYPES}")),
        }
    }

    fn parse_decimal(inside: Option<&str>) -> Result<Self, String> {
        let read = || {
            let (digits, scale) = inside?.split_once(',')?;
            let (digits, scale) = (digits.trim().parse().ok()?, scale.trim().parse().ok()?);
            let fits = (1..=18).contains(&digits) && scale <= digits;
            fits.then_some(Self::Decimal { digits, scale })
        };
        read().ok_or_else(|| {
            "a decimal number says how many digits it has, at most 18, and how many of them are behind the point, as in \
             `price:decimal(10,2)`"
                .to_owned()
        })
    }

    fn parse_enum(values: &str) -> Result<Self, String> {
        let values: Vec<_> = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        for (n, value) in values.iter().enumerate() {
            if !is_snake(&value.replace('-', "_")) || value.contains("-_") {
                return Err(format!(
                    "`{value}` is no value of an enum; expected lower case letters, digits, `_` and `-`, a letter first"
                ));
            }
            // `Self` is the one word of Rust that a variant cannot have.
            if value == "self" {
                return Err("no value of an enum can be called `self`".to_owned());
            }
            if values[..n]
                .iter()
                .any(|other| pascal(other) == pascal(value))
            {
                return Err(format!("the value `{value}` is there twice"));
            }
        }
        Ok(Self::Enum(values))
    }

    const fn can_be_unique(&self) -> bool {
        matches!(
            self,
            Self::String
                | Self::Int
                | Self::BigInt
                | Self::Decimal { .. }
                | Self::Uuid
                | Self::Ref(_)
        )
    }

    fn check_default(&self, default: &str) -> Result<(), String> {
        let (fits, expected) = match self {
            Self::Bool => (
                matches!(default, "true" | "false"),
                "true or false".to_owned(),
            ),
            Self::Int => (
                default.parse::<i32>().is_ok(),
                "a whole number of 32 bits".to_owned(),
            ),
            Self::BigInt => (
                default.parse::<i64>().is_ok(),
                "a whole number of 64 bits".to_owned(),
            ),
            Self::Float => (
                default.parse::<f64>().is_ok_and(f64::is_finite),
                "a number".to_owned(),
            ),
            Self::Decimal { digits, scale } => (
                units(default, *digits, *scale).is_some(),
                format!("a number of {digits} digits, {scale} of them behind the point"),
            ),
            Self::String => (
                !default.is_empty()
                    && default.chars().count() <= Field::LONGEST
                    && default.trim() == default
                    && !default.contains(['"', '\\', '\'', '{', '}'])
                    && !default.contains(char::is_control),
                "a short text without quotes, brackets and backslashes".to_owned(),
            ),
            Self::Enum(values) => (
                values.iter().any(|v| v == default),
                format!("one of {}", values.join(", ")),
            ),
            _ => {
                return Err(format!(
                    "`{self}` takes no default; bool, int, bigint, float, decimal, string and enum do"
                ));
            }
        };
        if fits {
            Ok(())
        } else {
            Err(format!(
                "its default `{default}` does not fit; expected {expected}"
            ))
        }
    }

    /// What its column holds.
    pub(crate) const fn column_kind(&self) -> ColumnKind {
        match self {
            Self::String | Self::Text | Self::Enum(_) => ColumnKind::Text,
            Self::Int => ColumnKind::Int4,
            Self::BigInt => ColumnKind::Int8,
            Self::Float => ColumnKind::Float8,
            Self::Decimal { digits, scale } => ColumnKind::Decimal {
                digits: *digits,
                scale: *scale,
            },
            Self::Bool => ColumnKind::Bool,
            Self::Time => ColumnKind::Timestamptz,
            Self::Json => ColumnKind::Jsonb,
            Self::Uuid | Self::Ref(_) => ColumnKind::Uuid,
        }
    }
}

/// How many of its last digit a decimal number is, if it has no more digits than these.
pub(crate) fn units(text: &str, digits: u8, scale: u8) -> Option<i64> {
    let number = text.parse::<Decimal>().ok()?.normalize();
    let fits = number.scale() <= u32::from(scale) && !text.contains('_');
    let units = (fits.then_some(number)? * Decimal::from(10_u64.pow(scale.into()))).to_i64()?;
    (units.unsigned_abs() < 10_u64.pow(digits.into())).then_some(units)
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Text => "text",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Float => "float",
            Self::Decimal { .. } => "decimal",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Json => "json",
            Self::Uuid => "uuid",
            Self::Enum(_) => "enum",
            Self::Ref(_) => "ref",
        })
    }
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
