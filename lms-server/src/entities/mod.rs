//! The entities of the LMS: one folder each, and one line here.

pub mod assessment;
pub mod course;
pub mod lesson;
pub mod module;
pub mod organization;
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
}
