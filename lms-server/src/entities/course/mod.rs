//! Courses: drafts are seen by their instructor and by administrators only.

mod policy;
mod routes;
mod slug;

use crud_core::prelude::*;

pub use self::policy::{CoursePolicy, taught, visible};
pub(crate) use self::routes::routes;
use crate::{
    entities::{
        assessment::Assessment, lesson::Lesson, module::Module, project::Project, user::User,
    },
    schema::{assessments, courses, lessons, modules, projects},
};

text_enum! {
    /// How much a course asks for.
    pub enum Difficulty {
        /// Nothing is asked for.
        Beginner = "beginner",
        /// Some knowledge is asked for.
        Intermediate = "intermediate",
        /// Much knowledge is asked for.
        Advanced = "advanced",
    }
}

/// What an instructor teaches.
#[derive(EntityInterface)]
#[entity(
    endpoint = "courses",
    table = courses,
    create = CourseCreate,
    get = CourseGet,
    list = CourseList,
    update = CourseUpdate,
    query = CourseQuery,
    search = search,
    policy = CoursePolicy,
    cache_ttl = 300,
    sort(title, category),
    numbered(slug),
    before_create = before_create,
    before_update = before_update,
    relations(
        lessons = has_many(lessons::course_id -> Lesson),
        modules = has_many(modules::course_id -> Module),
        assessments = has_many(assessments::course_id -> Assessment),
        projects = has_many(projects::course_id -> Project),
        instructor = belongs_to(courses::instructor_id -> User)
    )
)]
pub struct Course;

/// What a new course needs. Its instructor is the caller.
#[dto(create, table = courses)]
pub struct CourseCreate {
    /// What the course is called.
    #[validate(length(min = 1, max = 255))]
    pub title: String,
    /// Its name in addresses; made from the title when left out, with a number if that is taken.
    #[validate(length(min = 1, max = 255))]
    pub slug: Option<String>,
    /// What it is about.
    #[validate(length(max = 5000))]
    pub description: Option<String>,
    /// The field it belongs to.
    #[validate(length(max = 100))]
    pub category: Option<String>,
    /// How much it asks for.
    pub difficulty_level: Option<Difficulty>,
    /// Whether everyone sees it.
    #[dto(default)]
    pub is_published: bool,
    /// The address of its picture.
    #[validate(length(max = 500))]
    pub thumbnail_url: Option<String>,
    /// How long it takes, in minutes.
    #[validate(range(min = 1))]
    pub estimated_duration_minutes: Option<i32>,
    /// Further facts.
    pub metadata: Option<Json>,
}

/// A course.
#[dto(get, table = courses)]
pub struct CourseGet {
    /// What the course is called.
    pub title: String,
    /// Its name in addresses.
    pub slug: String,
    /// What it is about.
    pub description: Option<String>,
    /// The field it belongs to.
    pub category: Option<String>,
    /// How much it asks for.
    pub difficulty_level: Option<Difficulty>,
    /// Whether everyone sees it.
    pub is_published: bool,
    /// The address of its picture.
    pub thumbnail_url: Option<String>,
    /// How long it takes, in minutes.
    pub estimated_duration_minutes: Option<i32>,
    /// Further facts.
    pub metadata: Option<Json>,
    /// Who teaches it.
    pub instructor_id: Uuid,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// A course in a list.
#[dto(list, table = courses)]
pub struct CourseList {
    /// What the course is called.
    pub title: String,
    /// Its name in addresses.
    pub slug: String,
    /// The field it belongs to.
    pub category: Option<String>,
    /// How much it asks for.
    pub difficulty_level: Option<Difficulty>,
    /// Whether everyone sees it.
    pub is_published: bool,
    /// The address of its picture.
    pub thumbnail_url: Option<String>,
    /// How long it takes, in minutes.
    pub estimated_duration_minutes: Option<i32>,
    /// Who teaches it.
    pub instructor_id: Uuid,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a course.
#[dto(update, table = courses)]
pub struct CourseUpdate {
    /// What the course is called.
    #[validate(length(min = 1, max = 255))]
    pub title: Option<String>,
    /// Its name in addresses.
    #[validate(length(min = 1, max = 255))]
    pub slug: Option<String>,
    /// What it is about.
    #[validate(length(max = 5000))]
    pub description: Option<Option<String>>,
    /// The field it belongs to.
    #[validate(length(max = 100))]
    pub category: Option<Option<String>>,
    /// How much it asks for.
    pub difficulty_level: Option<Option<Difficulty>>,
    /// Whether everyone sees it.
    pub is_published: Option<bool>,
    /// The address of its picture.
    #[validate(length(max = 500))]
    pub thumbnail_url: Option<Option<String>>,
    /// How long it takes, in minutes.
    #[validate(range(min = 1))]
    pub estimated_duration_minutes: Option<Option<i32>>,
    /// Further facts; merged into those that are there.
    pub metadata: Option<Option<Json>>,
    /// Who teaches it. Only administrators hand a course on.
    pub instructor_id: Option<Uuid>,
}

/// The filters of courses.
#[dto(query)]
pub struct CourseQuery {
    /// A part of the title, whatever the case.
    pub title: Option<String>,
    /// The course with this slug.
    pub slug: Option<String>,
    /// Only courses of this category.
    pub category: Option<String>,
    /// Only courses of this difficulty.
    pub difficulty_level: Option<Difficulty>,
    /// Only courses that are, or are not, published.
    pub is_published: Option<bool>,
    /// Only courses of this instructor.
    pub instructor_id: Option<Uuid>,
}

fn search(search: Search<courses::table>, query: &CourseQuery) -> Search<courses::table> {
    search
        .filter_if(&query.title, |title| courses::title.contains_ci(title))
        .filter_if(&query.slug, |slug| courses::slug.eq(slug))
        .filter_if(&query.category, |category| courses::category.eq(category))
        .filter_if(&query.difficulty_level, |level| {
            courses::difficulty_level.eq(level)
        })
        .filter_if(&query.is_published, |published| {
            courses::is_published.eq(published)
        })
        .filter_if(&query.instructor_id, |id| courses::instructor_id.eq(id))
}

fn before_create(
    new: &mut CourseCreate,
    set: &mut Assignments<courses::table>,
    principal: &Principal,
) -> Result<()> {
    match &new.slug {
        Some(given) => new.slug = Some(slug::from_text(given)?),
        None => {
            let slug = slug::from_text(&new.title)?;
            let live = courses::archived_at.is_null();
            set.set_numbered(courses::slug, slug, slug::LONGEST, live);
        }
    }
    if let Some(id) = principal.id() {
        set.set(courses::instructor_id, id);
    }
    Ok(())
}

fn before_update(
    change: &mut CourseUpdate,
    _set: &mut Assignments<courses::table>,
    _principal: &Principal,
) -> Result<()> {
    if let Some(slug) = &change.slug {
        change.slug = Some(slug::from_text(slug)?);
    }
    Ok(())
}
