//! The DTO of an entity that no route writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::{Assignments, CreateDto, Field, UpdateDto};

/// No field: what an entity without a route for new rows, or for changes, has as its DTO.
///
/// ```
/// use crud_core::dto::Nothing;
///
/// assert!(serde_json::from_str::<Nothing>("{}").is_ok());
/// assert!(serde_json::from_str::<Nothing>(r#"{"title": "x"}"#).is_err());
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl<T> CreateDto<T> for Nothing {
    const FIELDS: &'static [Field] = &[];

    fn insert(self, _into: &mut Assignments<T>) {}

    fn replace(self, _into: &mut Assignments<T>) {}
}

impl<T> UpdateDto<T> for Nothing {
    const FIELDS: &'static [Field] = &[];

    fn assign(self, _into: &mut Assignments<T>) {}
}
