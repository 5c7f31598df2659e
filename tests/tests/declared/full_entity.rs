//! Every key and every kind of field.

use crud_core::prelude::*;

diesel::table! {
    use crud_core::sql_types::*;

    courses (id) {
        id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        secret -> Text,
        language -> Text,
        r#type -> Text,
        position -> Integer,
        price -> Nullable<Double>,
        owner_id -> Nullable<Uuid>,
        starts_at -> Nullable<Timestamptz>,
        extra -> Jsonb,
        more -> Nullable<Jsonb>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
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
    sort(title, created_at, position, r#type),
    default_sort = "-created_at,title",
    before_create = before_create,
    before_update = before_update,
    name = "Lecture"
)]
pub struct Course;

/// A new course.
#[dto(create, table = courses)]
#[derive(PartialEq)]
pub struct CourseCreate {
    /// Its title.
    #[validate(length(min = 1, max = 200))]
    pub title: String,
    #[validate(length(max = 5000))]
    pub description: Option<String>,
    #[dto(verbatim)]
    pub secret: String,
    #[dto(default = "en")]
    pub language: String,
    pub r#type: String,
    #[dto(default)]
    #[validate(range(min = 0))]
    pub position: i32,
    #[validate(range(min = 0.0))]
    pub price: Option<f64>,
    pub owner_id: Option<Uuid>,
    pub starts_at: Option<Timestamp>,
    pub extra: Json,
    pub more: Option<Json>,
    #[dto(not_a_column)]
    pub notify: Option<bool>,
}

#[dto(update, table = courses)]
pub struct CourseUpdate {
    #[validate(length(min = 1, max = 200))]
    pub title: Option<String>,
    #[validate(length(max = 5000))]
    pub description: Option<Option<String>>,
    #[dto(verbatim)]
    pub secret: Option<String>,
    pub r#type: Option<String>,
    #[validate(range(min = 0))]
    pub position: Option<i32>,
    #[validate(range(min = 0.0))]
    pub price: Option<Option<f64>>,
    pub owner_id: Option<Option<Uuid>>,
    pub starts_at: Option<Option<Timestamp>>,
    pub extra: Option<Json>,
    pub more: Option<Option<Json>>,
    #[dto(not_a_column)]
    pub notify: Option<bool>,
}

#[dto(get, table = courses)]
pub struct CourseGet {
    pub title: String,
    pub description: Option<String>,
    pub r#type: String,
    pub position: i32,
    pub price: Option<f64>,
    pub owner_id: Option<Uuid>,
    pub starts_at: Option<Timestamp>,
    pub extra: Json,
    pub more: Option<Json>,
    pub archived_at: Option<Timestamp>,
}

#[dto(list, table = courses, bare)]
pub struct CourseList {
    pub id: Uuid,
    pub title: String,
}

#[dto(query)]
#[derive(PartialEq)]
pub struct CourseQuery {
    pub q: Option<String>,
    pub r#type: Option<String>,
    pub owner_id: Option<Uuid>,
}

// Named as the trait's own function and its parameter are.
fn search(search: Search<courses::table>, query: &CourseQuery) -> Search<courses::table> {
    search
        .filter_if(&query.q, |q| {
            courses::title
                .contains_ci(&q)
                .or(courses::description.contains_ci(&q))
        })
        .filter_if(&query.r#type, |kind| courses::r#type.eq(kind))
        .filter_if(&query.owner_id, |id| courses::owner_id.eq(id))
}

fn before_create(
    new: &mut CourseCreate,
    set: &mut Assignments<courses::table>,
    _principal: &Principal,
) -> Result<()> {
    if new.notify.is_none() {
        set.set(courses::position, 1);
    }
    Ok(())
}

fn before_update(
    change: &mut CourseUpdate,
    _set: &mut Assignments<courses::table>,
    _principal: &Principal,
) -> Result<()> {
    change.notify = None;
    Ok(())
}

pub struct CoursePolicy;

impl Policy<courses::table> for CoursePolicy {
    fn scope(_: &Principal, _: Action) -> Scope<courses::table> {
        Scope::all()
    }
}

#[test]
fn every_key_and_every_kind_of_field_is_accepted() {
    assert_eq!(Course::NAME, "Lecture");
    assert_eq!(Course::ENDPOINT, "courses");
    assert_eq!(Course::DESCRIPTION, "What an instructor teaches.");
    assert_eq!(Course::CACHE_TTL, Some(300));
    let sorts: Vec<_> = Course::sorts().iter().map(|sort| sort.name).collect();
    assert_eq!(
        sorts,
        ["title", "created_at", "position", "type", "updated_at"]
    );
}
