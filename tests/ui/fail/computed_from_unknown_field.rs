use crud_core::prelude::*;

diesel::table! {
    use crud_core::sql_types::*;

    people (id) {
        id -> Uuid,
        name -> Text,
        age -> Integer,
    }
}

#[dto(get, table = people, bare)]
pub struct PersonGet {
    pub name: String,
    #[dto(computed = label(nmae))]
    pub label: String,
}

fn label(name: &str) -> String {
    name.to_uppercase()
}

fn main() {}
