//! What the enrollments and submissions of a course add up to, kept in `course_statistics`.
//!
//! A schedule calls [`refresh`] for all courses; a reading that finds no figures, or old ones, renews
//! them for its course, so that they are right without the schedule too. Asks no policy: the routes do.

mod routes;

use std::time::Duration;

use crud_core::{
    Db,
    db::{DbResult, Executor, Load, Stmt},
    prelude::*,
    sql_types as st,
};

pub(crate) use self::routes::routes;
use crate::schema::course_statistics;

/// Older figures are computed anew when they are asked for: the schedule's interval.
pub const MAX_AGE: Duration = Duration::from_secs(300);

/// What the enrollments and submissions of a course add up to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, Queryable)]
pub struct CourseStatistics {
    /// The course.
    pub course_id: Uuid,
    /// Enrollments, those of students who withdrew too.
    pub enrolled: i64,
    /// Enrollments whose result is `Withdrawn`, or that were archived without a result.
    pub withdrawn: i64,
    /// Enrollments whose result is `Fail`.
    pub failed: i64,
    /// Enrollments whose result is `Pass`; distinctions are not among them.
    pub passed: i64,
    /// Enrollments whose result is `Distinction`.
    pub distinctions: i64,
    /// Submissions for the course's assessments.
    pub submissions: i64,
    /// The average of the submissions that are scored; null if none is.
    pub average_score: Option<f64>,
    /// When this was so.
    pub computed_at: Timestamp,
}

/// Computes the figures of one course, or of all, by one statement. Says how many courses that were.
///
/// # Errors
/// Whatever the database has.
pub async fn refresh(on: &dyn Executor, course: Option<Uuid>) -> DbResult<usize> {
    let within = |sql: Stmt, condition: &'static str| match course {
        Some(id) => sql.sql(condition).bind::<st::Uuid, _>(id),
        None => sql,
    };
    let sql = Stmt::new()
        .sql(
            "INSERT INTO course_statistics (course_id, enrolled, withdrawn, failed, passed, distinctions, \
             submissions, average_score, computed_at) \
             SELECT c.id, coalesce(e.enrolled, 0), coalesce(e.withdrawn, 0), coalesce(e.failed, 0), \
             coalesce(e.passed, 0), coalesce(e.distinctions, 0), coalesce(s.submissions, 0), s.average_score, ",
        )
        .bind::<st::Timestamptz, _>(Timestamp::now())
        .sql(
            " FROM courses c LEFT JOIN (SELECT course_id, count(*) AS enrolled, \
             count(*) FILTER (WHERE final_result = 'Withdrawn' \
             OR (final_result IS NULL AND archived_at IS NOT NULL)) AS withdrawn, \
             count(*) FILTER (WHERE final_result = 'Fail') AS failed, \
             count(*) FILTER (WHERE final_result = 'Pass') AS passed, \
             count(*) FILTER (WHERE final_result = 'Distinction') AS distinctions \
             FROM enrollments WHERE 1 = 1",
        );
    let sql = within(sql, " AND course_id = ").sql(
        " GROUP BY course_id) e ON e.course_id = c.id \
         LEFT JOIN (SELECT a.course_id, CAST(sum(n.submissions) AS bigint) AS submissions, \
         sum(n.total) / sum(n.scored) AS average_score \
         FROM (SELECT assessment_id, count(*) AS submissions, count(score) AS scored, sum(score) AS total \
         FROM submissions WHERE archived_at IS NULL",
    );
    // By assessment first: an index has the submissions in that order.
    let of_course = " AND assessment_id IN (SELECT id FROM assessments WHERE course_id = ";
    let sql = match course {
        Some(_) => within(sql, of_course).sql(")"),
        None => sql,
    };
    let sql = sql.sql(
        " GROUP BY assessment_id) n JOIN assessments a ON a.id = n.assessment_id \
         GROUP BY a.course_id) s ON s.course_id = c.id WHERE 1 = 1",
    );
    // In order, so that two that run at once wait for each other's rows and never for ever.
    let sql = within(sql, " AND c.id = ").sql(
        " ORDER BY c.id ON CONFLICT (course_id) DO UPDATE SET enrolled = excluded.enrolled, \
         withdrawn = excluded.withdrawn, failed = excluded.failed, passed = excluded.passed, \
         distinctions = excluded.distinctions, submissions = excluded.submissions, \
         average_score = excluded.average_score, computed_at = excluded.computed_at",
    );
    on.execute(sql).await
}

/// The figures of a course, not older than [`MAX_AGE`]; `None` if there is no such course.
///
/// # Errors
/// Whatever the database has.
pub async fn of(db: &Db, course: Uuid) -> DbResult<Option<CourseStatistics>> {
    if let Some(kept) = kept(db, course).await? {
        let age = Timestamp::now().micros() - kept.computed_at.micros();
        if u128::try_from(age).is_ok_and(|age| age <= MAX_AGE.as_micros()) {
            return Ok(Some(kept));
        }
    }
    refresh(db, Some(course)).await?;
    kept(db, course).await
}

async fn kept(db: &Db, course: Uuid) -> DbResult<Option<CourseStatistics>> {
    let query = course_statistics::table.filter(course_statistics::course_id.eq(course));
    let found: Vec<CourseStatistics> = db.fetch(query).await?;
    Ok(found.into_iter().next())
}
