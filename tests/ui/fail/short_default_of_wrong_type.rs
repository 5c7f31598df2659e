include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy)]
pub struct Talk {
    #[field(all, default = "first")]
    pub position: i32,
}

fn main() {}
