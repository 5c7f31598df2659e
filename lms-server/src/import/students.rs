//! Students become users, and `studentInfo` with `studentRegistration` their enrollments; who passed
//! gets a certificate.
//!
//! Rows are written as they are read, each batch in a transaction of its own: an import that was killed
//! goes on where it was, for what is there is found again (students by their address, enrollments by
//! student and course) and stays as it is. An enrollment and its certificate are of one transaction.
//!
//! No progress rows are made. The files do not say which lessons a student did; a row for each lesson
//! of each enrollment would be some nine million rows that say nothing.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use anyhow::{Context as _, anyhow};
use crud_core::{Tx, prelude::*};

use super::{
    BATCH, Import,
    catalogue::{Catalogue, KnownCourse, json},
    certificates::certificate,
    oulad::{
        FinalResult, RowError, StudentInfo, StudentRegistration, student_email,
        student_email_pattern, student_name, student_of, student_properties,
    },
    reading::Reading,
};
use crate::{
    Lms,
    accounts::Failure,
    entities::{certificate::Certificate, enrollment::Enrollment, user::User},
    roles::Role,
    schema::{enrollments, users},
};

/// The students in the database.
#[derive(Default)]
pub(super) struct Students {
    /// Users, by the student's number.
    pub(super) ids: HashMap<i32, Uuid>,
    /// Students and courses: they are, or were, in.
    pub(super) enrolled: HashSet<(Uuid, Uuid)>,
}

/// A new enrollment on its way into the database.
pub(super) struct New {
    pub(super) id_student: i32,
    course_id: Uuid,
    pub(super) course_title: String,
    enrolled_at: Timestamp,
    /// When the presentation was over.
    pub(super) ended_at: Timestamp,
    archived_at: Option<Timestamp>,
    pub(super) result: FinalResult,
    properties: Option<Json>,
}

/// What a batch of `studentInfo` adds.
#[derive(Default)]
struct Batch {
    users: Vec<i32>,
    enrollments: Vec<New>,
}

/// Loads users, enrollments and certificates.
///
/// # Errors
/// A file that is missing or has a wrong header, or whatever the database has; the batches before it
/// are written.
pub(super) async fn load(
    import: &mut Import<'_>,
    catalogue: &Catalogue,
) -> anyhow::Result<Students> {
    let mut registered = Registrations::read(import, catalogue)?;
    let mut students = Students::there(import, catalogue).await?;
    let mut rows = Reading::<StudentInfo>::open(import.source, "students", &mut import.report)?;
    let mut seen = HashSet::new();
    let mut more = true;
    while more {
        let mut batch = Batch::default();
        more = rows.some(BATCH, |row, _| {
            let course = catalogue.course(&row.code)?;
            if !seen.insert((row.id_student, course.id)) {
                let (id, title) = (row.id_student, row.code.title());
                return Err(format!("the student {id} is in {title} twice"));
            }
            let registration = registered.take(row.id_student, course.id);
            students.miss(row, registration, course, &mut batch)
        });
        let written = write(import.lms, import.by, &students, &batch).await;
        let new_users = written.context("writing students")?;
        import.imported.users += new_users.len();
        import.imported.enrollments += batch.enrollments.len();
        let passed = batch
            .enrollments
            .iter()
            .filter(|new| new.result.is_passed());
        import.imported.certificates += passed.count();
        students.learn(batch, new_users);
    }
    registered
        .rest()
        .into_iter()
        .for_each(|fault| rows.tell(fault));
    rows.finish();
    Ok(students)
}

/// The rows of `studentRegistration` whose student and course have not been met yet, with their lines.
struct Registrations {
    file: String,
    rows: HashMap<(i32, Uuid), (StudentRegistration, u64)>,
}

impl Registrations {
    fn read(import: &mut Import<'_>, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let rows = Reading::open(import.source, "registrations", &mut import.report)?;
        let mut known = HashMap::new();
        let file = rows.all(|row: StudentRegistration, line| {
            let course = catalogue.course(&row.code)?;
            let (id, title) = (row.id_student, row.code.title());
            match known.entry((id, course.id)) {
                Entry::Occupied(_) => Err(format!("the student {id} is in {title} twice")),
                Entry::Vacant(free) => {
                    free.insert((row, line));
                    Ok(())
                }
            }
        });
        Ok(Self { file, rows: known })
    }

    fn take(&mut self, id_student: i32, course: Uuid) -> Option<StudentRegistration> {
        self.rows.remove(&(id_student, course)).map(|(row, _)| row)
    }

    /// What is wrong with the rows that are left.
    fn rest(self) -> Vec<RowError> {
        let mut faults: Vec<_> = self.rows.into_values().collect();
        faults.sort_unstable_by_key(|(_, line)| *line);
        let fault = |(row, line): (StudentRegistration, u64)| RowError {
            file: self.file.clone(),
            line: Some(line),
            message: format!(
                "the student {} is not in {} by `studentInfo`",
                row.id_student,
                row.code.title()
            ),
        };
        faults.into_iter().map(fault).collect()
    }
}

