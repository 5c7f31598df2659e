// Two entities and an application with them: what the examples in the documentation include.

use crud_core::{
    App, Db, DbConfig, Registry,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    prelude::*,
};

diesel::table! {
    use crud_core::sql_types::*;
    courses (id) {
        id -> Uuid,
        title -> Text,
        price -> Integer,
        is_published -> Bool,
        metadata -> Nullable<Jsonb>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;
    lessons (id) {
        id -> Uuid,
        course_id -> Uuid,
        title -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
    }
}

/// What is taught.
#[derive(EntityInterface)]
#[entity(endpoint = "courses", table = courses, policy = CoursePolicy, cache_ttl = 60,
    relations(lessons = has_many(lessons::course_id -> Lesson)))]
pub struct Course {
    /// What it is called.
    #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 200)))]
    pub title: String,
    /// What it costs, in cents.
    #[field(all, filter, sort, default)]
    pub price: i32,
    /// Whether everyone sees it.
    #[field(all, filter, default)]
    pub is_published: bool,
}

/// Everyone sees what is published; all else is the creator's.
pub struct CoursePolicy;

impl Policy<courses::table> for CoursePolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<courses::table> {
        let own = Scope::owned_by(courses::created_by, principal.id());
        match action {
            Action::Get | Action::List => own.or(Scope::eq(courses::is_published, true)),
            Action::Create => Scope::when(!principal.is_anonymous()),
            _ => own.or_forbidden("Only its creator can change a course"),
        }
    }
}

/// A part of a course.
#[derive(EntityInterface)]
#[entity(endpoint = "lessons", table = lessons, policy = LessonPolicy)]
pub struct Lesson {
    /// The course.
    #[field(create, read, filter, belongs_to(Course))]
    pub course_id: Uuid,
    /// What it is called.
    #[field(all, filter)]
    pub title: String,
}

/// A lesson is seen with its course, and changed by whoever may change that.
pub struct LessonPolicy;

impl Policy<lessons::table> for LessonPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<lessons::table> {
        let of = if action.is_read() { Action::Get } else { Action::Update };
        Scope::related(lessons::course_id, courses::id, CoursePolicy::scope(principal, of))
    }
}

/// The application, on an empty database in memory.
pub async fn app() -> App {
    let db = Db::connect(&DbConfig::new("sqlite::memory:")).await.unwrap();
    let standard = "id BLOB NOT NULL PRIMARY KEY, version INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL, created_by BLOB, updated_by BLOB, properties TEXT";
    let tables = format!(
        "CREATE TABLE courses ({standard}, title TEXT NOT NULL, price INTEGER NOT NULL,
            is_published INTEGER NOT NULL, metadata TEXT) STRICT;
        CREATE TABLE lessons ({standard}, course_id BLOB NOT NULL REFERENCES courses, title TEXT NOT NULL) STRICT;"
    );
    db.batch(&tables).await.unwrap();
    let jwt = Jwt::new(JwtConfig::new(*b"a secret of tests, 32 bytes long")).unwrap();
    let registry = Registry::new().entity::<Course>().entity::<Lesson>();
    App::new(db, registry, Auth::new(jwt, TokenAuthenticator))
}
