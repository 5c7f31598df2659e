//! The two tables, which are in the migrations of the application. Only the statements of this module touch them.

diesel::table! {
    use crate::db::sql_types::*;

    /// What is to be done, and what was.
    crud_jobs (id) {
        id -> BigInt,
        name -> Text,
        key -> Text,
        unique_key -> Nullable<Text>,
        payload -> Jsonb,
        state -> Text,
        attempts -> Integer,
        failures -> Integer,
        visible_at -> Timestamptz,
        lease -> Nullable<Uuid>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    /// When each schedule's job is due next.
    crud_schedules (name) {
        name -> Text,
        next_at -> Timestamptz,
    }
}
