//! Courses: drafts are seen by their instructor and by administrators only.

mod policy;
mod slug;

use crud_core::prelude::*;

pub use self::policy::{CoursePolicy, taught, visible};
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
#[entity(endpoint = "courses", table = courses, policy = CoursePolicy, cache_ttl = 300, archivable, history, numbered(slug), unique(slug),
    before_create = before_create, before_update = before_update, full_text(title, description), filter(created_at, updated_at, properties,
    lessons, instructor), relations(lessons = has_many(lessons::course_id -> Lesson, nested), modules = has_many(modules::course_id -> Module,
    nested), assessments = has_many(assessments::course_id -> Assessment), projects = has_many(projects::course_id -> Project)))]
pub struct Course {
    /// What the course is called.
    #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 255)))]
    pub title: String,
    /// Its name in addresses; made from the title when left out, with a number if that is taken.
    #[field(all, optional, filter, validate(length(min = 1, max = 255)))]
    pub slug: String,
    /// What it is about.
    #[field(write, get, validate(length(max = 5000)))]
    pub description: Option<String>,
    /// The field it belongs to.
    #[field(all, filter, sort, validate(length(max = 100)))]
    pub category: Option<String>,
    /// How much it asks for.
    #[field(all, filter)]
    pub difficulty_level: Option<Difficulty>,
    /// Whether everyone sees it.
    #[field(all, filter, default)]
    pub is_published: bool,
    /// The address of its picture.
    #[field(all, validate(length(max = 500)))]
    pub thumbnail_url: Option<String>,
    /// How long it takes, in minutes.
    #[field(all, filter, validate(range(min = 1)))]
    pub estimated_duration_minutes: Option<i32>,
    /// Further facts.
    #[field(write, get)]
    pub metadata: Option<Json>,
    /// Who teaches it: whoever creates it. Only administrators hand a course on.
    #[field(update, read, filter, belongs_to(User))]
    pub instructor_id: Uuid,
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
