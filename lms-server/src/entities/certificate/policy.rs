//! Who may see and change certificates.

use crud_core::prelude::*;

use crate::{
    entities::enrollment::EnrollmentPolicy,
    roles::is_admin,
    schema::{certificates, enrollments},
};

/// As the enrollment for reading: its student, the course's instructor, administrators. The rest is for administrators
/// and the server.
pub struct CertificatePolicy;

impl Policy<certificates::table> for CertificatePolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<certificates::table> {
        if is_admin(principal) {
            return Scope::all();
        }
        match action {
            Action::Get | Action::List => Scope::related(
                certificates::enrollment_id,
                enrollments::id,
                EnrollmentPolicy::scope(principal, action),
            ),
            Action::Create => Scope::forbidden("Certificates are issued by the server"),
            Action::Update | Action::Archive | Action::Restore | Action::Delete => {
                Scope::forbidden("Only administrators can change or revoke certificates")
            }
        }
    }
}
