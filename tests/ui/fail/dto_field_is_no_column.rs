include!("../support.rs");

#[dto(create, table = courses)]
struct Body {
    titel: String,
}

#[dto(get, table = courses)]
struct Row {
    titel: String,
}

fn main() {}
