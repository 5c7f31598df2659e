include!("../support.rs");

struct LessonPolicy;

impl Policy<lessons::table> for LessonPolicy {
    fn scope(_: &Principal, _: Action) -> Scope<lessons::table> {
        Scope::all()
    }
}

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = lessons, policy = LessonPolicy)]
pub struct Talk {
    #[field(all, belongs_to(CourseGet))]
    pub course_id: Uuid,
}

fn main() {}
