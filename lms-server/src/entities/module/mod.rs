//! Modules: parts of a course that group its lessons; one may stand alone.

mod policy;

use crud_core::prelude::*;

pub use self::policy::ModulePolicy;
use crate::{
    entities::{course::Course, lesson::Lesson},
    schema::{lessons, modules},
};

/// A part of a course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "modules",
    table = modules,
    policy = ModulePolicy,
    cache_ttl = 300,
    archivable,
    relations(lessons = has_many(lessons::module_id -> Lesson))
)]
pub struct Module {
    /// What the module is called.
    #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 255)))]
    pub title: String,
    /// What it is about.
    #[field(write, get, validate(length(max = 4096)))]
    pub description: Option<String>,
    /// The course it is a part of; none if it stands alone.
    #[field(all, filter, belongs_to(Course))]
    pub course_id: Option<Uuid>,
    /// Its place in the course.
    #[field(all, sort, default)]
    pub order: i32,
}
