include!("../support.rs");

#[dto(create, table = courses)]
enum Body {
    Title(String),
}

fn main() {}
