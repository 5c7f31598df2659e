include!("../support.rs");

fn search(search: Search<courses::table>, _query: CourseQuery) -> Search<courses::table> {
    search
}

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
    search = search,
    policy = CoursePolicy,
)]
pub struct Course;

fn main() {}