impl Students {
    /// The students and enrollments that an earlier import has written.
    async fn there(import: &Import<'_>, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let db = import.lms.app.db();
        let mut students = Self::default();
        let query = users::table
            .filter(users::email.like(student_email_pattern()))
            .select((users::email, users::id));
        let found: Vec<(String, Uuid)> = db.fetch(query).await?;
        let known = found
            .iter()
            .filter_map(|(email, id)| Some((student_of(email)?, *id)));
        students.ids.extend(known);
        for course in catalogue.courses.values() {
            let query = enrollments::table
                .filter(enrollments::course_id.eq(course.id))
                .select((enrollments::student_id, enrollments::course_id));
            let found: Vec<(Uuid, Uuid)> = db.fetch(query).await?;
            students.enrolled.extend(found);
        }
        Ok(students)
    }

    /// Adds to the batch what a row has and the database has not.
    fn miss(
        &self,
        row: StudentInfo,
        registration: Option<StudentRegistration>,
        course: KnownCourse,
        batch: &mut Batch,
    ) -> Result<(), String> {
        match self.ids.get(&row.id_student) {
            Some(id) if self.enrolled.contains(&(*id, course.id)) => return Ok(()),
            Some(_) => {}
            None if batch.users.contains(&row.id_student) => {}
            None => batch.users.push(row.id_student),
        }
        batch.enrollments.push(New::of(&row, registration, course)?);
        Ok(())
    }

    /// Takes note of what was written.
    fn learn(&mut self, batch: Batch, users: Vec<Uuid>) {
        self.ids.extend(batch.users.into_iter().zip(users));
        for new in batch.enrollments {
            let student = self.ids.get(&new.id_student);
            let enrolled = student.map(|student| (*student, new.course_id));
            self.enrolled.extend(enrolled);
        }
    }
}

impl New {
    fn of(
        row: &StudentInfo,
        registration: Option<StudentRegistration>,
        course: KnownCourse,
    ) -> Result<Self, String> {
        let code = &row.code;
        let (registered, left) = registration.as_ref().map_or((None, None), |r| {
            (r.date_registration, r.date_unregistration)
        });
        let is_withdrawn = row.final_result == FinalResult::Withdrawn;
        let left = left.unwrap_or(course.length_days);
        Ok(Self {
            id_student: row.id_student,
            course_id: course.id,
            course_title: code.title(),
            enrolled_at: code.day(registered.unwrap_or_default())?,
            ended_at: code.day(course.length_days)?,
            archived_at: is_withdrawn.then(|| code.day(left)).transpose()?,
            result: row.final_result,
            properties: json(&row.properties(registration.as_ref())),
        })
    }
}

/// Writes a batch in one transaction; gives the ids of its new users.
async fn write(
    lms: &Lms,
    by: &Principal,
    students: &Students,
    batch: &Batch,
) -> anyhow::Result<Vec<Uuid>> {
    if batch.enrollments.is_empty() {
        return Ok(Vec::new());
    }
    let registry = lms.app.registry();
    let work = async move |tx: &Tx| -> Result<Vec<Uuid>, Failure> {
        let cx = Context::within(registry, tx, by);
        let new_users = batch.users.iter().map(|id| user(*id)).collect();
        let new_users = cx.insert_many::<User>(new_users).await?;
        let fresh: HashMap<_, _> = batch.users.iter().zip(&new_users).collect();
        let student = |new: &New| {
            let known = students.ids.get(&new.id_student);
            let known = known.or(fresh.get(&new.id_student).copied());
            known.copied().unwrap_or_default()
        };
        let rows = batch
            .enrollments
            .iter()
            .map(|new| enrollment(new, student(new)));
        let ids = cx.insert_many::<Enrollment>(rows.collect()).await?;
        let mut rows = Vec::new();
        for (new, id) in batch.enrollments.iter().zip(ids) {
            if new.result.is_passed() {
                rows.push(certificate(new, id)?);
            }
        }
        cx.insert_many::<Certificate>(rows).await?;
        Ok(new_users)
    };
    let written = lms.app.db().transaction(work).await;
    written.map_err(|failure| anyhow!(failure.0))
}

fn user(id: i32) -> Assignments<users::table> {
    let mut set = Assignments::default();
    set.set(users::email, student_email(id));
    set.set(users::full_name, student_name(id));
    // No password: nobody signs in as a student of long ago.
    set.clear(users::password_hash);
    set.set(users::role, Role::Student);
    set.set(users::is_active, true);
    set.set(users::properties, json(&student_properties(id)));
    set
}

fn enrollment(new: &New, student: Uuid) -> Assignments<enrollments::table> {
    let mut set = Assignments::default();
    set.set(enrollments::student_id, student);
    set.set(enrollments::course_id, new.course_id);
    set.set(enrollments::enrolled_at, new.enrolled_at);
    set.set(enrollments::final_result, Some(new.result.as_str()));
    set.set(enrollments::properties, new.properties.clone());
    set.set(enrollments::archived_at, new.archived_at);
    set
}
