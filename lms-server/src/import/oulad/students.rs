//! The records about students: who takes a presentation, from when to when, and what they submit.
//!
//! They hold every column of `studentInfo`, `studentRegistration` and `studentAssessment`. The files are
//! long (up to 173,912 rows), so read them as a stream.

use super::catalogue::{DAYS, IDS, PresentationCode};
use super::row::{Record, Row};

/// How a student's presentation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalResult {
    /// Passed.
    Pass,
    /// Passed with distinction.
    Distinction,
    /// Failed.
    Fail,
    /// Left before the end.
    Withdrawn,
}

impl FinalResult {
    const CHOICES: [(&'static str, Self); 4] = [
        ("Pass", Self::Pass),
        ("Distinction", Self::Distinction),
        ("Fail", Self::Fail),
        ("Withdrawn", Self::Withdrawn),
    ];

    /// As the files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Distinction => "Distinction",
            Self::Fail => "Fail",
            Self::Withdrawn => "Withdrawn",
        }
    }

    /// Whether the student gets a certificate.
    pub fn is_passed(self) -> bool {
        matches!(self, Self::Pass | Self::Distinction)
    }
}

/// A row of `studentInfo`: a student in a presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentInfo {
    /// The presentation.
    pub code: PresentationCode,
    /// `id_student`, the same in every presentation that the student takes.
    pub id_student: i32,
    /// `M` or `F`.
    pub gender: String,
    /// Where the student lives.
    pub region: String,
    /// The highest education on entry.
    pub highest_education: String,
    /// The band of the Index of Multiple Deprivation, such as `20-30%`; the files also write `10-20`.
    pub imd_band: Option<String>,
    /// `0-35`, `35-55` or `55<=`.
    pub age_band: String,
    /// How often the student has tried this module before.
    pub num_of_prev_attempts: i32,
    /// The credits of all modules that the student takes at the time.
    pub studied_credits: i32,
    /// Whether the student has declared a disability.
    pub disability: bool,
    /// How it ended.
    pub final_result: FinalResult,
}

impl Record for StudentInfo {
    const TABLE: &'static str = "studentInfo";
    const COLUMNS: &'static [&'static str] = &[
        "code_module",
        "code_presentation",
        "id_student",
        "gender",
        "region",
        "highest_education",
        "imd_band",
        "age_band",
        "num_of_prev_attempts",
        "studied_credits",
        "disability",
        "final_result",
    ];

    fn read(row: &Row<'_>) -> Result<Self, String> {
        Ok(Self {
            code: PresentationCode::read(row)?,
            id_student: row.number("id_student", IDS)?,
            gender: row.text("gender", 100)?,
            region: row.text("region", 100)?,
            highest_education: row.text("highest_education", 100)?,
            imd_band: row.optional_text("imd_band", 100)?,
            age_band: row.text("age_band", 100)?,
            num_of_prev_attempts: row.number("num_of_prev_attempts", 0..=1_000)?,
            studied_credits: row.number("studied_credits", 0..=100_000)?,
            disability: row.choice("disability", &[("Y", true), ("N", false)])?,
            final_result: row.choice("final_result", &FinalResult::CHOICES)?,
        })
    }
}

/// A row of `studentRegistration`: when a student registered for a presentation and left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudentRegistration {
    /// The presentation.
    pub code: PresentationCode,
    /// The student.
    pub id_student: i32,
    /// The day of registration, counted from the start; unknown for some.
    pub date_registration: Option<i32>,
    /// The day the student left; none for those who stayed.
    pub date_unregistration: Option<i32>,
}

impl Record for StudentRegistration {
    const TABLE: &'static str = "studentRegistration";
    const COLUMNS: &'static [&'static str] = &[
        "code_module",
        "code_presentation",
        "id_student",
        "date_registration",
        "date_unregistration",
    ];

    fn read(row: &Row<'_>) -> Result<Self, String> {
        Ok(Self {
            code: PresentationCode::read(row)?,
            id_student: row.number("id_student", IDS)?,
            date_registration: row.optional_number("date_registration", DAYS)?,
            date_unregistration: row.optional_number("date_unregistration", DAYS)?,
        })
    }
}

/// A row of `studentAssessment`: what a student handed in for an assessment.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentAssessment {
    /// The assessment, which tells the presentation.
    pub id_assessment: i32,
    /// The student.
    pub id_student: i32,
    /// The day it was handed in, counted from the start.
    pub date_submitted: i32,
    /// Whether the result is carried over from an earlier presentation.
    pub is_banked: bool,
    /// 0 to 100; missing for some.
    pub score: Option<f64>,
}

impl Record for StudentAssessment {
    const TABLE: &'static str = "studentAssessment";
    const COLUMNS: &'static [&'static str] = &[
        "id_assessment",
        "id_student",
        "date_submitted",
        "is_banked",
        "score",
    ];

    fn read(row: &Row<'_>) -> Result<Self, String> {
        Ok(Self {
            id_assessment: row.number("id_assessment", IDS)?,
            id_student: row.number("id_student", IDS)?,
            date_submitted: row.number("date_submitted", DAYS)?,
            is_banked: row.choice("is_banked", &[("1", true), ("0", false)])?,
            score: row.optional_number("score", 0.0..=100.0)?,
        })
    }
}
