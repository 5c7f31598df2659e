include!("../support.rs");

#[dto(query)]
struct Query {
    title: String,
}

fn main() {}
