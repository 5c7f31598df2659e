//! `GET` and `POST /courses/{id}/statistics`.

use axum::{
    Json,
    extract::{Path, State},
};
use crud_core::{
    Error, Result,
    auth::{Caller, CurrentUser},
    error::FieldError,
    openapi::{Operation, Routes},
    prelude::{Principal, Uuid},
};

use super::{CourseStatistics, of, refresh};
use crate::{
    Lms,
    entities::course::{Course, CourseGet},
    roles::is_admin,
};

/// The routes, with their descriptions.
pub(crate) fn routes() -> Routes<Lms> {
    Routes::new()
        .route(
            Operation::get(PATH, "get_course_statistics")
                .summary("What a course's enrollments and submissions add up to")
                .description(
                    "For whoever sees the course. The figures are at most five minutes old: \
                     `computed_at` says when they were so.",
                )
                .tag(TAG)
                .public()
                .path::<Uuid>("id", "The course")
                .returns::<CourseStatistics>(200, "The figures")
                .errors(&[404, 422]),
            read,
        )
        .route(
            Operation::post(PATH, "renew_course_statistics")
                .summary("Compute a course's statistics now")
                .description("For the course's instructor and administrators.")
                .tag(TAG)
                .path::<Uuid>("id", "The course")
                .returns::<CourseStatistics>(200, "The figures")
                .errors(&[403, 404, 422]),
            renew,
        )
}

const PATH: &str = "/courses/{id}/statistics";
const TAG: &str = "courses";

async fn read(
    State(lms): State<Lms>,
    Caller(by): Caller,
    Path(id): Path<String>,
) -> Result<Json<CourseStatistics>> {
    let course = seen(&lms, &by, &id).await?;
    answer(&lms, &course).await
}

async fn renew(
    State(lms): State<Lms>,
    CurrentUser(by): CurrentUser,
    Path(id): Path<String>,
) -> Result<Json<CourseStatistics>> {
    let course = seen(&lms, &by, &id).await?;
    if !is_admin(&by) && by.id() != Some(course.instructor_id) {
        let reason = "Only the course's instructor can have its statistics computed";
        return Err(Error::Forbidden(reason.into()));
    }
    let renewed = refresh(lms.app.db(), Some(course.id)).await;
    renewed.map_err(Error::database)?;
    answer(&lms, &course).await
}

/// The course, if the caller may see it.
async fn seen(lms: &Lms, by: &Principal, id: &str) -> Result<CourseGet> {
    let id: Uuid = id.parse().map_err(|_| {
        let detail = "The id of a Course is a UUID";
        Error::Invalid(vec![FieldError::parameter("id", "type", detail)])
    })?;
    lms.app.on_behalf(by).get::<Course>(id).await
}

async fn answer(lms: &Lms, course: &CourseGet) -> Result<Json<CourseStatistics>> {
    let found = of(lms.app.db(), course.id).await.map_err(Error::database)?;
    // Only if it was deleted this moment.
    let found = found.ok_or_else(|| Error::NotFound(format!("Course {} not found", course.id)))?;
    Ok(Json(found))
}
