include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy)]
pub struct Talk {
    #[field(all)]
    #[validate(length(min = 1))]
    pub title: String,
}

fn main() {}
