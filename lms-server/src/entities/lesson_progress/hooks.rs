//! What follows from a lesson that is done.

use crud_core::prelude::*;

use super::LessonProgress;
use crate::{
    jobs::GenerateCertificate,
    schema::{enrollments, lesson_progress},
};

/// Completes the enrollment with its last lesson, which has its certificate issued, and reopens it when one is undone.
pub(super) async fn follow(write: &After<'_, LessonProgress>) -> Result<()> {
    let (Action::Update, Some(new)) = (write.action(), write.new_row()) else {
        return Ok(());
    };
    if !write.changed().contains(&"completed") {
        return Ok(());
    }
    let tx = write.tx()?;
    let this = enrollments::table.filter(enrollments::id.eq(new.enrollment_id));
    // Takes the row's lock first: of two last lessons done at once, the second sees the first.
    let touch = diesel::update(this).set((
        enrollments::version.eq(enrollments::version + 1),
        enrollments::updated_at.eq(Timestamp::now()),
        enrollments::updated_by.eq(write.principal().id()),
    ));
    tx.run(touch).await.map_err(Error::database)?;
    let query = lesson_progress::table
        .filter(lesson_progress::enrollment_id.eq(new.enrollment_id))
        .filter(lesson_progress::completed.eq(false))
        .select(lesson_progress::id)
        .limit(1);
    let open: Vec<Uuid> = tx.fetch(query).await.map_err(Error::database)?;
    if !open.is_empty() {
        let reopen = diesel::update(this).set(enrollments::completed_at.eq(None::<Timestamp>));
        tx.run(reopen).await.map_err(Error::database)?;
        return Ok(());
    }
    let not_yet = this.filter(enrollments::completed_at.is_null());
    let complete = diesel::update(not_yet).set(enrollments::completed_at.eq(Timestamp::now()));
    if tx.run(complete).await.map_err(Error::database)? == 1 {
        let certificate = GenerateCertificate {
            enrollment_id: new.enrollment_id,
        };
        write.context().enqueue(&certificate).await?;
    }
    Ok(())
}
