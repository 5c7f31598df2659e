//! The roles of the LMS, by name. Policies ask for exactly one of them; nothing is inferred from a
//! part of a name.

use crud_core::prelude::*;

text_enum! {
    /// What a user is in the LMS.
    pub enum Role {
        /// Takes courses.
        Student = "student",
        /// Makes and runs courses.
        Instructor = "instructor",
        /// Runs the LMS.
        Admin = "admin",
    }
}

/// Whether the caller is an administrator.
pub fn is_admin(principal: &Principal) -> bool {
    principal.has_role(Role::Admin.as_str())
}

/// Whether the caller is an instructor.
pub fn is_instructor(principal: &Principal) -> bool {
    principal.has_role(Role::Instructor.as_str())
}
