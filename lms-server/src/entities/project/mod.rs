//! Projects: the backend guide's second example, made in a course.

mod policy;

use crud_core::prelude::*;

pub use self::policy::ProjectPolicy;
use crate::{entities::course::Course, schema::projects};

/// What is made in a course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "projects",
    table = projects,
    create = ProjectCreate,
    get = ProjectGet,
    list = ProjectList,
    update = ProjectUpdate,
    query = ProjectQuery,
    search = search,
    policy = ProjectPolicy,
    cache_ttl = 600,
    sort(name),
    relations(
        course = belongs_to(projects::course_id -> Course)
    )
)]
pub struct Project;

/// What a new project needs.
#[dto(create, table = projects)]
pub struct ProjectCreate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub name: String,
    /// What it is about.
    #[validate(length(max = 4096))]
    pub description: Option<String>,
    /// Whether everyone who sees the course sees it.
    #[dto(default)]
    pub is_public: bool,
    /// The course that it is made in.
    pub course_id: Uuid,
}

/// A project.
#[dto(get, table = projects)]
pub struct ProjectGet {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Whether everyone who sees the course sees it.
    pub is_public: bool,
    /// The course that it is made in.
    pub course_id: Uuid,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// A project in a list.
#[dto(list, table = projects)]
pub struct ProjectList {
    /// What it is called.
    pub name: String,
    /// Whether everyone who sees the course sees it.
    pub is_public: bool,
}

/// What can be changed of a project.
#[dto(update, table = projects)]
pub struct ProjectUpdate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// What it is about.
    #[validate(length(max = 4096))]
    pub description: Option<Option<String>>,
    /// Whether everyone who sees the course sees it.
    pub is_public: Option<bool>,
}

/// The filters of projects.
#[dto(query)]
pub struct ProjectQuery {
    /// A part of the name, whatever the case.
    pub name: Option<String>,
    /// Only projects that are, or are not, public.
    pub is_public: Option<bool>,
    /// Only projects of this course.
    pub course_id: Option<Uuid>,
}

fn search(search: Search<projects::table>, query: &ProjectQuery) -> Search<projects::table> {
    search
        .filter_if(&query.name, |name| projects::name.contains_ci(name))
        .filter_if(&query.is_public, |public| projects::is_public.eq(public))
        .filter_if(&query.course_id, |id| projects::course_id.eq(id))
}
