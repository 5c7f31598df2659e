include!("../support.rs");

fn find(search: Search<courses::table>) -> Search<courses::table> {
    search
}

/// A talk.
#[derive(EntityInterface)]
#[entity(endpoint = "talks", table = courses, policy = CoursePolicy, search = find)]
pub struct Talk {
    #[field(all, filter)]
    pub title: String,
}

fn main() {}
