include!("../support.rs");

diesel::table! {
    use crud_core::sql_types::*;

    levels (id) {
        id -> Double,
        title -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
    }
}

struct LevelPolicy;

impl Policy<levels::table> for LevelPolicy {
    fn scope(_: &Principal, _: Action) -> Scope<levels::table> {
        Scope::all()
    }
}

/// A level.
#[derive(EntityInterface)]
#[entity(endpoint = "levels", table = levels, policy = LevelPolicy)]
pub struct Level {
    #[field(all)]
    pub title: String,
}

fn main() {}
