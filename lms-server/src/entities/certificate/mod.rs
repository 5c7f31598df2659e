//! Certificates: that a student completed a course. The server issues them (`jobs`); archiving one revokes it.

mod code;
mod document;
mod policy;
mod verify;

use crud_core::prelude::*;

pub use self::{code::new_code, policy::CertificatePolicy};
pub(crate) use self::{document::pdf, verify::routes};
use crate::schema::certificates;

/// That a student completed a course.
#[derive(EntityInterface)]
#[entity(
    endpoint = "certificates",
    table = certificates,
    create = CertificateCreate,
    get = CertificateGet,
    list = CertificateGet,
    update = CertificateUpdate,
    query = CertificateQuery,
    search = search,
    policy = CertificatePolicy,
    cache_ttl = 300,
    sort(issued_at),
    before_create = before_create
)]
pub struct Certificate;

/// What a certificate says. Its code and its time are the server's.
#[dto(create, table = certificates)]
pub struct CertificateCreate {
    /// The enrollment that was completed.
    pub enrollment_id: Uuid,
    /// Where mail reaches the student.
    #[validate(email, length(max = 254))]
    pub user_email: String,
    /// The student's name.
    #[validate(length(min = 1, max = 255))]
    pub recipient_name: String,
    /// What the course is called.
    #[validate(length(min = 1, max = 255))]
    pub course_title: String,
    /// How the student did.
    #[validate(length(min = 1, max = 50))]
    pub result: Option<String>,
}

/// A certificate.
#[dto(get, table = certificates)]
pub struct CertificateGet {
    /// The enrollment that was completed.
    pub enrollment_id: Uuid,
    /// Where mail reached the student.
    pub user_email: String,
    /// The student's name on the day of issue.
    pub recipient_name: String,
    /// What the course was called on the day of issue.
    pub course_title: String,
    /// How the student did.
    pub result: Option<String>,
    /// What others verify it by.
    pub code: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it was revoked.
    pub archived_at: Option<Timestamp>,
}

/// What can be corrected of a certificate.
#[dto(update, table = certificates)]
pub struct CertificateUpdate {
    /// The student's name.
    #[validate(length(min = 1, max = 255))]
    pub recipient_name: Option<String>,
    /// How the student did.
    #[validate(length(min = 1, max = 50))]
    pub result: Option<Option<String>>,
}

/// The filters of certificates.
#[dto(query)]
pub struct CertificateQuery {
    /// Only those of this enrollment.
    pub enrollment_id: Option<Uuid>,
    /// The one with this code.
    pub code: Option<String>,
}

fn search(
    search: Search<certificates::table>,
    query: &CertificateQuery,
) -> Search<certificates::table> {
    search
        .filter_if(&query.enrollment_id, |id| {
            certificates::enrollment_id.eq(id)
        })
        .filter_if(&query.code, |code| certificates::code.eq(code))
}

fn before_create(
    _new: &mut CertificateCreate,
    set: &mut Assignments<certificates::table>,
    _principal: &Principal,
) -> Result<()> {
    set.set(certificates::code, new_code()?);
    set.set(certificates::issued_at, Timestamp::now());
    Ok(())
}
