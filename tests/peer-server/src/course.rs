//! The comparison's one entity: the 16 columns that each of its servers answers with.

use crud_core::prelude::*;

diesel::table! {
    use crud_core::sql_types::*;

    /// The table that the comparison seeds.
    courses (id) {
        id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        properties -> Nullable<Jsonb>,
        title -> Text,
        slug -> Text,
        description -> Nullable<Text>,
        category -> Nullable<Text>,
        difficulty_level -> Nullable<Text>,
        is_published -> Bool,
        estimated_duration_minutes -> Nullable<Integer>,
        instructor_id -> Uuid,
    }
}

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

/// What an instructor teaches. Kept only by the commands that have a cache.
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
    policy = SignedIn,
    cache_ttl = 300
)]
pub struct Course;

/// What a new course needs.
#[dto(create, table = courses)]
pub struct CourseCreate {
    /// What the course is called.
    #[validate(length(min = 1, max = 255))]
    pub title: String,
    /// Its name in addresses.
    #[validate(length(min = 1, max = 255))]
    pub slug: String,
    /// What it is about.
    pub description: Option<String>,
    /// The field it belongs to.
    #[validate(length(max = 100))]
    pub category: Option<String>,
    /// How much it asks for.
    pub difficulty_level: Option<Difficulty>,
    /// Whether everyone sees it.
    #[dto(default)]
    pub is_published: bool,
    /// How long it takes, in minutes.
    pub estimated_duration_minutes: Option<i32>,
    /// Who teaches it.
    pub instructor_id: Uuid,
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
    /// How long it takes, in minutes.
    pub estimated_duration_minutes: Option<i32>,
    /// Who teaches it.
    pub instructor_id: Uuid,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// A course in a list: all its columns, as the other servers list them.
#[dto(list, table = courses)]
pub struct CourseList {
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
    /// How long it takes, in minutes.
    pub estimated_duration_minutes: Option<i32>,
    /// Who teaches it.
    pub instructor_id: Uuid,
    /// Who created the row.
    pub created_by: Option<Uuid>,
    /// Who last changed the row.
    pub updated_by: Option<Uuid>,
    /// Whatever else belongs to the row.
    pub properties: Option<Json>,
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
    /// Whether everyone sees it.
    pub is_published: Option<bool>,
    /// What it is about.
    pub description: Option<Option<String>>,
    /// The field it belongs to.
    #[validate(length(max = 100))]
    pub category: Option<Option<String>>,
    /// How much it asks for.
    pub difficulty_level: Option<Option<Difficulty>>,
    /// How long it takes, in minutes.
    pub estimated_duration_minutes: Option<Option<i32>>,
}

/// The filters of courses.
#[dto(query)]
pub struct CourseQuery {
    /// Only courses of this category.
    pub category: Option<String>,
}

fn search(search: Search<courses::table>, query: &CourseQuery) -> Search<courses::table> {
    search.filter_if(&query.category, |category| courses::category.eq(category))
}

/// Whoever is signed in may do everything.
pub struct SignedIn;

impl Policy<courses::table> for SignedIn {
    fn scope(principal: &Principal, _action: Action) -> Scope<courses::table> {
        Scope::when(!principal.is_anonymous())
    }
}
