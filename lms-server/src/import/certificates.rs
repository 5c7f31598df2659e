//! The certificates of who passed, as rows: an import sends no mail and draws no document.

use crud_core::prelude::*;

use super::{
    oulad::{student_email, student_name},
    students::New,
};
use crate::{entities::certificate::new_code, schema::certificates};

/// The certificate of a new enrollment, issued at the end of the presentation.
///
/// # Errors
/// 500 when there is no randomness to be had.
pub(super) fn certificate(
    new: &New,
    enrollment: Uuid,
    by: &Principal,
) -> Result<Assignments<certificates::table>> {
    let now = Timestamp::now();
    let mut set = Assignments::default();
    set.set(certificates::id, Uuid::now_v7());
    set.set(certificates::enrollment_id, enrollment);
    set.set(certificates::user_email, student_email(new.id_student));
    set.set(certificates::recipient_name, student_name(new.id_student));
    set.set(certificates::course_title, new.course_title.clone());
    set.set(certificates::result, Some(new.result.as_str()));
    set.set(certificates::code, new_code()?);
    set.set(certificates::issued_at, new.ended_at);
    set.set(certificates::created_at, now);
    set.set(certificates::updated_at, now);
    set.set(certificates::created_by, by.id());
    set.set(certificates::updated_by, by.id());
    Ok(set)
}
