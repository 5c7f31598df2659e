//! Who may see and change lessons: whoever may see and change their course. A lesson is put only into
//! modules that its author may change: any other answers as if it did not exist.

use crud_core::prelude::*;

use crate::{
    entities::{
        course::{taught, visible},
        module::ModulePolicy,
    },
    roles::is_admin,
    schema::{courses, lessons, modules},
};

/// As the course.
pub struct LessonPolicy;

impl Policy<lessons::table> for LessonPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<lessons::table> {
        if is_admin(principal) && !action.is_read() {
            return Scope::all();
        }
        if action.is_read() {
            return Scope::related(lessons::course_id, courses::id, visible(principal));
        }
        let modules = ModulePolicy::scope(principal, Action::Update);
        let module = Scope::is_null(lessons::module_id).or(Scope::related(
            lessons::module_id,
            modules::id,
            modules,
        ));
        Scope::related(lessons::course_id, courses::id, taught(principal))
            .and(module)
            .or_forbidden("Only the course's instructor can change its lessons")
    }
}
