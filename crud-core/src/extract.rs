//! What handlers of an application's own routes take from a request, with the errors that the
//! generated routes have: checked bodies and [`EntityRequest`] here, callers in [`crate::auth`].

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::{
    Error, Result,
    body::{self, BodyShape},
    serve::{BODY_LIMIT, read_body},
};

pub use crate::router::EntityRequest;

/// A JSON body that was read and checked; all its faults are reported at once.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::extract::Checked;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
/// struct NewName {
///     #[validate(length(min = 1))]
///     name: String,
/// }
///
/// async fn rename(Checked(new): Checked<NewName>) -> Result<String> {
///     Ok(new.name)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Checked<B>(pub B);

impl<S, B> FromRequest<S> for Checked<B>
where
    S: Sync,
    B: DeserializeOwned + JsonSchema + Validate,
{
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        media_type(request.headers(), &["application/json"])?;
        let bytes = read_body(request.into_body(), BODY_LIMIT).await?;
        body::read(&bytes, &BodyShape::of::<B>(&[])).map(Self)
    }
}

/// Refuses a body that is of none of these types.
///
/// # Errors
/// 415, naming the first.
pub(crate) fn media_type(headers: &HeaderMap, accepted: &[&'static str]) -> Result<()> {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if accepted
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
    {
        return Ok(());
    }
    Err(Error::UnsupportedMediaType {
        accepted: accepted[0],
    })
}
