//! What can go wrong, named by what it means to the client, and its one way onto the wire:
//! `application/problem+json` (RFC 9457).
//!
//! Operations and routes return [`Error`]; nothing else in
//! the crate writes an error body, and no body ever holds SQL, a path or a secret.

use std::{borrow::Cow, fmt};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The result of everything that can be refused.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// async fn title(cx: &Context<'_>, id: Uuid) -> Result<String> {
///     Ok(cx.get::<Course>(id).await?.title)
/// }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refused or failed request.
///
/// ```
/// use crud_core::Error;
///
/// let error = Error::invalid("/title", "taken", "Title is taken");
/// assert_eq!((error.status().as_u16(), error.code()), (422, "invalid"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 400: the request can't be read, or names something that does not exist (a parameter, a sort).
    #[error("{detail}")]
    BadRequest {
        /// Stable, for programs.
        code: &'static str,
        /// One sentence that says what is accepted.
        detail: String,
    },
    /// 401: no credentials where they are needed, or bad ones.
    #[error("{0}")]
    Unauthenticated(Cow<'static, str>),
    /// 403: visible, but not allowed.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// 403: these fields may not be set by the caller.
    #[error("Not allowed to set {}", pointers(.0))]
    ForbiddenFields(Vec<FieldError>),
    /// 404: there is no such row, or the caller may not see it.
    #[error("{0}")]
    NotFound(String),
    /// 405: the path exists, the method does not.
    #[error("This path accepts {allow}")]
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: &'static str,
    },
    /// 408: the client took too long to send the body.
    #[error("The body took too long to arrive")]
    Timeout,
    /// 409: a unique, foreign-key or state conflict.
    #[error("{detail}")]
    Conflict {
        /// `unique`, `foreign_key`, `archived`, …
        code: &'static str,
        /// A sentence that names the field.
        detail: String,
        /// The fields in conflict.
        errors: Vec<FieldError>,
    },
    /// 412: `If-Match` names another version than the row has.
    #[error("{}", unmet(current.as_deref()))]
    PreconditionFailed {
        /// The row's entity tag; `None`: there is no row.
        current: Option<String>,
    },
    /// 413: the body is larger than the server takes.
    #[error("The body is larger than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// 415: the body is of a type that the route does not read.
    #[error("The body must be {accepted}")]
    UnsupportedMediaType {
        /// The media types that are read.
        accepted: &'static str,
    },
    /// One of several items of a request is refused: as its own error has it, which names no place.
    #[error("{error}")]
    Item {
        /// Why.
        error: Box<Self>,
        /// Which one: its index as a JSON pointer.
        errors: Vec<FieldError>,
    },
    /// 422: well formed, but breaks a rule. All faults at once.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldError>),
    /// 422: the `Idempotency-Key` came before with another method, path or body.
    #[error("This `Idempotency-Key` was used for another request: send a new one")]
    KeyReused,
    /// 428: the entity demands `If-Match`.
    #[error("This write needs an If-Match header with the row's ETag")]
    PreconditionRequired,
    /// 503: the database is busy or away; trying again is right.
    #[error("The server is busy or its database cannot be reached; try again")]
    Unavailable(#[source] Option<BoxError>),
    /// 500: a fault of ours. The source is logged, never sent.
    #[error("An internal error occurred")]
    Internal(#[source] BoxError),
}

/// Any error, kept for the log.
///
/// ```
/// use crud_core::{Error, error::BoxError};
///
/// fn mail() -> Result<(), BoxError> {
///     Err("the mail server is away".into())
/// }
/// let error = mail().map_err(Error::internal).unwrap_err();
/// // The log reads the reason, a client does not.
/// assert_eq!((error.status().as_u16(), &*error.to_string()), (500, "An internal error occurred"));
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One fault of a body, a parameter or a field.
///
/// ```
/// use crud_core::error::{Error, FieldError};
///
/// let fault = FieldError::at("/title".to_owned(), "length", "Title must have at most 200 characters".to_owned());
/// assert_eq!(Error::Invalid(vec![fault]).code(), "invalid");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Where: the name of a query or path parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Stable, for programs: `required`, `type`, `length`, …
    pub code: Cow<'static, str>,
    /// One sentence.
    pub detail: String,
}

impl FieldError {
    /// A fault at a JSON pointer of the body.
    pub fn at(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            code: code.into(),
            detail: detail.into(),
        }
    }

    /// A fault of a query or path parameter.
    pub fn parameter(
        name: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            code: code.into(),
            detail: detail.into(),
        }
    }
}

