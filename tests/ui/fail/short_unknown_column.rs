include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy)]
pub struct Talk {
    #[field(all, filter, sort)]
    pub titel: String,
}

fn main() {}
