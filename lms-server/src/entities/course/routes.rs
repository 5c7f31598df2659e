//! `GET /courses/by-slug/{slug}`: a course by its name in addresses.

use axum::response::Response;
use crud_core::{
    extract::EntityRequest,
    openapi::{Operation, Routes},
    prelude::*,
};

use super::Course;
use crate::{Lms, schema::courses};

pub(crate) fn routes() -> Routes<Lms> {
    Routes::new().route(
        Operation::get("/courses/by-slug/{slug}", "get_course_by_slug")
            .summary("Get course by slug")
            .path::<String>("slug", "The course's name in addresses.")
            .row_of::<Course>(),
        by_slug,
    )
}

async fn by_slug(request: EntityRequest<Course>) -> Result<Response> {
    let slug: String = request.path("slug")?;
    request.row(courses::slug.eq(slug)).await
}
