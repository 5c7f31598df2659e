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
    create = ModuleCreate,
    get = ModuleGet,
    list = ModuleList,
    update = ModuleUpdate,
    query = ModuleQuery,
    search = search,
    policy = ModulePolicy,
    cache_ttl = 300,
    sort(order, title),
    relations(
        course = belongs_to(modules::course_id -> Course),
        lessons = has_many(lessons::module_id -> Lesson)
    )
)]
pub struct Module;

/// What a new module needs.
#[dto(create, table = modules)]
pub struct ModuleCreate {
    /// What the module is called.
    #[validate(length(min = 1, max = 255))]
    pub title: String,
    /// What it is about.
    #[validate(length(max = 4096))]
    pub description: Option<String>,
    /// The course it is a part of; none if it stands alone.
    pub course_id: Option<Uuid>,
    /// Its place in the course.
    #[dto(default)]
    pub order: i32,
}

/// A module.
#[dto(get, table = modules)]
pub struct ModuleGet {
    /// What the module is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// The course it is a part of.
    pub course_id: Option<Uuid>,
    /// Its place in the course.
    pub order: i32,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// A module in a list.
#[dto(list, table = modules)]
pub struct ModuleList {
    /// What the module is called.
    pub title: String,
    /// The course it is a part of.
    pub course_id: Option<Uuid>,
    /// Its place in the course.
    pub order: i32,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a module.
#[dto(update, table = modules)]
pub struct ModuleUpdate {
    /// What the module is called.
    #[validate(length(min = 1, max = 255))]
    pub title: Option<String>,
    /// What it is about.
    #[validate(length(max = 4096))]
    pub description: Option<Option<String>>,
    /// The course it is a part of.
    pub course_id: Option<Option<Uuid>>,
    /// Its place in the course.
    pub order: Option<i32>,
}

/// The filters of modules.
#[dto(query)]
pub struct ModuleQuery {
    /// Only modules of this course.
    pub course_id: Option<Uuid>,
    /// A part of the title, whatever the case.
    pub title: Option<String>,
}

fn search(search: Search<modules::table>, query: &ModuleQuery) -> Search<modules::table> {
    search
        .filter_if(&query.course_id, |id| modules::course_id.eq(id))
        .filter_if(&query.title, |title| modules::title.contains_ci(title))
}
