//! Who may see and change enrollments.

use crud_core::prelude::*;

use crate::{
    entities::course::taught,
    roles::is_admin,
    schema::{courses, enrollments},
};

/// One's own; an instructor sees those of his courses, administrators do as they like.
pub struct EnrollmentPolicy;

impl Policy<enrollments::table> for EnrollmentPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<enrollments::table> {
        if is_admin(principal) {
            return Scope::all();
        }
        let own = Scope::owned_by(enrollments::student_id, principal.id());
        match action {
            Action::Get | Action::List => own.or(of_taught_courses(principal)),
            Action::Create => own.or_forbidden("Only administrators can enroll others"),
            Action::Archive => own,
            Action::Update => of_taught_courses(principal)
                .or_forbidden("Only the course's instructor can change enrollments"),
            Action::Restore | Action::Delete => {
                Scope::forbidden("Only administrators can do this to enrollments")
            }
        }
    }
}

fn of_taught_courses(principal: &Principal) -> Scope<enrollments::table> {
    if principal.is_anonymous() {
        return Scope::none();
    }
    Scope::related(enrollments::course_id, courses::id, taught(principal))
}
