//! The rules of handing in and scoring that depend on other rows, or on what the row was before.

use crud_core::prelude::*;

use super::{Submission, SubmissionGet, policy::HANDING_IN};
use crate::{
    roles::is_admin,
    schema::{assessments, enrollments},
};

/// The database decides what a student who hands in twice at once is told.
pub(super) fn explain(fault: &Fault) -> Option<Error> {
    fault
        .is_unique(&["assessment_id", "student_id"])
        .then(|| conflict("handed_in", "Already handed in for this assessment"))
}

/// Refuses what the caller may not do to a submission; the refusal undoes the write.
pub(super) async fn judge(write: &After<'_, Submission>) -> Result<()> {
    let Some(new) = write.new_row() else {
        return Ok(());
    };
    match (write.action(), write.old_row()) {
        (Action::Create, _) => check_enrolled(write, new).await,
        (Action::Update, Some(old)) => {
            if !is_trusted(write.principal()) {
                check_change(write.principal(), old, new)?;
            }
            if is_moved(old, new) {
                check_enrolled(write, new).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_trusted(principal: &Principal) -> bool {
    principal.is_system() || is_admin(principal)
}

/// The student changes what was handed in, the instructor its score. Whoever is both is the student.
fn check_change(by: &Principal, old: &SubmissionGet, new: &SubmissionGet) -> Result<()> {
    let is_own = by.id() == Some(old.student_id);
    if !is_own && (is_moved(old, new) || old.content != new.content) {
        let reason = "Only the student can change what was handed in";
        return Err(Error::Forbidden(reason.into()));
    }
    if is_own && old.score != new.score {
        let reason = "Students cannot score their own submissions";
        return Err(Error::Forbidden(reason.into()));
    }
    if is_own && old.score.is_some() {
        let detail = "This submission is scored, and can no longer be changed";
        return Err(conflict("scored", detail));
    }
    Ok(())
}

fn is_moved(old: &SubmissionGet, new: &SubmissionGet) -> bool {
    (old.assessment_id, old.student_id) != (new.assessment_id, new.student_id)
}

/// Only who is enrolled in the assessment's course hands in for it.
async fn check_enrolled(write: &After<'_, Submission>, new: &SubmissionGet) -> Result<()> {
    let query = assessments::table
        .inner_join(enrollments::table.on(enrollments::course_id.eq(assessments::course_id)))
        .filter(assessments::id.eq(new.assessment_id))
        .filter(assessments::archived_at.is_null())
        .filter(enrollments::student_id.eq(new.student_id))
        .filter(enrollments::archived_at.is_null())
        .select(enrollments::id)
        .limit(1);
    let found: Vec<Uuid> = write.tx()?.fetch(query).await.map_err(Error::database)?;
    match found.is_empty() {
        false => Ok(()),
        true if is_trusted(write.principal()) => {
            let detail = "The student is not enrolled in the assessment's course";
            Err(conflict("not_enrolled", detail))
        }
        true => Err(Error::Forbidden(HANDING_IN.into())),
    }
}

fn conflict(code: &'static str, detail: &str) -> Error {
    Error::Conflict {
        code,
        detail: detail.to_owned(),
        errors: Vec::new(),
    }
}
