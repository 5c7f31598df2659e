//! Who may see and change assessments: whoever may see and change their course.

use crud_core::prelude::*;

use crate::{
    entities::course::{taught, visible},
    roles::is_admin,
    schema::{assessments, courses},
};

/// As the course.
pub struct AssessmentPolicy;

impl Policy<assessments::table> for AssessmentPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<assessments::table> {
        if is_admin(principal) && !action.is_read() {
            return Scope::all();
        }
        let courses = if action.is_read() {
            visible(principal)
        } else {
            taught(principal)
        };
        Scope::related(assessments::course_id, courses::id, courses)
            .or_forbidden("Only the course's instructor can change its assessments")
    }
}
