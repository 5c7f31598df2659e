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
    create = LessonCreate,
    get = LessonGet,
    list = LessonList,
    update = LessonUpdate,
    query = LessonQuery,
    search = search,
    policy = LessonPolicy,
    cache_ttl = 300,
    sort(order, title, content_type, duration_minutes),
    default_sort = "order",
    relations(
        course = belongs_to(lessons::course_id -> Course),
        module = belongs_to(lessons::module_id -> Module)
    )
)]
pub struct Lesson;

/// What a new lesson needs.
#[dto(create, table = lessons)]
pub struct LessonCreate {
    /// The course it belongs to.
    pub course_id: Uuid,
    /// The module that groups it.
    pub module_id: Option<Uuid>,
    /// What the lesson is called.
    #[validate(length(min = 1, max = 255))]
    pub title: String,
    /// What kind of material it is: `video`, `quiz`, `resource`, …
    #[validate(length(min = 1, max = 50))]
    pub content_type: String,
    /// The material itself, where it is text.
    pub content: Option<String>,
    /// The address of the video.
    #[validate(length(max = 500))]
    pub video_url: Option<String>,
    /// How long it takes, in minutes.
    #[validate(range(min = 0))]
    pub duration_minutes: Option<i32>,
    /// Its place in the course.
    pub order: i32,
    /// Further facts.
    pub metadata: Option<Json>,
}

/// A lesson.
#[dto(get, table = lessons)]
pub struct LessonGet {
    /// The course it belongs to.
    pub course_id: Uuid,
    /// The module that groups it.
    pub module_id: Option<Uuid>,
    /// What the lesson is called.
    pub title: String,
    /// What kind of material it is.
    pub content_type: String,
    /// The material itself, where it is text.
    pub content: Option<String>,
    /// The address of the video.
    pub video_url: Option<String>,
    /// How long it takes, in minutes.
    pub duration_minutes: Option<i32>,
    /// Its place in the course.
    pub order: i32,
    /// Further facts.
    pub metadata: Option<Json>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// A lesson in a list.
#[dto(list, table = lessons)]
pub struct LessonList {
    /// The course it belongs to.
    pub course_id: Uuid,
    /// The module that groups it.
    pub module_id: Option<Uuid>,
    /// What the lesson is called.
    pub title: String,
    /// What kind of material it is.
    pub content_type: String,
    /// How long it takes, in minutes.
    pub duration_minutes: Option<i32>,
    /// Its place in the course.
    pub order: i32,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a lesson.
#[dto(update, table = lessons)]
pub struct LessonUpdate {
    /// The course it belongs to.
    pub course_id: Option<Uuid>,
    /// The module that groups it.
    pub module_id: Option<Option<Uuid>>,
    /// What the lesson is called.
    #[validate(length(min = 1, max = 255))]
    pub title: Option<String>,
    /// What kind of material it is.
    #[validate(length(min = 1, max = 50))]
    pub content_type: Option<String>,
    /// The material itself, where it is text.
    pub content: Option<Option<String>>,
    /// The address of the video.
    #[validate(length(max = 500))]
    pub video_url: Option<Option<String>>,
    /// How long it takes, in minutes.
    #[validate(range(min = 0))]
    pub duration_minutes: Option<Option<i32>>,
    /// Its place in the course.
    pub order: Option<i32>,
    /// Further facts; merged into those that are there.
    pub metadata: Option<Option<Json>>,
}

/// The filters of lessons.
#[dto(query)]
pub struct LessonQuery {
    /// Only lessons of this course.
    pub course_id: Option<Uuid>,
    /// Only lessons of this module.
    pub module_id: Option<Uuid>,
    /// A part of the title, whatever the case.
    pub title: Option<String>,
    /// Only lessons of this kind.
    pub content_type: Option<String>,
}

fn search(search: Search<lessons::table>, query: &LessonQuery) -> Search<lessons::table> {
    search
        .filter_if(&query.course_id, |id| lessons::course_id.eq(id))
        .filter_if(&query.module_id, |id| lessons::module_id.eq(id))
        .filter_if(&query.title, |title| lessons::title.contains_ci(title))
        .filter_if(&query.content_type, |kind| lessons::content_type.eq(kind))
}
