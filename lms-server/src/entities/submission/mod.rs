//! Submissions: what students hand in for the assessments of their courses, and what it scored.

mod hooks;
mod policy;

use crud_core::prelude::*;

pub use self::policy::SubmissionPolicy;
use crate::{
    entities::{assessment::Assessment, user::User},
    schema::{assessments, submissions},
};

/// What a student handed in for an assessment.
#[derive(EntityInterface)]
#[entity(
    endpoint = "submissions",
    table = submissions,
    create = SubmissionCreate,
    get = SubmissionGet,
    list = SubmissionList,
    update = SubmissionUpdate,
    query = SubmissionQuery,
    search = search,
    policy = SubmissionPolicy,
    cache_ttl = 60,
    sort(submitted_day, score),
    aggregates(submitted_day, score, created_at),
    groups(assessment_id, student_id, submitted_day, is_banked),
    before_create = before_create,
    after_write = hooks::judge,
    explain = hooks::explain,
    history,
    relations(
        assessment = belongs_to(submissions::assessment_id -> Assessment),
        student = belongs_to(submissions::student_id -> User)
    )
)]
pub struct Submission;

/// What handing in needs.
#[dto(create, table = submissions)]
pub struct SubmissionCreate {
    /// The assessment; the student must be enrolled in its course.
    pub assessment_id: Uuid,
    /// The student; the caller when left out. Only administrators name others.
    pub student_id: Option<Uuid>,
    /// What is handed in: a text, or where to find it.
    #[validate(length(max = 100000))]
    pub content: Option<String>,
    /// The day it was handed in, counted from the start of the course. Administrators set it.
    pub submitted_day: Option<i32>,
    /// Whether it is carried over from an earlier presentation. Administrators set it.
    #[dto(default)]
    pub is_banked: bool,
}

/// A submission.
#[dto(get, table = submissions)]
pub struct SubmissionGet {
    /// The assessment.
    pub assessment_id: Uuid,
    /// The student.
    pub student_id: Uuid,
    /// What was handed in.
    pub content: Option<String>,
    /// The day it was handed in, counted from the start of the course.
    pub submitted_day: Option<i32>,
    /// Whether it is carried over from an earlier presentation.
    pub is_banked: bool,
    /// What it scored, 0 to 100; null until it is marked.
    pub score: Option<f64>,
    /// When it was taken back.
    pub archived_at: Option<Timestamp>,
}

/// A submission in a list.
#[dto(list, table = submissions)]
pub struct SubmissionList {
    /// The assessment.
    pub assessment_id: Uuid,
    /// The student.
    pub student_id: Uuid,
    /// The day it was handed in, counted from the start of the course.
    pub submitted_day: Option<i32>,
    /// Whether it is carried over from an earlier presentation.
    pub is_banked: bool,
    /// What it scored, 0 to 100; null until it is marked.
    pub score: Option<f64>,
    /// When it was taken back.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a submission: its content by the student, its score by the instructor.
#[dto(update, table = submissions)]
pub struct SubmissionUpdate {
    /// What is handed in.
    #[validate(length(max = 100000))]
    pub content: Option<Option<String>>,
    /// The day it was handed in. Administrators set it.
    pub submitted_day: Option<Option<i32>>,
    /// Whether it is carried over from an earlier presentation. Administrators set it.
    pub is_banked: Option<bool>,
    /// What it scored. The course's instructor sets it.
    #[validate(range(min = 0.0, max = 100.0))]
    pub score: Option<Option<f64>>,
}

/// The filters of submissions.
#[dto(query, table = submissions)]
pub struct SubmissionQuery {
    /// Only those for this assessment.
    pub assessment_id: Filter<Uuid>,
    /// Only those of this student.
    pub student_id: Filter<Uuid>,
    /// Only those for assessments of this course.
    pub course_id: Option<Uuid>,
    /// The score, from 0 to 100.
    pub score: Filter<f64>,
    /// When it was handed in: whole days after the start of the course.
    pub submitted_day: Filter<i32>,
    /// Whether it is taken over from an earlier presentation.
    pub is_banked: Filter<bool>,
    /// When it was created.
    pub created_at: Filter<Timestamp>,
    /// When it last changed.
    pub updated_at: Filter<Timestamp>,
    /// What else is said of it.
    pub properties: Filter<Json>,
    /// Its assessment.
    pub assessment: Through<Assessment>,
    /// Its student.
    pub student: Through<User>,
}

fn search(
    search: Search<submissions::table>,
    query: &SubmissionQuery,
) -> Search<submissions::table> {
    search.filter_if(&query.course_id, |id| {
        let of_course = assessments::table.filter(assessments::course_id.eq(id));
        submissions::assessment_id.eq_any(of_course.select(assessments::id))
    })
}

fn before_create(
    new: &mut SubmissionCreate,
    _set: &mut Assignments<submissions::table>,
    principal: &Principal,
) -> Result<()> {
    new.student_id = new.student_id.or(principal.id());
    Ok(())
}
