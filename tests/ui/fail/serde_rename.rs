include!("../support.rs");

#[dto(create, table = courses)]
struct Body {
    #[serde(rename = "heading")]
    title: String,
}

fn main() {}
