include!("../support.rs");

#[dto(update)]
struct Body {
    title: Option<String>,
}

fn main() {}
