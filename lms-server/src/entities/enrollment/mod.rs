//! Enrollments: students in courses. Enrolling makes a progress row for every lesson of the course,
//! in the same transaction; withdrawing archives the enrollment.

mod hooks;
mod policy;

use crud_core::prelude::*;

pub use self::policy::EnrollmentPolicy;
use crate::{
    entities::{course::Course, user::User},
    schema::enrollments,
};

/// A student in a course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "enrollments",
    table = enrollments,
    create = EnrollmentCreate,
    get = EnrollmentGet,
    list = EnrollmentList,
    update = EnrollmentUpdate,
    query = EnrollmentQuery,
    search = search,
    policy = EnrollmentPolicy,
    cache_ttl = 60,
    sort(enrolled_at, completed_at),
    before_create = before_create,
    after_write = hooks::follow,
    explain = hooks::explain,
    relations(
        student = belongs_to(enrollments::student_id -> User),
        course = belongs_to(enrollments::course_id -> Course)
    )
)]
pub struct Enrollment;

/// What enrolling needs.
#[dto(create, table = enrollments)]
pub struct EnrollmentCreate {
    /// The course.
    pub course_id: Uuid,
    /// The student; the caller when left out. Only administrators name others.
    pub student_id: Option<Uuid>,
}

/// An enrollment.
#[dto(get, table = enrollments)]
pub struct EnrollmentGet {
    /// The student.
    pub student_id: Uuid,
    /// The course.
    pub course_id: Uuid,
    /// When the student enrolled.
    pub enrolled_at: Timestamp,
    /// When the last lesson was done.
    pub completed_at: Option<Timestamp>,
    /// How the student did in the end.
    pub final_result: Option<String>,
    /// When the student withdrew.
    pub archived_at: Option<Timestamp>,
}

/// An enrollment in a list.
#[dto(list, table = enrollments)]
pub struct EnrollmentList {
    /// The student.
    pub student_id: Uuid,
    /// The course.
    pub course_id: Uuid,
    /// When the student enrolled.
    pub enrolled_at: Timestamp,
    /// When the last lesson was done.
    pub completed_at: Option<Timestamp>,
    /// How the student did in the end.
    pub final_result: Option<String>,
    /// When the student withdrew.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of an enrollment.
#[dto(update, table = enrollments)]
pub struct EnrollmentUpdate {
    /// How the student did in the end.
    #[validate(length(min = 1, max = 50))]
    pub final_result: Option<Option<String>>,
}

/// The filters of enrollments.
#[dto(query, table = enrollments)]
pub struct EnrollmentQuery {
    /// Only enrollments of this student.
    pub student_id: Filter<Uuid>,
    /// Only enrollments in this course.
    pub course_id: Filter<Uuid>,
    /// Only those that are, or are not, completed.
    pub completed: Option<bool>,
    /// How it ended.
    pub final_result: Filter<String>,
    /// When the student enrolled.
    pub enrolled_at: Filter<Timestamp>,
    /// When every lesson was done.
    pub completed_at: Filter<Timestamp>,
    /// When it was created.
    pub created_at: Filter<Timestamp>,
    /// When it last changed.
    pub updated_at: Filter<Timestamp>,
    /// What else is said of it.
    pub properties: Filter<Json>,
    /// Its course.
    pub course: Through<Course>,
    /// Its student.
    pub student: Through<User>,
}

fn search(
    search: Search<enrollments::table>,
    query: &EnrollmentQuery,
) -> Search<enrollments::table> {
    search.filter_if(&query.completed, |completed| {
        enrollments::completed_at.is_not_null().eq(completed)
    })
}

fn before_create(
    new: &mut EnrollmentCreate,
    _set: &mut Assignments<enrollments::table>,
    principal: &Principal,
) -> Result<()> {
    new.student_id = new.student_id.or(principal.id());
    Ok(())
}
