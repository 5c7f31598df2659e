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
    pub age: i32,
    #[dto(computed = label(name, age))]
    pub label: String,
}

fn label(name: &str, age: i64) -> usize {
    name.len() + usize::try_from(age).unwrap_or_default()
}

fn main() {}
