//! The records of the catalogue: presentations, assessments and learning material.
//!
//! They hold every column of `courses`, `assessments` and `vle`; what they become is in `mapping`.

use super::row::{Record, Row, wrong};

/// The days and weeks that are believed; real ones stay far inside.
pub(super) const DAYS: std::ops::RangeInclusive<i32> = -10_000..=10_000;
/// The numbers by which the set names students, assessments and material.
pub(super) const IDS: std::ops::RangeInclusive<i32> = 1..=i32::MAX;

/// Which presentation of which module: the key of a course in every table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PresentationCode {
    /// The module, such as `AAA`: ASCII letters and digits.
    pub module: String,
    /// The year and the month it starts in, such as `2013J`: B for February, J for October.
    pub presentation: String,
}

impl PresentationCode {
    /// Reads `code_module` and `code_presentation`.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, String> {
        let module = row.text("code_module", 100)?;
        if !module.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(wrong(
                "code_module",
                &module,
                "letters and digits of ASCII, such as AAA",
            ));
        }
        let presentation = row.text("code_presentation", 100)?;
        match presentation.as_bytes() {
            [year @ .., b'B' | b'J'] if year.len() == 4 && year.iter().all(u8::is_ascii_digit) => {}
            _ => {
                return Err(wrong(
                    "code_presentation",
                    &presentation,
                    "a year and B or J, such as 2013J",
                ));
            }
        }
        Ok(Self {
            module,
            presentation,
        })
    }
}

/// A row of `courses`: one presentation of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Presentation {
    /// Its key.
    pub code: PresentationCode,
    /// `module_presentation_length`, in days.
    pub length_days: i32,
}

impl Record for Presentation {
    const TABLE: &'static str = "courses";
    const COLUMNS: &'static [&'static str] = &[
        "code_module",
        "code_presentation",
        "module_presentation_length",
    ];

    fn read(row: &Row<'_>) -> Result<Self, String> {
        Ok(Self {
            code: PresentationCode::read(row)?,
            length_days: row.number("module_presentation_length", 1..=*DAYS.end())?,
        })
    }
}

/// How an assessment is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssessmentType {
    /// Tutor marked.
    Tma,
    /// Computer marked.
    Cma,
    /// The final exam.
    Exam,
}

impl AssessmentType {
    const CHOICES: [(&'static str, Self); 3] =
        [("TMA", Self::Tma), ("CMA", Self::Cma), ("Exam", Self::Exam)];

    /// As the files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tma => "TMA",
            Self::Cma => "CMA",
            Self::Exam => "Exam",
        }
    }
}

/// A row of `assessments`: one assessment of a presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The presentation it belongs to.
    pub code: PresentationCode,
    /// `id_assessment`, unique in the set.
    pub id: i32,
    /// `assessment_type`.
    pub assessment_type: AssessmentType,
    /// `date`: the day it is due, counted from the start; unknown for some exams.
    pub due_day: Option<i32>,
    /// The share of the final mark in percent, 0 to 100.
    pub weight: f64,
}

impl Record for Assessment {
    const TABLE: &'static str = "assessments";
    const COLUMNS: &'static [&'static str] = &[
        "code_module",
        "code_presentation",
        "id_assessment",
        "assessment_type",
        "date",
        "weight",
    ];

    fn read(row: &Row<'_>) -> Result<Self, String> {
        Ok(Self {
            code: PresentationCode::read(row)?,
            id: row.number("id_assessment", IDS)?,
            assessment_type: row.choice("assessment_type", &AssessmentType::CHOICES)?,
            due_day: row.optional_number("date", DAYS)?,
            weight: row.number("weight", 0.0..=100.0)?,
        })
    }
}

/// A row of `vle`: one piece of learning material of a presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// The presentation it belongs to.
    pub code: PresentationCode,
    /// `id_site`, unique in the set.
    pub id: i32,
    /// What it is, such as `resource` or `quiz`.
    pub activity_type: String,
    /// The week from which it is meant to be used.
    pub week_from: Option<i32>,
    /// The week until which it is meant to be used.
    pub week_to: Option<i32>,
    /// Its place in the file, from 1.
    pub position: i32,
}

impl Record for Material {
    const TABLE: &'static str = "vle";
    const COLUMNS: &'static [&'static str] = &[
        "id_site",
        "code_module",
        "code_presentation",
        "activity_type",
        "week_from",
        "week_to",
    ];

    fn read(row: &Row<'_>) -> Result<Self, String> {
        Ok(Self {
            code: PresentationCode::read(row)?,
            id: row.number("id_site", IDS)?,
            activity_type: row.text("activity_type", 50)?,
            week_from: row.optional_number("week_from", DAYS)?,
            week_to: row.optional_number("week_to", DAYS)?,
            position: row.position(),
        })
    }
}
