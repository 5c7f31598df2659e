//! `GET /certificates/verify/{code}`: whether a certificate that somebody shows is good. Public; whoever has no code
//! learns nothing.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use crud_core::{
    Error, Result,
    db::Load,
    openapi::{Operation, Routes},
    prelude::*,
};

use super::code;
use crate::{Lms, schema::certificates};

/// What a certificate is worth.
#[derive(Serialize, JsonSchema)]
struct Verification {
    /// Whether it is good: it was issued, and not revoked since.
    valid: bool,
    /// Its code.
    code: String,
    /// The student's name.
    recipient: String,
    /// What the course is called.
    course: String,
    /// When it was issued.
    issued_at: Timestamp,
    /// When it was revoked.
    revoked_at: Option<Timestamp>,
}

pub(crate) fn routes() -> Routes<Lms> {
    Routes::new().route(
        Operation::get("/certificates/verify/{code}", "verify_certificate")
            .summary("Verify a certificate")
            .description("The code is on the document; how its letters are grouped or typed does not matter.")
            .tag("certificates")
            .public()
            .path::<String>("code", "The certificate's code")
            .returns::<Verification>(200, "What the certificate is worth")
            .errors(&[404]),
        verify,
    )
}

async fn verify(
    State(lms): State<Lms>,
    typed: Result<Path<String>, PathRejection>,
) -> Result<Json<Verification>> {
    let unknown = || Error::NotFound("No certificate has this code".to_owned());
    let typed = typed.map_err(|_| unknown())?;
    let code = code::read(&typed).ok_or_else(unknown)?;
    let query = certificates::table
        .filter(certificates::code.eq(code.clone()))
        .select((
            certificates::recipient_name,
            certificates::course_title,
            certificates::issued_at,
            certificates::archived_at,
        ));
    let found: Vec<(String, String, Timestamp, Option<Timestamp>)> =
        lms.app.db().fetch(query).await.map_err(Error::database)?;
    let (recipient, course, issued_at, revoked_at) =
        found.into_iter().next().ok_or_else(unknown)?;
    Ok(Json(Verification {
        valid: revoked_at.is_none(),
        code,
        recipient,
        course,
        issued_at,
        revoked_at,
    }))
}
