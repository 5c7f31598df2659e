//! The entities of the LMS: one folder each, and one line here; their own routes, one line more.

pub mod assessment;
pub mod certificate;
pub mod course;
pub mod enrollment;
pub mod example;
pub mod lesson;
pub mod lesson_progress;
pub mod module;
pub mod organization;
pub mod post;
pub mod project;
pub mod submission;
pub mod user;

use crud_core::{Registry, openapi::Routes};

use crate::Lms;

/// Everything that the LMS declares.
pub fn registry() -> Registry {
    Registry::new()
        .entity::<organization::Organization>()
        .entity::<user::User>()
        .entity::<course::Course>()
        .entity::<module::Module>()
        .entity::<lesson::Lesson>()
        .entity::<assessment::Assessment>()
        .entity::<enrollment::Enrollment>()
        .entity::<lesson_progress::LessonProgress>()
        .entity::<submission::Submission>()
        .entity::<post::Post>()
        .entity::<project::Project>()
        .entity::<example::Example>()
        .entity::<certificate::Certificate>()
        .file::<certificate::Certificate>("pdf", "application/pdf", certificate::pdf)
}

/// The routes that they have beside the generated ones.
pub(crate) fn routes() -> Routes<Lms> {
    Routes::new()
        .merge(example::routes())
        .merge(certificate::routes())
}
