pub mod entities;
pub mod import;
pub mod roles;
#[expect(missing_docs, reason = "table! documents itself")]
pub mod schema;
