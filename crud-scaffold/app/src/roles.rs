//! Who is what.

use crud_core::prelude::*;

/// Whether the caller is an administrator.
pub fn is_admin(principal: &Principal) -> bool {
    principal.has_role("admin")
}
