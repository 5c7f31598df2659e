//! Who may see and change users.

use crud_core::prelude::*;

use crate::{roles::is_admin, schema::users};

/// Oneself, or everyone for administrators.
pub struct UserPolicy;

impl Policy<users::table> for UserPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<users::table> {
        if is_admin(principal) {
            return Scope::all();
        }
        match action {
            Action::Get | Action::List | Action::Update => {
                Scope::owned_by(users::id, principal.id())
            }
            Action::Create | Action::Archive | Action::Restore | Action::Delete => {
                Scope::forbidden("Only administrators can add and remove users")
            }
        }
    }

    fn fields(principal: &Principal) -> Fields<users::table> {
        if is_admin(principal) {
            return Fields::all();
        }
        Fields::all()
            .read_only(users::role)
            .read_only(users::is_active)
            .read_only(users::email)
    }
}
