include!("../support.rs");

#[derive(Debug, Clone)]
struct Body {
    title: String,
}

/// A course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "courses",
    table = courses,
    create = Body,
    get = CourseGet,
    list = CourseList,
    update = CourseUpdate,
    query = CourseQuery,
    search = course_search,
    policy = CoursePolicy,
)]
pub struct Course;

fn main() {}
