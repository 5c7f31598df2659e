include!("../support.rs");

#[dto(create, table = courses)]
struct Body {
    title: i32,
}

fn main() {}
