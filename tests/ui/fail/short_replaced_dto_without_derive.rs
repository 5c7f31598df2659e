include!("../support.rs");

pub struct NewTalk {
    pub title: String,
}

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy, create = NewTalk)]
pub struct Talk {
    #[field(all)]
    pub title: String,
}

fn main() {}
