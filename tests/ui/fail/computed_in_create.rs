use crud_core::prelude::*;

diesel::table! {
    use crud_core::sql_types::*;

    people (id) {
        id -> Uuid,
        name -> Text,
    }
}

#[dto(create, table = people, bare)]
pub struct PersonCreate {
    pub name: String,
    #[dto(computed = label(name))]
    pub label: String,
}

fn main() {}
