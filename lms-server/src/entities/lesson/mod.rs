//! Lessons: the material of a course, in the course's own order.

mod policy;

use crud_core::prelude::*;

pub use self::policy::LessonPolicy;
use crate::{
    entities::{course::Course, module::Module},
    schema::lessons,
};

/// One piece of learning material.
#[derive(EntityInterface)]
#[entity(
    endpoint = "lessons",
    table = lessons,
    policy = LessonPolicy,
    cache_ttl = 300,
    cache_partition = course_id,
    archivable,
    default_sort = "order",
    filter(created_at, updated_at, properties, course)
)]
pub struct Lesson {
    /// The course it belongs to.
    #[field(all, filter, belongs_to(Course))]
    pub course_id: Uuid,
    /// The module that groups it.
    #[field(all, filter, belongs_to(Module))]
    pub module_id: Option<Uuid>,
    /// What the lesson is called.
    #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 255)))]
    pub title: String,
    /// What kind of material it is: `video`, `quiz`, `resource`, …
    #[field(all, filter, sort, validate(length(min = 1, max = 50)))]
    pub content_type: String,
    /// The material itself, where it is text.
    #[field(write, get)]
    pub content: Option<String>,
    /// The address of the video.
    #[field(write, get, validate(length(max = 500)))]
    pub video_url: Option<String>,
    /// How long it takes, in minutes.
    #[field(all, filter, sort, validate(range(min = 0)))]
    pub duration_minutes: Option<i32>,
    /// Its place in the course.
    #[field(all, filter, sort)]
    pub order: i32,
    /// Further facts.
    #[field(write, get)]
    pub metadata: Option<Json>,
}
