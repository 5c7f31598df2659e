//! Who may see and change projects. None is seen in a course that is archived, and none is put into a
//! course that the caller does not see: it answers as if it did not exist.

use crud_core::prelude::*;

use crate::{
    entities::course::{taught, visible},
    roles::is_admin,
    schema::{courses, projects},
};

/// A public project is seen with its course, a private one by its creator, the course's instructor and
/// administrators. Whoever is signed in may make one; its creator and the instructor change it.
pub struct ProjectPolicy;

impl Policy<projects::table> for ProjectPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<projects::table> {
        if is_admin(principal) && !action.is_read() {
            return Scope::all();
        }
        let own = Scope::owned_by(projects::created_by, principal.id());
        match action {
            Action::Get | Action::List => {
                let public = Scope::eq(projects::is_public, true).and(within(visible(principal)));
                let kept = within(Scope::is_null(courses::archived_at));
                public.or(own.and(kept)).or(within(taught(principal)))
            }
            Action::Create if principal.is_anonymous() => Scope::none(),
            Action::Create => within(visible(principal))
                .or_forbidden("Projects are made in courses that the caller can see"),
            _ => own
                .and(within(visible(principal)))
                .or(within(taught(principal)))
                .or_forbidden("Only its creator and the course's instructor can change a project"),
        }
    }
}

fn within(courses: Scope<courses::table>) -> Scope<projects::table> {
    Scope::related(projects::course_id, courses::id, courses)
}
