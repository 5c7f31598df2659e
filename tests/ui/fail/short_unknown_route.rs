include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy, routes(get, lists))]
pub struct Talk {
    #[field(all)]
    pub title: String,
}

fn main() {}
