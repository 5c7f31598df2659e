//! The certificate of a completed course, and the mail that brings it.

use crud_core::{
    Context, Tx,
    db::Load,
    jobs::{Job, JobContext, JobError},
    prelude::*,
};

use crate::{
    Lms,
    accounts::Failure,
    entities::certificate::{Certificate, CertificateCreate},
    mail::Mail,
    schema::{certificates, courses, enrollments, users},
};

/// Issues the certificate of an enrollment that is completed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GenerateCertificate {
    /// The enrollment.
    pub enrollment_id: Uuid,
}

/// Tells a student that a certificate is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendCertificateEmail {
    /// Where mail reaches the student.
    pub email: String,
    /// The certificate.
    pub certificate_id: Uuid,
}

impl Job for GenerateCertificate {
    type State = Lms;
    const NAME: &'static str = "generate_certificate";

    fn key(&self) -> Option<String> {
        Some(format!("enrollment:{}", self.enrollment_id))
    }

    async fn run(&self, cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        match cx.state.issue_certificate(self.enrollment_id).await {
            Ok(Some(id)) => {
                tracing::info!(certificate = %id, "a certificate is issued");
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(JobError::of(&error)),
        }
    }
}

impl Job for SendCertificateEmail {
    type State = Lms;
    const NAME: &'static str = "send_certificate_email";

    fn key(&self) -> Option<String> {
        Some(format!("certificate:{}", self.certificate_id))
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("certificate-mail:{}", self.certificate_id))
    }

    async fn run(&self, cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        let query = certificates::table
            .filter(certificates::id.eq(self.certificate_id))
            .filter(certificates::archived_at.is_null())
            .select((
                certificates::recipient_name,
                certificates::course_title,
                certificates::code,
            ));
        let found = cx.state.app.db().fetch(query).await;
        let found: Vec<(String, String, String)> = found.map_err(JobError::retry)?;
        let Some((name, course, code)) = found.into_iter().next() else {
            // Revoked or gone before it was told of.
            return Ok(());
        };
        let id = self.certificate_id;
        let mail = Mail {
            to: self.email.clone(),
            subject: format!("Your certificate: {course}"),
            text: format!(
                "Hello {name},\n\nyou have completed {course}. Your certificate is at\n\
                 /api/v1/certificates/{id}.pdf\nand whoever wants to verify it finds it at\n\
                 /api/v1/certificates/verify/{code}\n"
            ),
            id: format!("certificate.{id}"),
        };
        cx.state.mailer.send(mail).await
    }
}

/// Who completed what.
type Completed = (String, String, String, Option<String>);

impl Lms {
    /// Issues the certificate of an enrollment, with the mail that brings it; gives its id. None if the enrollment is
    /// not completed, or ever had one: what was revoked is not issued again by itself.
    ///
    /// # Errors
    /// Whatever the database has.
    pub async fn issue_certificate(&self, enrollment_id: Uuid) -> Result<Option<Uuid>> {
        let registry = self.app.registry();
        let work = async move |tx: &Tx| -> Result<Option<Uuid>, Failure> {
            let earlier = certificates::table
                .filter(certificates::enrollment_id.eq(enrollment_id))
                .select(certificates::id)
                .limit(1);
            let earlier: Vec<Uuid> = tx.fetch(earlier).await?;
            let Some(completed) = completed(tx, enrollment_id).await? else {
                return Ok(None);
            };
            if !earlier.is_empty() {
                return Ok(None);
            }
            let (user_email, recipient_name, course_title, result) = completed;
            let new = CertificateCreate {
                enrollment_id,
                user_email: user_email.clone(),
                recipient_name,
                course_title,
                result,
                properties: None,
            };
            let system = Principal::system();
            let cx = Context::within(registry, tx, &system);
            let certificate_id = cx.create::<Certificate>(new).await?.id;
            let mail = SendCertificateEmail {
                email: user_email,
                certificate_id,
            };
            tx.enqueue(&mail).await?;
            Ok(Some(certificate_id))
        };
        let issued = self.app.db().transaction(work).await;
        issued.map_err(|Failure(error)| error)
    }
}

async fn completed(tx: &Tx, enrollment_id: Uuid) -> Result<Option<Completed>, Failure> {
    let query = enrollments::table
        .inner_join(users::table.on(users::id.eq(enrollments::student_id)))
        .inner_join(courses::table.on(courses::id.eq(enrollments::course_id)))
        .filter(enrollments::id.eq(enrollment_id))
        .filter(enrollments::completed_at.is_not_null())
        .filter(enrollments::archived_at.is_null())
        .select((
            users::email,
            users::full_name,
            courses::title,
            enrollments::final_result,
        ));
    let found: Vec<Completed> = tx.fetch(query).await?;
    Ok(found.into_iter().next())
}
