//! Lesson progress: how far a student has come with one lesson. Enrolling makes the rows; doing the
//! last one completes the enrollment.

mod hooks;
mod policy;

use crud_core::prelude::*;

pub use self::policy::LessonProgressPolicy;
use crate::schema::lesson_progress;

/// How far a student has come with one lesson of a course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "lesson-progress",
    table = lesson_progress,
    create = LessonProgressCreate,
    get = LessonProgressGet,
    list = LessonProgressGet,
    update = LessonProgressUpdate,
    query = LessonProgressQuery,
    search = search,
    policy = LessonProgressPolicy,
    cache_ttl = 60,
    sort(completed_at),
    before_update = before_update,
    after_write = hooks::follow
)]
pub struct LessonProgress;

/// What a progress row needs; enrolling makes them by itself.
#[dto(create, table = lesson_progress)]
pub struct LessonProgressCreate {
    /// Whose course it is.
    pub enrollment_id: Uuid,
    /// The lesson.
    pub lesson_id: Uuid,
}

/// How far a student has come with one lesson.
#[dto(get, table = lesson_progress)]
pub struct LessonProgressGet {
    /// Whose course it is.
    pub enrollment_id: Uuid,
    /// The lesson.
    pub lesson_id: Uuid,
    /// Whether the lesson is done.
    pub completed: bool,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
    /// When the row was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a progress row.
#[dto(update, table = lesson_progress)]
pub struct LessonProgressUpdate {
    /// Whether the lesson is done.
    pub completed: Option<bool>,
}

/// The filters of progress rows.
#[dto(query)]
pub struct LessonProgressQuery {
    /// Only those of this enrollment.
    pub enrollment_id: Option<Uuid>,
    /// Only those of this lesson.
    pub lesson_id: Option<Uuid>,
    /// Only those that are, or are not, done.
    pub completed: Option<bool>,
}

fn search(
    search: Search<lesson_progress::table>,
    query: &LessonProgressQuery,
) -> Search<lesson_progress::table> {
    search
        .filter_if(&query.enrollment_id, |id| {
            lesson_progress::enrollment_id.eq(id)
        })
        .filter_if(&query.lesson_id, |id| lesson_progress::lesson_id.eq(id))
        .filter_if(&query.completed, |completed| {
            lesson_progress::completed.eq(completed)
        })
}

fn before_update(
    change: &mut LessonProgressUpdate,
    set: &mut Assignments<lesson_progress::table>,
    _principal: &Principal,
) -> Result<()> {
    match change.completed {
        Some(true) => set.set(lesson_progress::completed_at, Timestamp::now()),
        Some(false) => set.clear(lesson_progress::completed_at),
        None => {}
    }
    Ok(())
}
