//! The entities: one folder each, and one line here.

pub mod user;

use crud_core::Registry;

/// Every entity.
pub fn registry() -> Registry {
    Registry::new()
        .entity::<user::User>()
}
