//! The rules of enrolling, and what follows from it.

use crud_core::prelude::*;

use super::{Enrollment, EnrollmentGet};
use crate::{
    entities::lesson_progress::{LessonProgress, LessonProgressCreate},
    schema::{courses, lessons},
};

/// The database decides what two students who enroll at once would both be told.
pub(super) fn explain(fault: &Fault) -> Option<Error> {
    match fault {
        _ if fault.is_unique(&["student_id", "course_id"]) => Some(Error::conflict(
            "enrolled",
            "Already enrolled in this course",
        )),
        Fault::ForeignKey { columns } if !columns.iter().any(|c| c == "student_id") => {
            Some(no_course())
        }
        _ => None,
    }
}

/// Only a published course can be enrolled in; then every lesson gets its progress row.
pub(super) async fn follow(write: &After<'_, Enrollment>) -> Result<()> {
    let (Action::Create, Some(new)) = (write.action(), write.new_row()) else {
        return Ok(());
    };
    check_course(write, new).await?;
    let query = lessons::table
        .filter(lessons::course_id.eq(new.course_id))
        .filter(lessons::archived_at.is_null())
        .select(lessons::id);
    let lessons: Vec<Uuid> = write.tx()?.fetch(query).await.map_err(Error::database)?;
    for lesson_id in lessons {
        let progress = LessonProgressCreate {
            enrollment_id: new.id,
            lesson_id,
            properties: None,
        };
        write.system().create::<LessonProgress>(progress).await?;
    }
    Ok(())
}

async fn check_course(write: &After<'_, Enrollment>, new: &EnrollmentGet) -> Result<()> {
    let query = courses::table
        .filter(courses::id.eq(new.course_id))
        .select((courses::is_published, courses::archived_at.is_null()));
    let found: Vec<(bool, bool)> = write.tx()?.fetch(query).await.map_err(Error::database)?;
    match found.first() {
        Some((true, true)) => Ok(()),
        Some((false, true)) => {
            let detail = "Cannot enroll in unpublished course";
            Err(Error::conflict("unpublished", detail))
        }
        Some((_, false)) | None => Err(no_course()),
    }
}

fn no_course() -> Error {
    Error::NotFound("Course not found".to_owned())
}
