include!("../support.rs");

#[dto(get, table = courses)]
struct Row {
    title: i32,
}

fn main() {}
