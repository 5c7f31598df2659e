//! Who may see and change courses, and what hangs on them.

use crud_core::prelude::*;

use crate::{
    roles::{is_admin, is_instructor},
    schema::courses,
};

/// Published courses are everyone's to read; the rest is for their instructor and administrators.
pub struct CoursePolicy;

impl Policy<courses::table> for CoursePolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<courses::table> {
        if is_admin(principal) {
            return Scope::all();
        }
        match action {
            Action::Get | Action::List => Scope::eq(courses::is_published, true).or(own(principal)),
            Action::Create if is_instructor(principal) => own(principal),
            Action::Create => Scope::forbidden("Only instructors can create courses"),
            Action::Update => own(principal).or_forbidden("Not authorized to update this course"),
            Action::Archive => own(principal).or_forbidden("Not authorized to archive this course"),
            Action::Restore => own(principal).or_forbidden("Not authorized to restore this course"),
            Action::Delete => own(principal).or_forbidden("Not authorized to delete this course"),
        }
    }
}

fn own(principal: &Principal) -> Scope<courses::table> {
    Scope::owned_by(courses::instructor_id, principal.id())
}

/// The courses whose content the caller may read: those that he sees and that are not archived.
pub fn visible(principal: &Principal) -> Scope<courses::table> {
    CoursePolicy::scope(principal, Action::Get).and(Scope::is_null(courses::archived_at))
}

/// The courses whose content the caller may change.
pub fn taught(principal: &Principal) -> Scope<courses::table> {
    CoursePolicy::scope(principal, Action::Update).and(Scope::is_null(courses::archived_at))
}
