include!("../support.rs");

#[dto(update, table = courses)]
struct Body {
    title: String,
}

fn main() {}
