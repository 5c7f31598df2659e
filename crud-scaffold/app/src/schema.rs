//! The tables.

diesel::allow_tables_to_appear_in_same_query!(
);
