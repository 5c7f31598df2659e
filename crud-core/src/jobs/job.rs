//! What a job declares, and what it is given when it runs. Applications implement [`Job`].

use std::{fmt, future::Future, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// Something to be done after a change. The value is what is known when it is enqueued; it is stored as JSON, so its
/// fields may be added to but not renamed while jobs of it are waiting.
///
/// It may run more than once: what it does must come to the same when it is done again.
///
/// ```
/// use crud_core::{App, Principal, Uuid, jobs::{Job, JobContext, JobError, Jobs, Retry}};
/// use std::time::Duration;
///
/// /// Tells of a new course.
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Announce { course_id: Uuid }
///
/// impl Job for Announce {
///     type State = App;
///     const NAME: &'static str = "announce";
///     const RETRY: Retry = Retry::fixed(3, Duration::from_secs(60));
///
///     fn key(&self) -> Option<String> {
///         Some(format!("course:{}", self.course_id))
///     }
///
///     async fn run(&self, cx: &JobContext<'_, App>) -> Result<(), JobError> {
///         let kinds = cx.state.registry().resources().len();
///         if kinds == 0 {
///             return Err(JobError::give_up("there is nothing to tell of"));
///         }
///         Ok(())
///     }
/// }
///
/// let jobs = Jobs::new().job::<Announce>();
/// ```
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it needs to run: the application.
    type State: Send + Sync + 'static;
    /// Its name in the table, in logs and in metrics. Never changes.
    const NAME: &'static str;
    /// How often it is tried again, and when.
    const RETRY: Retry = Retry::exponential(8, Duration::from_secs(5), Duration::from_secs(3600));
    /// How long one run may take; then it has failed.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// Jobs of one key run one after the other, in the order they were written; keys are shared by all kinds of jobs.
    /// For an event: its row, `course:<id>`. `None`: a key of its own. At most 300 characters.
    fn key(&self) -> Option<String> {
        None
    }

    /// Of several jobs with the same text one is kept, also after it ran. At most 300 characters.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// Does it.
    ///
    /// # Errors
    /// Whatever made it impossible: then it is tried again, as [`RETRY`](Self::RETRY) has it.
    fn run(
        &self,
        cx: &JobContext<'_, Self::State>,
    ) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// What a job is told when it runs.
///
/// ```
/// use crud_core::{App, Principal, jobs::{JobContext, JobError}, prelude::EntityInterface};
///
/// async fn row<E: EntityInterface>(cx: &JobContext<'_, App>, id: E::Id) -> Result<E::Get, JobError> {
///     let system = Principal::system();
///     let found = cx.state.on_behalf(&system).get::<E>(id).await;
///     found.map_err(|error| JobError::of(&error))
/// }
/// ```
#[derive(Debug)]
pub struct JobContext<'a, S> {
    /// The application.
    pub state: &'a S,
    /// The job's row.
    pub id: i64,
    /// 1 for the first try.
    pub attempt: u32,
}

/// When a job that failed is tried again, and how often.
///
/// ```
/// use crud_core::jobs::Retry;
/// use std::time::Duration;
///
/// let retry = Retry::exponential(3, Duration::from_secs(1), Duration::from_secs(60));
/// assert_eq!(retry.after(2), Some(Duration::from_secs(2)));
/// assert_eq!(retry.after(4), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    first: Duration,
    most: Duration,
}

impl Retry {
    /// Never.
    pub const NEVER: Self = Self::fixed(0, Duration::ZERO);

    /// After the same time each time.
    pub const fn fixed(times: u32, wait: Duration) -> Self {
        Self {
            times,
            first: wait,
            most: wait,
        }
    }

    /// After twice the time each time, from `first` up to `most`.
    pub const fn exponential(times: u32, first: Duration, most: Duration) -> Self {
        Self { times, first, most }
    }

    /// How long to wait after this many failures; `None`: it is not tried again.
    pub fn after(&self, failures: u32) -> Option<Duration> {
        if failures > self.times {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        Some(self.first.saturating_mul(doubled).min(self.most))
    }
}

/// Why a job failed.
///
/// ```
/// use crud_core::jobs::JobError;
///
/// assert!(!JobError::retry("the mail server is away").is_final());
/// assert!(JobError::give_up("no such address").is_final());
/// ```
#[derive(Debug)]
pub struct JobError {
    message: String,
    is_final: bool,
}

impl JobError {
    /// It may work another time.
    pub fn retry(reason: impl fmt::Display) -> Self {
        Self {
            message: reason.to_string(),
            is_final: false,
        }
    }

    /// It never will: the job is dead at once.
    pub fn give_up(reason: impl fmt::Display) -> Self {
        Self {
            message: reason.to_string(),
            is_final: true,
        }
    }

    /// Whether trying again is no use.
    pub const fn is_final(&self) -> bool {
        self.is_final
    }

    /// An error of the operations, with its source, which no client sees here.
    pub fn of(error: &Error) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(next) = source {
            message.push_str(": ");
            message.push_str(&next.to_string());
            source = next.source();
        }
        Self::retry(message)
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JobError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_fixed_wait_is_the_same_each_time_and_ends() {
        let retry = Retry::fixed(3, 60 * SECOND);
        let waits = [1, 2, 3, 4].map(|failures| retry.after(failures));
        let minute = Some(60 * SECOND);
        assert_eq!(waits, [minute, minute, minute, None]);
        assert_eq!(Retry::NEVER.after(1), None);
    }

    #[test]
    fn an_exponential_wait_doubles_up_to_its_most() {
        let retry = Retry::exponential(100, SECOND, 10 * SECOND);
        let waits = [1, 2, 3, 4, 5, 99].map(|failures| retry.after(failures).unwrap().as_secs());
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }
}
