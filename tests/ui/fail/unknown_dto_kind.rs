include!("../support.rs");

#[dto(craete, table = courses)]
struct Body {
    title: String,
}

fn main() {}
