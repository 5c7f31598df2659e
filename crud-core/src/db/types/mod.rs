//! Rust types of column values that are alike on both databases: [`Uuid`], [`Timestamp`], [`Json`],
//! [`Decimal`], `text_enum!`.
//!
//! DTOs, rows and policies use them. Newtypes of ours, because Diesel's blanket impls forbid ours for foreign types.

mod decimal;
mod decimal_sql;
mod json;
mod text_enum;
mod timestamp;
mod uuid;

pub use self::decimal::{Decimal, DecimalError};
pub(crate) use self::decimal::{Scaled, digits_of};
pub use self::json::{Json, JsonFault};
pub use self::timestamp::{Timestamp, TimestampError};
pub use self::uuid::Uuid;
