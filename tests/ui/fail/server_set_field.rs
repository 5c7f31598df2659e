include!("../support.rs");

#[dto(create, table = courses)]
struct Body {
    created_by: Option<Uuid>,
}

fn main() {}
