include!("../support.rs");

#[dto(get, table = courses)]
#[derive(Debug)]
struct Row {
    title: String,
}

fn main() {}
