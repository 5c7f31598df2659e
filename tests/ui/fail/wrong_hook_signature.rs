include!("../support.rs");

fn complete(_new: &mut CourseCreate, _principal: &Principal) -> Result<()> {
    Ok(())
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
    policy = CoursePolicy,
    before_create = complete,
)]
pub struct Course;

fn main() {}
