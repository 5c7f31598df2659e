include!("../support.rs");

#[dto(create, table = courses)]
struct Body {
    #[dto(verbatm)]
    title: String,
}

fn main() {}
