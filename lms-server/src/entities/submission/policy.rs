//! Who may see and change submissions.

use crud_core::prelude::*;

use crate::{
    entities::course::taught,
    roles::{is_admin, is_instructor},
    schema::{assessments, courses, submissions},
};

/// Why a student's submission is refused: the same sentence whatever does not fit, or it would tell
/// which assessments there are.
pub(super) const HANDING_IN: &str =
    "Only students of the assessment's course can hand in, each for himself";

/// One's own until they are scored; an instructor sees and scores those of his courses,
/// administrators do as they like. What depends on the old row is in the hooks.
pub struct SubmissionPolicy;

impl Policy<submissions::table> for SubmissionPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<submissions::table> {
        if is_admin(principal) {
            return Scope::all();
        }
        let own = Scope::owned_by(submissions::student_id, principal.id());
        match action {
            Action::Get | Action::List | Action::Update => own.or(of_taught_courses(principal)),
            Action::Create => own.or_forbidden(HANDING_IN),
            Action::Archive => own
                .and(Scope::is_null(submissions::score))
                .or_forbidden("A submission is taken back by its student, until it is scored"),
            Action::Restore | Action::Delete => {
                Scope::forbidden("Only administrators can do this to submissions")
            }
        }
    }

    fn fields(principal: &Principal) -> Fields<submissions::table> {
        if is_admin(principal) {
            return Fields::all();
        }
        let fields = Fields::all()
            .read_only(submissions::submitted_day)
            .read_only(submissions::is_banked);
        if is_instructor(principal) {
            return fields;
        }
        fields.read_only(submissions::score)
    }
}

fn of_taught_courses(principal: &Principal) -> Scope<submissions::table> {
    if principal.is_anonymous() {
        return Scope::none();
    }
    let of_courses = Scope::related(assessments::course_id, courses::id, taught(principal));
    Scope::related(submissions::assessment_id, assessments::id, of_courses)
}
