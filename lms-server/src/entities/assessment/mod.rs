//! Assessments: what is marked in a course.

mod policy;

use crud_core::prelude::*;

pub use self::policy::AssessmentPolicy;
use crate::{entities::course::Course, schema::assessments};

/// What is marked in a course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "assessments",
    table = assessments,
    create = AssessmentCreate,
    get = AssessmentGet,
    list = AssessmentList,
    update = AssessmentUpdate,
    query = AssessmentQuery,
    search = search,
    policy = AssessmentPolicy,
    cache_ttl = 300,
    sort(title, due_day, weight),
    relations(course = belongs_to(assessments::course_id -> Course))
)]
pub struct Assessment;

/// What a new assessment needs.
#[dto(create, table = assessments)]
pub struct AssessmentCreate {
    /// The course it belongs to.
    pub course_id: Uuid,
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub title: String,
    /// Its kind: `TMA` (marked by a tutor), `CMA` (marked by a computer), `Exam`, …
    #[validate(length(min = 1, max = 50))]
    pub assessment_type: String,
    /// Whole days after the start of the course.
    pub due_day: Option<i32>,
    /// Its share of the final mark, in percent.
    #[validate(range(min = 0.0, max = 100.0))]
    #[dto(default)]
    pub weight: f64,
}

/// An assessment.
#[dto(get, table = assessments)]
pub struct AssessmentGet {
    /// The course it belongs to.
    pub course_id: Uuid,
    /// What it is called.
    pub title: String,
    /// Its kind.
    pub assessment_type: String,
    /// Whole days after the start of the course.
    pub due_day: Option<i32>,
    /// Its share of the final mark, in percent.
    pub weight: f64,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// An assessment in a list.
#[dto(list, table = assessments)]
pub struct AssessmentList {
    /// The course it belongs to.
    pub course_id: Uuid,
    /// What it is called.
    pub title: String,
    /// Its kind.
    pub assessment_type: String,
    /// Whole days after the start of the course.
    pub due_day: Option<i32>,
    /// Its share of the final mark, in percent.
    pub weight: f64,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of an assessment.
#[dto(update, table = assessments)]
pub struct AssessmentUpdate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub title: Option<String>,
    /// Its kind.
    #[validate(length(min = 1, max = 50))]
    pub assessment_type: Option<String>,
    /// Whole days after the start of the course.
    pub due_day: Option<Option<i32>>,
    /// Its share of the final mark, in percent.
    #[validate(range(min = 0.0, max = 100.0))]
    pub weight: Option<f64>,
}

/// The filters of assessments.
#[dto(query, table = assessments)]
pub struct AssessmentQuery {
    /// Only assessments of this course.
    pub course_id: Filter<Uuid>,
    /// A part of the title, whatever the case.
    #[dto(by_hand)]
    pub title: Filter<String>,
    /// Only assessments of this kind.
    pub assessment_type: Filter<String>,
    /// When it is due: whole days after the start of the course.
    pub due_day: Filter<i32>,
    /// Its share of the final mark, in percent.
    pub weight: Filter<f64>,
    /// When it was created.
    pub created_at: Filter<Timestamp>,
    /// When it last changed.
    pub updated_at: Filter<Timestamp>,
    /// What else is said of it.
    pub properties: Filter<Json>,
    /// Its course.
    pub course: Through<Course>,
}

fn search(
    search: Search<assessments::table>,
    query: &AssessmentQuery,
) -> Search<assessments::table> {
    search.filter_if(query.title.plain(), |title| {
        assessments::title.contains_ci(title)
    })
}
