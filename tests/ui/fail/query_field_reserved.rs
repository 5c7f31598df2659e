include!("../support.rs");

#[dto(query)]
struct Query {
    page: Option<i64>,
}

fn main() {}
