//! The catalogue of the Open University: presentations become courses, their assessments and material
//! become theirs.
//!
//! All of it through the entities' own operations, in one transaction; what is there already stays as
//! it is. Gives back what students' records refer to.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result, anyhow};
use crud_core::{Context, Tx, prelude::*};

use super::{
    oulad::{Assessment as AssessmentRow, Material, Presentation, PresentationCode, Source},
    reading::Reading,
    report::Report,
};
use crate::{
    Lms,
    accounts::Failure,
    entities::{
        assessment::{Assessment, AssessmentCreate},
        course::{Course, CourseCreate},
        lesson::{Lesson, LessonCreate},
    },
    schema::{assessments, courses, lessons},
};

/// The catalogue as it is in the database, and how much of it is new.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The courses, by their key in the files.
    pub(super) courses: HashMap<PresentationCode, KnownCourse>,
    /// The assessments, by their number in the files.
    pub(super) assessments: HashMap<i32, KnownAssessment>,
    /// New courses.
    pub new_courses: usize,
    /// New assessments.
    pub new_assessments: usize,
    /// New lessons.
    pub new_lessons: usize,
}

/// A course that students' records refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownCourse {
    pub(super) id: Uuid,
    pub(super) length_days: i32,
}

/// An assessment that students' records refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownAssessment {
    pub(super) id: Uuid,
    pub(super) course_id: Uuid,
}

impl Catalogue {
    /// The course of a presentation.
    ///
    /// # Errors
    /// The sentence that `courses` has none.
    pub(super) fn course(&self, code: &PresentationCode) -> Result<KnownCourse, String> {
        self.courses
            .get(code)
            .copied()
            .ok_or_else(|| code.unknown())
    }
}

/// Loads the catalogue on behalf of the one who will teach its courses. Wrong rows are left out.
///
/// # Errors
/// A file that is missing or has a wrong header, or whatever the database has. Nothing is written then.
pub async fn load(
    lms: &Lms,
    source: &Source,
    by: &Principal,
    report: &mut Report,
) -> Result<Catalogue> {
    let files = Files::read(source, report)?;
    let registry = lms.app.registry();
    let work = async move |tx: &Tx| -> Result<Catalogue, Failure> {
        let cx = Context::within(registry, tx, by);
        let mut catalogue = Catalogue::default();
        add_courses(&cx, tx, &mut catalogue, &files.presentations).await?;
        add_assessments(&cx, tx, &mut catalogue, &files.assessments).await?;
        add_lessons(&cx, tx, &mut catalogue, &files.materials).await?;
        Ok(catalogue)
    };
    let loaded = lms.app.db().transaction(work).await;
    loaded
        .map_err(|failure| anyhow!(failure.0))
        .context("loading the catalogue")
}

/// The rows of the three files that are right, by themselves and with each other.
#[derive(Default)]
struct Files {
    presentations: Vec<Presentation>,
    assessments: Vec<AssessmentRow>,
    materials: Vec<Material>,
}

impl Files {
    fn read(source: &Source, report: &mut Report) -> Result<Self> {
        let mut files = Self::default();
        let mut known = HashSet::new();
        let rows = Reading::open(source, "courses", report)?;
        rows.all(|row: Presentation, _| {
            if !known.insert(row.code.clone()) {
                return Err(format!("{} is in the file twice", row.code.title()));
            }
            files.presentations.push(row);
            Ok(())
        });
        let there = |code: &PresentationCode| match known.contains(code) {
            true => Ok(()),
            false => Err(code.unknown()),
        };
        let mut seen = HashSet::new();
        let rows = Reading::open(source, "assessments", report)?;
        rows.all(|row: AssessmentRow, _| {
            there(&row.code)?;
            if !seen.insert(row.id) {
                return Err(format!("the assessment {} is in the file twice", row.id));
            }
            files.assessments.push(row);
            Ok(())
        });
        seen.clear();
        let rows = Reading::open(source, "lessons", report)?;
        rows.all(|row: Material, _| {
            there(&row.code)?;
            if !seen.insert(row.id) {
                return Err(format!("the material {} is in the file twice", row.id));
            }
            files.materials.push(row);
            Ok(())
        });
        Ok(files)
    }
}

