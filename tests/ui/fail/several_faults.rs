include!("../support.rs");

/// A course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "Courses",
    table = courses,
    create = CourseCreate,
    get = CourseGet,
    list = CourseList,
    update = CourseUpdate,
    query = CourseQuery,
    cache_ttl = 0,
    colour = red,
)]
pub struct Course;

fn main() {}
