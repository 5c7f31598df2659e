include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy)]
pub struct Talk {
    #[field(all)]
    pub title: String,
    #[field(sort)]
    pub properties: Option<Json>,
}

fn main() {}
