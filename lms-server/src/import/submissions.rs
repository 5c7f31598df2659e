//! Rows of `studentAssessment` become submissions, written as [`students`](super::students) are: in
//! batches of a transaction each, leaving what is there as it is.

use std::collections::HashSet;

use anyhow::{Context as _, anyhow};
use crud_core::{Tx, prelude::*};

use super::{
    BATCH, Import,
    catalogue::{Catalogue, KnownAssessment},
    oulad::StudentAssessment,
    reading::Reading,
    students::Students,
};
use crate::{Lms, accounts::Failure, entities::submission::Submission, schema::submissions};

/// Loads submissions.
///
/// # Errors
/// A file that is missing or has a wrong header, or whatever the database has; the batches before it
/// are written.
pub(super) async fn load(
    import: &mut Import<'_>,
    catalogue: &Catalogue,
    students: &Students,
) -> anyhow::Result<()> {
    let there = there(import, catalogue).await?;
    let mut rows = Reading::open(import.source, "submissions", &mut import.report)?;
    let mut seen = HashSet::new();
    let mut more = true;
    while more {
        let mut batch = Vec::new();
        more = rows.some(BATCH, |row: StudentAssessment, _| {
            let (assessment, student) = keys(&row, catalogue, students)?;
            let key = (assessment.id, student);
            if !seen.insert((row.id_assessment, row.id_student)) {
                let (student, assessment) = (row.id_student, row.id_assessment);
                return Err(format!(
                    "the student {student} has handed in for the assessment {assessment} already"
                ));
            }
            if !there.contains(&key) {
                batch.push(submission(&row, key));
            }
            Ok(())
        });
        import.imported.submissions += batch.len();
        let written = write(import.lms, import.by, batch).await;
        written.context("writing submissions")?;
    }
    rows.finish();
    Ok(())
}

/// The assessments and students of an earlier import's submissions.
async fn there(
    import: &Import<'_>,
    catalogue: &Catalogue,
) -> anyhow::Result<HashSet<(Uuid, Uuid)>> {
    let mut there = HashSet::new();
    for assessment in catalogue.assessments.values() {
        let query = submissions::table
            .filter(submissions::assessment_id.eq(assessment.id))
            .select((submissions::assessment_id, submissions::student_id));
        let found: Vec<(Uuid, Uuid)> = import.lms.app.db().fetch(query).await?;
        there.extend(found);
    }
    Ok(there)
}

/// What a row refers to, or what is wrong with that.
fn keys(
    row: &StudentAssessment,
    catalogue: &Catalogue,
    students: &Students,
) -> Result<(KnownAssessment, Uuid), String> {
    let (id_assessment, id_student) = (row.id_assessment, row.id_student);
    let Some(assessment) = catalogue.assessments.get(&id_assessment) else {
        return Err(format!("`assessments` has no assessment {id_assessment}"));
    };
    let student = students.ids.get(&id_student).copied();
    match student.filter(|id| students.enrolled.contains(&(*id, assessment.course_id))) {
        Some(student) => Ok((*assessment, student)),
        None => Err(format!(
            "the student {id_student} is not in the course of the assessment {id_assessment} by `studentInfo`"
        )),
    }
}

fn submission(
    row: &StudentAssessment,
    (assessment, student): (Uuid, Uuid),
) -> Assignments<submissions::table> {
    let mut set = Assignments::default();
    set.set(submissions::assessment_id, assessment);
    set.set(submissions::student_id, student);
    set.set(submissions::submitted_day, Some(row.date_submitted));
    set.set(submissions::is_banked, row.is_banked);
    set.set(submissions::score, row.score);
    set
}

async fn write(
    lms: &Lms,
    by: &Principal,
    batch: Vec<Assignments<submissions::table>>,
) -> anyhow::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let registry = lms.app.registry();
    let work = async move |tx: &Tx| -> Result<(), Failure> {
        let cx = Context::within(registry, tx, by);
        cx.insert_many::<Submission>(batch).await?;
        Ok(())
    };
    let written = lms.app.db().transaction(work).await;
    written.map_err(|failure| anyhow!(failure.0))
}
