//! Who may see and change lessons: whoever may see and change their course.

use crud_core::prelude::*;

use crate::{
    entities::course::{taught, visible},
    roles::is_admin,
    schema::{courses, lessons},
};

/// As the course.
pub struct LessonPolicy;

impl Policy<lessons::table> for LessonPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<lessons::table> {
        if is_admin(principal) && !action.is_read() {
            return Scope::all();
        }
        let courses = if action.is_read() {
            visible(principal)
        } else {
            taught(principal)
        };
        Scope::related(lessons::course_id, courses::id, courses)
            .or_forbidden("Only the course's instructor can change its lessons")
    }
}
