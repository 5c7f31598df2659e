//! Two entities in one module, on the least that a declaration holds; the tables are elsewhere.

mod schema {
    diesel::table! {
        use crud_core::sql_types::*;

        courses (id) {
            id -> Uuid,
            title -> Text,
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
            version -> BigInt,
            created_at -> Timestamptz,
            updated_at -> Timestamptz,
            created_by -> Nullable<Uuid>,
            updated_by -> Nullable<Uuid>,
            properties -> Nullable<Jsonb>,
        }
    }
}

mod entities {
    use crud_core::prelude::*;

    use crate::declared::two_entities::schema::{courses, lessons};

    /// A course.
    #[derive(EntityInterface)]
    #[entity(
        endpoint = "courses",
        table = courses,
        create = CourseCreate,
        get = CourseGet,
        list = CourseGet,
        update = CourseUpdate,
        query = NoFilter,
        search = every_course,
        policy = Everyone,
        cache_ttl = off
    )]
    pub struct Course;

    /// A lesson.
    #[derive(EntityInterface)]
    #[entity(
        endpoint = "lessons",
        table = crate::declared::two_entities::schema::lessons,
        create = LessonCreate,
        get = LessonGet,
        list = LessonGet,
        update = LessonUpdate,
        query = NoFilter,
        search = every_lesson,
        policy = Everyone
    )]
    pub struct Lesson;

    #[dto(create, table = courses)]
    pub struct CourseCreate {
        title: String,
    }

    #[dto(get, table = courses)]
    pub struct CourseGet {
        title: String,
    }

    #[dto(update, table = courses)]
    pub struct CourseUpdate {
        title: Option<String>,
    }

    #[dto(create, table = crate::declared::two_entities::schema::lessons)]
    pub struct LessonCreate {
        course_id: Uuid,
    }

    #[dto(get, table = crate::declared::two_entities::schema::lessons)]
    pub struct LessonGet {
        course_id: Uuid,
    }

    #[dto(update, table = crate::declared::two_entities::schema::lessons)]
    pub struct LessonUpdate {
        course_id: Option<Uuid>,
    }

    #[dto(query)]
    pub struct NoFilter {}

    fn every_course(search: Search<courses::table>, _: &NoFilter) -> Search<courses::table> {
        search
    }

    fn every_lesson(search: Search<lessons::table>, _: &NoFilter) -> Search<lessons::table> {
        search
    }

    pub struct Everyone;

    impl Policy<courses::table> for Everyone {
        fn scope(_: &Principal, _: Action) -> Scope<courses::table> {
            Scope::all()
        }
    }

    impl Policy<lessons::table> for Everyone {
        fn scope(_: &Principal, _: Action) -> Scope<lessons::table> {
            Scope::all()
        }
    }
}

#[test]
fn two_entities_live_in_one_module() {
    use crud_core::EntityInterface as _;

    assert_eq!(entities::Course::CACHE_TTL, None);
    assert_eq!(entities::Lesson::NAME, "Lesson");
}
