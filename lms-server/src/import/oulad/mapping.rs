//! What a record is called in the LMS: titles, slugs, addresses, and the `properties` of what has no field.
//!
//! The import command puts these into the entities' create DTOs. `properties` holds every source column
//! that has no field of its own, by its name in the file, with null for a missing value. The columns that
//! name the presentation have one in assessments and lessons: their course.

use crud_core::Timestamp;
use serde_json::{Value, json};

use super::{
    catalogue::{Assessment, Material, Presentation, PresentationCode},
    students::{StudentInfo, StudentRegistration},
};

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

impl PresentationCode {
    /// The course's title: `AAA 2013J`.
    pub fn title(&self) -> String {
        format!("{} {}", self.module, self.presentation)
    }

    /// The course's slug, by which the import finds it again: `aaa-2013j`.
    pub fn slug(&self) -> String {
        format!("{}-{}", self.module, self.presentation).to_ascii_lowercase()
    }

    /// What is wrong with a row of a presentation that `courses` does not have.
    pub fn unknown(&self) -> String {
        format!("`courses` has no presentation {}", self.title())
    }

    /// A day of the presentation, counted from its start. Of the start the set gives year and month: it
    /// is taken to be the month's first day.
    ///
    /// # Errors
    /// When it is outside of the years 0 to 9999.
    pub fn day(&self, day: i32) -> Result<Timestamp, String> {
        let (year, month) = self.presentation.split_at(self.presentation.len() - 1);
        let month = if month == "B" { "02" } else { "10" };
        let start: Timestamp = format!("{year}-{month}-01T00:00:00Z")
            .parse()
            .map_err(|_| format!("{} is no year", self.presentation))?;
        Timestamp::from_micros(start.micros() + i64::from(day) * DAY)
            .map_err(|_| format!("day {day} of {} is in no year from 0 to 9999", self.title()))
    }
}

impl Presentation {
    /// The course's category: the module.
    pub fn category(&self) -> &str {
        &self.code.module
    }

    /// `code_presentation` and `module_presentation_length` (days).
    pub fn properties(&self) -> Value {
        json!({
            "code_presentation": self.code.presentation,
            "module_presentation_length": self.length_days,
        })
    }
}

impl Assessment {
    /// The assessment's title: `TMA 1752`.
    pub fn title(&self) -> String {
        format!("{} {}", self.assessment_type.as_str(), self.id)
    }

    /// `id_assessment`, by which the import finds it again.
    pub fn properties(&self) -> Value {
        json!({ "id_assessment": self.id })
    }
}

impl Material {
    /// The lesson's title: `resource 546943`.
    pub fn title(&self) -> String {
        format!("{} {}", self.activity_type, self.id)
    }

    /// `id_site`, by which the import finds it again, `week_from` and `week_to`.
    pub fn properties(&self) -> Value {
        json!({ "id_site": self.id, "week_from": self.week_from, "week_to": self.week_to })
    }
}

/// Where a student's mail would go: nowhere, since the records are anonymous. The import finds students
/// again by it.
pub fn student_email(id: i32) -> String {
    format!("student-{id}@oulad.example")
}

/// What such addresses are like, in SQL.
pub fn student_email_pattern() -> &'static str {
    "student-%@oulad.example"
}

/// The student's number in such an address.
pub fn student_of(email: &str) -> Option<i32> {
    let id = email.strip_prefix("student-")?;
    id.strip_suffix("@oulad.example")?.parse().ok()
}

/// What an anonymous student is called.
pub fn student_name(id: i32) -> String {
    format!("Student {id}")
}

/// The user's properties: `id_student`. What the set says of a student, it says for each presentation,
/// and not always the same: that is the enrollment's.
pub fn student_properties(id: i32) -> Value {
    json!({ "id_student": id })
}

impl StudentInfo {
    /// The enrollment's properties: every column of `studentInfo` and `studentRegistration` but the
    /// keys and `final_result`.
    pub fn properties(&self, registration: Option<&StudentRegistration>) -> Value {
        json!({
            "gender": self.gender,
            "region": self.region,
            "highest_education": self.highest_education,
            "imd_band": self.imd_band,
            "age_band": self.age_band,
            "num_of_prev_attempts": self.num_of_prev_attempts,
            "studied_credits": self.studied_credits,
            "disability": if self.disability { "Y" } else { "N" },
            "date_registration": registration.and_then(|r| r.date_registration),
            "date_unregistration": registration.and_then(|r| r.date_unregistration),
        })
    }
}
