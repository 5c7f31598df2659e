include!("../support.rs");

#[dto(get, table = lessons)]
struct LessonGet {
    title: String,
}

/// A course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "courses",
    table = courses,
    create = CourseCreate,
    get = LessonGet,
    list = CourseList,
    update = CourseUpdate,
    query = CourseQuery,
    search = course_search,
    policy = CoursePolicy,
)]
pub struct Course;

fn main() {}
