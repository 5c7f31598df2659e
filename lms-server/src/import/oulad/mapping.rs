//! What a catalogue record is called in the LMS: titles, slugs, and the `properties` of what has no field.
//!
//! The import command puts these into the entities' create DTOs. `properties` holds every source column
//! that has no field of its own, by its name in the file, with null for a missing value. The columns that
//! name the presentation have one in assessments and lessons: their course.

use serde_json::{Value, json};

use super::catalogue::{Assessment, Material, Presentation, PresentationCode};

impl PresentationCode {
    /// The course's title: `AAA 2013J`.
    pub fn title(&self) -> String {
        format!("{} {}", self.module, self.presentation)
    }

    /// The course's slug, by which the import finds it again: `aaa-2013j`.
    pub fn slug(&self) -> String {
        format!("{}-{}", self.module, self.presentation).to_ascii_lowercase()
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
