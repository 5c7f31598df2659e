//! What the LMS does after a change, and what it does from time to time. The whole list is here; how jobs are kept and
//! run is `crud_core::jobs`'s.

mod certificate;
mod cleanup;
mod routes;
mod statistics;
mod welcome;

use std::time::Duration;

use crud_core::{
    App,
    jobs::{Jobs, Worker, WorkerConfig},
};

pub(crate) use self::routes::routes;
pub use self::{
    certificate::{GenerateCertificate, SendCertificateEmail},
    cleanup::{CleanUpExpiredKeys, CleanUpExpiredTokens},
    statistics::UpdateCourseStatistics,
    welcome::SendWelcomeEmail,
};
use crate::Lms;

/// Every job and every schedule.
pub fn jobs() -> Jobs<Lms> {
    let (hour, five_minutes) = (Duration::from_secs(3600), Duration::from_secs(300));
    Jobs::new()
        .job::<SendWelcomeEmail>()
        .job::<GenerateCertificate>()
        .job::<SendCertificateEmail>()
        .every("cleanup-expired-tokens", hour, &CleanUpExpiredTokens {})
        .every("cleanup-expired-keys", hour, &CleanUpExpiredKeys {})
        .every(
            "update-course-statistics",
            five_minutes,
            &UpdateCourseStatistics {},
        )
}

/// A worker for all of them.
pub fn worker(lms: &Lms, config: WorkerConfig) -> Worker<Lms> {
    let db = App::db(&lms.app).clone();
    Worker::new(db, jobs(), lms.clone(), config)
}
