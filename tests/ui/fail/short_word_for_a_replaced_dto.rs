include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy, create = CourseCreate)]
pub struct Talk {
    #[field(create, read)]
    pub title: String,
}

fn main() {}