async fn add_courses(
    cx: &Context<'_>,
    tx: &Tx,
    catalogue: &mut Catalogue,
    rows: &[Presentation],
) -> Result<(), Failure> {
    let query = courses::table
        .filter(courses::archived_at.is_null())
        .select((courses::slug, courses::id));
    let found: Vec<(String, Uuid)> = tx.fetch(query).await?;
    let mut by_slug: HashMap<_, _> = found.into_iter().collect();
    let is_new = |row: &&Presentation| !by_slug.contains_key(&row.code.slug());
    let new: Vec<_> = rows.iter().filter(is_new).map(course).collect();
    catalogue.new_courses = new.len();
    let made = cx.create_many::<Course>(new).await?;
    by_slug.extend(made.into_iter().map(|course| (course.slug, course.id)));
    for row in rows {
        if let Some(id) = by_slug.get(&row.code.slug()) {
            let course = KnownCourse {
                id: *id,
                length_days: row.length_days,
            };
            catalogue.courses.insert(row.code.clone(), course);
        }
    }
    Ok(())
}

fn course(row: &Presentation) -> CourseCreate {
    CourseCreate {
        slug: Some(row.code.slug()),
        category: Some(row.category().to_owned()),
        is_published: true,
        properties: json(&row.properties()),
        ..CourseCreate::new(row.code.title())
    }
}

async fn add_assessments(
    cx: &Context<'_>,
    tx: &Tx,
    catalogue: &mut Catalogue,
    rows: &[AssessmentRow],
) -> Result<(), Failure> {
    let query = assessments::table.select((
        (assessments::course_id, assessments::title),
        assessments::id,
    ));
    let found: Vec<((Uuid, String), Uuid)> = tx.fetch(query).await?;
    let mut there: HashMap<_, _> = found.into_iter().collect();
    let mut new = Vec::new();
    for row in rows {
        let Some(course) = catalogue.courses.get(&row.code) else {
            continue;
        };
        if !there.contains_key(&(course.id, row.title())) {
            new.push(assessment(course.id, row));
        }
    }
    catalogue.new_assessments = new.len();
    let made = cx.create_many::<Assessment>(new).await?;
    there.extend(made.into_iter().map(|a| ((a.course_id, a.title), a.id)));
    for row in rows {
        let course = catalogue.courses.get(&row.code);
        let found = course.and_then(|course| {
            let id = *there.get(&(course.id, row.title()))?;
            let course_id = course.id;
            Some(KnownAssessment { id, course_id })
        });
        catalogue
            .assessments
            .extend(found.map(|found| (row.id, found)));
    }
    Ok(())
}

fn assessment(course_id: Uuid, row: &AssessmentRow) -> AssessmentCreate {
    AssessmentCreate {
        course_id,
        title: row.title(),
        assessment_type: row.assessment_type.as_str().to_owned(),
        due_day: row.due_day,
        weight: row.weight,
        properties: json(&row.properties()),
    }
}

async fn add_lessons(
    cx: &Context<'_>,
    tx: &Tx,
    catalogue: &mut Catalogue,
    rows: &[Material],
) -> Result<(), Failure> {
    let query = lessons::table.select((lessons::course_id, lessons::title));
    let found: Vec<(Uuid, String)> = tx.fetch(query).await?;
    let there: HashSet<_> = found.into_iter().collect();
    let mut new = Vec::new();
    for row in rows {
        let Some(course) = catalogue.courses.get(&row.code) else {
            continue;
        };
        if !there.contains(&(course.id, row.title())) {
            new.push(lesson(course.id, row));
        }
    }
    catalogue.new_lessons = new.len();
    cx.create_many::<Lesson>(new).await?;
    Ok(())
}

fn lesson(course_id: Uuid, row: &Material) -> LessonCreate {
    LessonCreate {
        properties: json(&row.properties()),
        ..LessonCreate::new(
            course_id,
            row.title(),
            row.activity_type.clone(),
            row.position,
        )
    }
}

pub(super) fn json(value: &serde_json::Value) -> Option<Json> {
    Json::from_value(value).ok()
}
