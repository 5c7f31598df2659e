//! `fields=title,slug`: the fields of a row that an answer has.

use super::Params;
use crate::{Result, error::Error, operations::Projection, policy::Mask, registry::Resource};

/// The names of fields that are asked for, in the order of their declaration, each once.
pub(crate) type Fields = Vec<&'static str>;

/// Reads `fields`.
///
/// # Errors
/// 400 for a name that the row does not have or the caller may not see, or that comes twice.
pub(crate) fn fields(
    resource: &Resource,
    of: &Projection,
    mask: &Mask,
    params: &mut Params,
) -> Result<Option<Fields>> {
    let Some(text) = params.take_text("fields") else {
        return Ok(None);
    };
    let seen: Fields = of.seen(mask).collect();
    let mut asked: Vec<&str> = Vec::new();
    for name in text.split(',') {
        if !seen.contains(&name) {
            let (things, seen) = (resource.endpoint, seen.join(", "));
            let detail = format!("Unknown field `{name}`: of {things}, `fields` takes {seen}");
            return Err(Error::bad_request("unknown_field", detail));
        }
        if asked.contains(&name) {
            let detail = format!("`fields` names `{name}` more than once");
            return Err(Error::bad_request("repeated_field", detail));
        }
        asked.push(name);
    }
    Ok(Some(
        seen.into_iter()
            .filter(|name| asked.contains(name))
            .collect(),
    ))
}
