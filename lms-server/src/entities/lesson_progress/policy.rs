//! Who may see and change progress: whoever the enrollment belongs to.

use crud_core::prelude::*;

use crate::{
    entities::enrollment::EnrollmentPolicy,
    roles::is_admin,
    schema::{enrollments, lesson_progress},
};

/// As the enrollment for reading; the student himself marks lessons done.
pub struct LessonProgressPolicy;

impl Policy<lesson_progress::table> for LessonProgressPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<lesson_progress::table> {
        if is_admin(principal) {
            return Scope::all();
        }
        let enrollments = match action {
            Action::Get | Action::List => EnrollmentPolicy::scope(principal, Action::Get),
            Action::Update => Scope::owned_by(enrollments::student_id, principal.id())
                .and(Scope::is_null(enrollments::archived_at)),
            _ => return Scope::forbidden("Progress follows the enrollment"),
        };
        Scope::related(lesson_progress::enrollment_id, enrollments::id, enrollments)
            .or_forbidden("Only the student can mark lessons as done")
    }
}
