// The parts of a right declaration, included by the cases that get one thing wrong.

use crud_core::prelude::*;

diesel::table! {
    use crud_core::sql_types::*;

    courses (id) {
        id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        position -> Integer,
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

#[dto(create, table = courses)]
pub struct CourseCreate {
    pub title: String,
}

#[dto(get, table = courses)]
pub struct CourseGet {
    pub title: String,
}

#[dto(list, table = courses)]
pub struct CourseList {
    pub title: String,
}

#[dto(update, table = courses)]
pub struct CourseUpdate {
    pub title: Option<String>,
}

#[dto(query)]
pub struct CourseQuery {
    pub title: Option<String>,
}

pub fn course_search(search: Search<courses::table>, query: &CourseQuery) -> Search<courses::table> {
    search.filter_if(&query.title, |title| courses::title.contains_ci(title))
}

pub struct CoursePolicy;

impl Policy<courses::table> for CoursePolicy {
    fn scope(_: &Principal, _: Action) -> Scope<courses::table> {
        Scope::all()
    }
}
