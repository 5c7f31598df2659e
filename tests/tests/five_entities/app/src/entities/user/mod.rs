//! Users: whoever is signed in reads them, administrators write them.

use crud_core::prelude::*;

use crate::{roles::is_admin, schema::users};

/// Whoever signs in.
#[derive(EntityInterface)]
#[entity(endpoint = "users", table = users, policy = UserPolicy, archivable)]
pub struct User {
    /// What they are called.
    #[field(all, filter, sort, validate(length(min = 1, max = 255)))]
    pub name: String,
}

/// Users are read by whoever is signed in; administrators write them.
pub struct UserPolicy;

impl Policy<users::table> for UserPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<users::table> {
        if action.is_read() {
            return Scope::when(!principal.is_anonymous());
        }
        Scope::when(is_admin(principal)).or_forbidden("Only administrators can change users")
    }
}