impl Error {
    /// The same error for another who waited for the same thing. What went wrong inside is told once.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Unavailable(_) => Self::Unavailable(None),
            Self::Unauthenticated(why) => Self::Unauthenticated(why.clone()),
            Self::Forbidden(why) => Self::Forbidden(why.clone()),
            Self::NotFound(why) => Self::NotFound(why.clone()),
            Self::BadRequest { code, detail } => Self::BadRequest {
                code,
                detail: detail.clone(),
            },
            Self::Conflict {
                code,
                detail,
                errors,
            } => Self::Conflict {
                code,
                detail: detail.clone(),
                errors: errors.clone(),
            },
            other => Self::internal(other.to_string()),
        }
    }

    /// A 500 whose source goes to the log.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into())
    }

    /// What a hook or a route of one's own makes of a failed query: 503 if trying again may help, else 500.
    ///
    /// ```
    /// # use crud_core::{Db, DbConfig, Error, db::Load};
    /// # diesel::table! { use crud_core::sql_types::*; notes (id) { id -> Uuid, title -> Text, } }
    /// # use diesel::prelude::*;
    /// # async fn titles(db: &Db) -> crud_core::Result<Vec<String>> {
    /// db.fetch(notes::table.select(notes::title)).await.map_err(Error::database)
    /// # }
    /// ```
    pub fn database(error: crate::db::DbError) -> Self {
        match error.is_transient() {
            true => Self::Unavailable(Some(error.into())),
            false => Self::internal(error),
        }
    }

    /// A 409 with a code and a sentence.
    ///
    /// ```
    /// let error = crud_core::Error::conflict("enrolled", "Already enrolled in this course");
    /// assert_eq!((error.status().as_u16(), error.code()), (409, "enrolled"));
    /// ```
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// A 400 with a code and a sentence.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::BadRequest {
            code,
            detail: detail.into(),
        }
    }

    /// A 422 with one fault at a JSON pointer.
    pub fn invalid(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::at(pointer, code, detail)])
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::ForbiddenFields(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Item { error, .. } => error.status(),
            Self::Invalid(_) | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code of the body.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest { code, .. } | Self::Conflict { code, .. } => code,
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::ForbiddenFields(_) => "forbidden_field",
            Self::NotFound(_) => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::Timeout => "timeout",
            Self::PreconditionFailed { .. } => "precondition_failed",
            Self::TooLarge { .. } => "too_large",
            Self::UnsupportedMediaType { .. } => "unsupported_media_type",
            Self::Item { error, .. } => error.code(),
            Self::Invalid(_) => "invalid",
            Self::KeyReused => "idempotency_key",
            Self::PreconditionRequired => "precondition_required",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::BadRequest { .. } => "Bad request",
            Self::Unauthenticated(_) => "Unauthorized",
            Self::Forbidden(_) | Self::ForbiddenFields(_) => "Forbidden",
            Self::NotFound(_) => "Resource not found",
            Self::MethodNotAllowed { .. } => "Method not allowed",
            Self::Timeout => "Request timeout",
            Self::Conflict { .. } => "Resource conflict",
            Self::PreconditionFailed { .. } => "Precondition failed",
            Self::TooLarge { .. } => "Body too large",
            Self::UnsupportedMediaType { .. } => "Unsupported media type",
            Self::Item { error, .. } => error.title(),
            Self::Invalid(_) | Self::KeyReused => "Invalid request",
            Self::PreconditionRequired => "Precondition required",
            Self::Unavailable(_) => "Service unavailable",
            Self::Internal(_) => "Internal server error",
        }
    }

    fn errors(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors)
            | Self::ForbiddenFields(errors)
            | Self::Item { errors, .. }
            | Self::Conflict { errors, .. } => errors,
            _ => &[],
        }
    }
}

fn pointers(errors: &[FieldError]) -> String {
    let names: Vec<_> = errors
        .iter()
        .filter_map(|e| e.pointer.as_deref().or(e.parameter.as_deref()))
        .collect();
    names.join(", ")
}

fn unmet(current: Option<&str>) -> String {
    match current {
        Some(tag) => format!("The row has changed: its current ETag is {tag}"),
        None => "There is no such row, which `If-Match` asks for".to_owned(),
    }
}

fn summary(errors: &[FieldError]) -> String {
    match errors {
        [one] => one.detail.clone(),
        many => format!("{} fields are wrong", many.len()),
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

tokio::task_local! {
    /// The id of the request being answered; set by the telemetry layer.
    pub(crate) static REQUEST_ID: String;
}

/// What the telemetry layer logs for a response that carries an error. Never sent.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) String);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = Problem {
            r#type: "about:blank",
            title: self.title(),
            status: status.as_u16(),
            detail: self.to_string(),
            code: self.code(),
            request_id: REQUEST_ID.try_with(Clone::clone).ok(),
            errors: self.errors(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let cause = match &self {
            Self::Item { error, .. } => error,
            other => other,
        };
        match cause {
            Self::Unauthenticated(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::MethodNotAllowed { allow } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Self::PreconditionFailed { current } => {
                if let Some(Ok(tag)) = current.as_deref().map(str::parse) {
                    headers.insert(header::ETAG, tag);
                }
            }
            Self::Unavailable(source) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                if let Some(source) = source {
                    let failure = Failure(chain(source.as_ref()));
                    response.extensions_mut().insert(failure);
                }
            }
            Self::Internal(source) => {
                let failure = Failure(chain(source.as_ref()));
                response.extensions_mut().insert(failure);
            }
            _ => {}
        }
        response
    }
}

/// An error and its sources, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        let _ = fmt::Write::write_fmt(&mut text, format_args!(": {next}"));
        source = next.source();
    }
    text
}
