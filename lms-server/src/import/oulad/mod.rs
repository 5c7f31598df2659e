//! Readers of the Open University Learning Analytics Dataset (OULAD).
//!
//! [`Source::rows`] opens one table, from the binary or from a folder, and yields its typed records one
//! by one; `mapping` says what a record is called in the LMS. The import command and the demo data use
//! it. Nothing here knows a database or an entity: it reads, checks and names.

mod catalogue;
mod mapping;
mod row;
mod rows;
mod source;
mod students;
#[cfg(test)]
mod tests;

pub use catalogue::{Assessment, AssessmentType, Material, Presentation, PresentationCode};
pub use mapping::{
    student_email, student_email_pattern, student_name, student_of, student_properties,
};
pub use row::{Record, Row};
pub use rows::{RowError, Rows};
pub use source::Source;
pub use students::{FinalResult, StudentAssessment, StudentInfo, StudentRegistration};
