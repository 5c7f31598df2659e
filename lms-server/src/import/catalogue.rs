//! The catalogue of the Open University: presentations become courses, their assessments and material
//! become theirs.
//!
//! All of it through the entities' own operations, in one transaction; what is there
//! already stays as it is.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result, anyhow};
use crud_core::{Context, Tx, db::Load, prelude::*};

use super::oulad::{Assessment as AssessmentRow, Material, Presentation, PresentationCode, Source};
use crate::{
    Lms,
    accounts::Failure,
    entities::{
        assessment::{Assessment, AssessmentCreate},
        course::{Course, CourseCreate},
        lesson::{Lesson, LessonCreate},
    },
    progress::Progress,
    schema::{assessments, courses, lessons},
};

/// How many rows an import wrote.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// New courses.
    pub courses: usize,
    /// New assessments.
    pub assessments: usize,
    /// New lessons.
    pub lessons: usize,
}

/// Loads the catalogue on behalf of the one who will teach its courses.
///
/// # Errors
/// The first wrong row, with its file and line, or whatever the database has. Nothing is written then.
pub async fn load(lms: &Lms, source: &Source, by: &Principal) -> Result<Imported> {
    let presentations = read::<Presentation>(source)?;
    let assessments = read::<AssessmentRow>(source)?;
    let materials = read::<Material>(source)?;
    let registry = lms.app.registry();
    let work = async move |tx: &Tx| -> Result<Imported, Failure> {
        let cx = Context::within(registry, tx, by);
        let (known, new_courses) = add_courses(&cx, tx, &presentations).await?;
        Ok(Imported {
            courses: new_courses,
            assessments: add_assessments(&cx, tx, &known, &assessments).await?,
            lessons: add_lessons(&cx, tx, &known, &materials).await?,
        })
    };
    let imported = lms.app.db().transaction(work).await;
    imported
        .map_err(|failure| anyhow!(failure.0))
        .context("loading the catalogue")
}

fn read<R: super::oulad::Record>(source: &Source) -> Result<Vec<R>> {
    source.rows::<R>()?.map(|row| Ok(row?)).collect()
}

/// The courses by their key.
type Courses = HashMap<PresentationCode, Uuid>;

async fn add_courses(
    cx: &Context<'_>,
    tx: &Tx,
    presentations: &[Presentation],
) -> Result<(Courses, usize), Failure> {
    let query = courses::table
        .filter(courses::archived_at.is_null())
        .select((courses::slug, courses::id));
    let found: Vec<(String, Uuid)> = tx.fetch(query).await?;
    let by_slug: HashMap<_, _> = found.into_iter().collect();
    let (mut known, mut new) = (Courses::new(), 0);
    let mut progress = Progress::new("courses", presentations.len() as u64);
    for row in presentations {
        progress.step();
        let id = match by_slug.get(&row.code.slug()) {
            Some(id) => *id,
            None => {
                new += 1;
                cx.create::<Course>(course(row)).await?.id
            }
        };
        known.insert(row.code.clone(), id);
    }
    progress.finish();
    Ok((known, new))
}

fn course(row: &Presentation) -> CourseCreate {
    CourseCreate {
        title: row.code.title(),
        slug: Some(row.code.slug()),
        description: None,
        category: Some(row.category().to_owned()),
        difficulty_level: None,
        is_published: true,
        thumbnail_url: None,
        estimated_duration_minutes: None,
        metadata: None,
        properties: json(&row.properties()),
    }
}

async fn add_assessments(
    cx: &Context<'_>,
    tx: &Tx,
    known: &Courses,
    rows: &[AssessmentRow],
) -> Result<usize, Failure> {
    let query = assessments::table.select((assessments::course_id, assessments::title));
    let found: Vec<(Uuid, String)> = tx.fetch(query).await?;
    let there: HashSet<_> = found.into_iter().collect();
    let mut new = 0;
    let mut progress = Progress::new("assessments", rows.len() as u64);
    for row in rows {
        progress.step();
        let course_id = course_of(known, &row.code)?;
        if there.contains(&(course_id, row.title())) {
            continue;
        }
        new += 1;
        let assessment = AssessmentCreate {
            course_id,
            title: row.title(),
            assessment_type: row.assessment_type.as_str().to_owned(),
            due_day: row.due_day,
            weight: row.weight,
            properties: json(&row.properties()),
        };
        cx.create::<Assessment>(assessment).await?;
    }
    progress.finish();
    Ok(new)
}

async fn add_lessons(
    cx: &Context<'_>,
    tx: &Tx,
    known: &Courses,
    rows: &[Material],
) -> Result<usize, Failure> {
    let query = lessons::table.select((lessons::course_id, lessons::title));
    let found: Vec<(Uuid, String)> = tx.fetch(query).await?;
    let there: HashSet<_> = found.into_iter().collect();
    let mut new = 0;
    let mut progress = Progress::new("lessons", rows.len() as u64);
    for row in rows {
        progress.step();
        let course_id = course_of(known, &row.code)?;
        if there.contains(&(course_id, row.title())) {
            continue;
        }
        new += 1;
        let lesson = LessonCreate {
            course_id,
            module_id: None,
            title: row.title(),
            content_type: row.activity_type.clone(),
            content: None,
            video_url: None,
            duration_minutes: None,
            order: row.position,
            metadata: None,
            properties: json(&row.properties()),
        };
        cx.create::<Lesson>(lesson).await?;
    }
    progress.finish();
    Ok(new)
}

fn course_of(known: &Courses, code: &PresentationCode) -> Result<Uuid, Failure> {
    known.get(code).copied().ok_or_else(|| {
        let detail = format!("`courses` has no presentation {}", code.title());
        Failure(Error::invalid("", "unknown_presentation", detail))
    })
}

fn json(value: &serde_json::Value) -> Option<Json> {
    Json::from_value(value).ok()
}
