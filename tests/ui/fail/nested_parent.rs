include!("../support.rs");

struct Anyone;

impl Policy<courses::table> for Anyone {
    fn scope(_: &Principal, _: Action) -> Scope<courses::table> {
        Scope::all()
    }
}

impl Policy<lessons::table> for Anyone {
    fn scope(_: &Principal, _: Action) -> Scope<lessons::table> {
        Scope::all()
    }
}

/// A course.
#[derive(EntityInterface)]
#[entity(endpoint = "courses", table = courses, policy = Anyone)]
pub struct Talk {
    #[field(all)]
    pub title: String,
}

/// A lesson.
#[derive(EntityInterface)]
#[entity(endpoint = "lessons", table = lessons, policy = Anyone, relations(course = belongs_to(lessons::course_id -> Talk, nested)))]
pub struct Lesson {
    #[field(all)]
    pub title: String,
}

fn main() {}
