include!("../support.rs");

fn search(search: Search<courses::table>, query: &CourseQuery) -> Search<courses::table> {
    search.filter_if(&query.title, |title| lessons::title.eq(title))
}

fn main() {}
