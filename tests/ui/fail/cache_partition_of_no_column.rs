include!("../support.rs");

/// A course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "courses",
    table = courses,
    create = CourseCreate,
    get = CourseGet,
    list = CourseList,
    update = CourseUpdate,
    query = CourseQuery,
    search = course_search,
    policy = CoursePolicy,
    cache_ttl = 60,
    cache_partition = organisation_id,
)]
pub struct Course;

fn main() {}
