//! Who may see and change modules: whoever may see and change their course. A module that stands
//! alone is everyone's to read and the administrators' to change.

use crud_core::prelude::*;

use crate::{
    entities::course::{taught, visible},
    roles::is_admin,
    schema::{courses, modules},
};

/// As the course, if there is one.
pub struct ModulePolicy;

impl Policy<modules::table> for ModulePolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<modules::table> {
        if is_admin(principal) && !action.is_read() {
            return Scope::all();
        }
        let (courses, alone) = if action.is_read() {
            (visible(principal), Scope::is_null(modules::course_id))
        } else {
            (taught(principal), Scope::none())
        };
        Scope::related(modules::course_id, courses::id, courses)
            .or(alone)
            .or_forbidden("Only the course's instructor can change its modules")
    }
}
