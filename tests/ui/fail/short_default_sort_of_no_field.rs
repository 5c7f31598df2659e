include!("../support.rs");

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy, default_sort = "-position")]
pub struct Talk {
    #[field(all, sort)]
    pub title: String,
    #[field(all)]
    pub position: i32,
}

fn main() {}
