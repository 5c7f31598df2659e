include!("../support.rs");

struct LessonPolicy;

impl Policy<lessons::table> for LessonPolicy {
    fn scope(_: &Principal, _: Action) -> Scope<lessons::table> {
        Scope::all()
    }
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
    search = course_search,
    policy = LessonPolicy,
)]
pub struct Course;

fn main() {}
