//! Brings the statistics of all courses up to date.

use crud_core::{
    jobs::{Job, JobContext, JobError},
    prelude::*,
};

use crate::{Lms, statistics};

/// Counts what happened in each course.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateCourseStatistics {}

impl Job for UpdateCourseStatistics {
    type State = Lms;
    const NAME: &'static str = "update_course_statistics";

    async fn run(&self, cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        match statistics::refresh(cx.state.app.db(), None).await {
            Ok(courses) => {
                tracing::debug!(courses, "course statistics are up to date");
                Ok(())
            }
            Err(error) => Err(JobError::retry(error)),
        }
    }
}
