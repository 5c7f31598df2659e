include!("../support.rs");

#[dto(get, table = courses)]
struct Row {
    description: String,
}

fn main() {}
