//! Data from outside: the Open University's records (OULAD), the catalogue alone or all of them.
//!
//! Files are read as streams and written in batches, each a transaction of its own. A wrong row is
//! reported with its file and line, and left out. An import that ended early goes on where it was, and
//! one that is repeated changes nothing.

pub mod catalogue;
mod certificates;
pub mod oulad;
mod reading;
mod report;
mod students;
mod submissions;

use crud_core::prelude::*;

use self::oulad::{
    Assessment, Material, Presentation, RowError, Source, StudentAssessment, StudentInfo,
    StudentRegistration,
};
pub use self::report::Report;
use crate::{Lms, statistics};

/// Rows of a file that become one transaction: enough to make its cost small, and few enough to hold
/// SQLite's one writer for some milliseconds only.
const BATCH: usize = 1000;

/// How many rows an import wrote.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// New courses.
    pub courses: usize,
    /// New assessments.
    pub assessments: usize,
    /// New lessons.
    pub lessons: usize,
    /// New users.
    pub users: usize,
    /// New enrollments.
    pub enrollments: usize,
    /// New certificates.
    pub certificates: usize,
    /// New submissions.
    pub submissions: usize,
}

/// An import under way.
struct Import<'a> {
    lms: &'a Lms,
    source: &'a Source,
    by: &'a Principal,
    imported: Imported,
    report: Report,
}

/// Loads all files on behalf of an administrator, who will teach new courses, and renews the courses'
/// statistics. Gives what is new, and what is wrong in the files.
///
/// # Errors
/// A file that is missing or has a wrong header, or whatever the database has; what was written before
/// it stays.
pub async fn load(
    lms: &Lms,
    source: &Source,
    by: &Principal,
) -> anyhow::Result<(Imported, Report)> {
    check(source)?;
    let mut import = Import {
        lms,
        source,
        by,
        imported: Imported::default(),
        report: Report::default(),
    };
    let catalogue = catalogue::load(lms, source, by, &mut import.report).await?;
    import.imported.courses = catalogue.new_courses;
    import.imported.assessments = catalogue.new_assessments;
    import.imported.lessons = catalogue.new_lessons;
    let students = students::load(&mut import, &catalogue).await?;
    submissions::load(&mut import, &catalogue, &students).await?;
    if import.imported != Imported::default() {
        statistics::refresh(lms.app.db(), None).await?;
    }
    Ok((import.imported, import.report))
}

/// Whether every file is there: before the first is written, not after hours.
fn check(source: &Source) -> Result<(), RowError> {
    source.rows::<Presentation>()?;
    source.rows::<Assessment>()?;
    source.rows::<Material>()?;
    source.rows::<StudentInfo>()?;
    source.rows::<StudentRegistration>()?;
    source.rows::<StudentAssessment>()?;
    Ok(())
}
