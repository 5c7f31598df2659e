//! The entities of the LMS: one folder each, and one line here.

pub mod assessment;
pub mod course;
pub mod enrollment;
pub mod lesson;
pub mod lesson_progress;
pub mod module;
pub mod organization;
pub mod submission;
pub mod user;

use crud_core::Registry;

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
}
