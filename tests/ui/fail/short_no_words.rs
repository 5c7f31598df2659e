include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy)]
pub struct Talk {
    pub title: String,
}

fn main() {}
