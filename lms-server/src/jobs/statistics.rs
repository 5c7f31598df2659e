//! Brings the statistics of all courses up to date.

use crud_core::{
    jobs::{Job, JobContext, JobError},
    prelude::*,
};

use crate::Lms;

/// Counts what happened in each course.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateCourseStatistics {}

impl Job for UpdateCourseStatistics {
    type State = Lms;
    const NAME: &'static str = "update_course_statistics";

    async fn run(&self, _cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        // The counting itself is not written yet.
        tracing::debug!("course statistics are due");
        Ok(())
    }
}
