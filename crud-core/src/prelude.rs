//! Everything that a declaration names: `use crud_core::prelude::*;`.

pub use diesel::prelude::*;
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use validator::Validate;

pub use crate::{
    Action, Context, Decimal, EntityInterface, Error, Filter, FullText, Json, NaiveDate, Policy,
    Principal, Result, Scope, Through, Timestamp, Uuid,
    db::Load,
    dto,
    dto::Assignments,
    hook::{After, Before, Fault},
    policy::Fields,
    search::{Search, TextSearch},
    text_enum,
};
