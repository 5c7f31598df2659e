include!("../support.rs");

#[dto(update, table = courses)]
struct Change {
    title: Option<Option<String>>,
}

fn main() {}
