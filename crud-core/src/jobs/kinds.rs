//! The kinds of jobs that an application has, without their types, and its schedules: one list, from which a worker
//! knows what to run.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    job::{Job, JobContext, JobError, Retry},
    queue::{Claimed, NewJob},
    schedule::Schedule,
};

/// Everything that a worker can run, for an application `S`.
///
/// ```
/// use crud_core::{App, jobs::{Job, JobContext, JobError, Jobs}};
/// use std::time::Duration;
///
/// /// Removes what nobody needs.
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct CleanUp;
///
/// impl Job for CleanUp {
///     type State = App;
///     const NAME: &'static str = "clean-up";
///
///     async fn run(&self, _cx: &JobContext<'_, App>) -> Result<(), JobError> {
///         Ok(())
///     }
/// }
///
/// let jobs = Jobs::new().every("hourly clean-up", Duration::from_secs(3600), &CleanUp);
/// ```
pub struct Jobs<S> {
    kinds: Vec<Kind<S>>,
    schedules: Vec<Schedule>,
}

/// A [`Job`] without its type.
pub(super) struct Kind<S> {
    pub(super) name: &'static str,
    pub(super) retry: Retry,
    pub(super) timeout: Duration,
    pub(super) run: RunFn<S>,
}

/// [`Job::run`] without its type.
type RunFn<S> = fn(Arc<S>, Arc<Claimed>) -> BoxFuture<'static, Result<(), JobError>>;

impl<S: Send + Sync + 'static> Jobs<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            kinds: Vec::new(),
            schedules: Vec::new(),
        }
    }

    /// Adds a kind of job.
    ///
    /// # Panics
    /// If another has its name. It is a mistake in the program, found at its start.
    #[must_use]
    pub fn job<J: Job<State = S>>(mut self) -> Self {
        assert!(
            self.kind(J::NAME).is_none(),
            "two jobs are called `{}`: give one of them another name",
            J::NAME
        );
        self.kinds.push(Kind {
            name: J::NAME,
            retry: J::RETRY,
            timeout: J::TIMEOUT,
            run: |state, claimed| Box::pin(async move { run::<J>(&state, &claimed).await }),
        });
        self
    }

    /// Runs a job again and again, once across all instances: at first right after the start, then each time `every`
    /// has gone by. Times that were missed are not made up for. Its kind is added too.
    ///
    /// # Panics
    /// If the name is taken, or the job is no JSON.
    #[must_use]
    pub fn every<J: Job<State = S>>(
        mut self,
        name: &'static str,
        every: Duration,
        job: &J,
    ) -> Self {
        assert!(
            self.schedules.iter().all(|known| known.name != name),
            "two schedules are called `{name}`: give one of them another name"
        );
        if self.kind(J::NAME).is_none() {
            self = self.job::<J>();
        }
        let job = match NewJob::of(job) {
            Ok(job) => job,
            Err(error) => panic!("the job of the schedule `{name}` cannot be stored: {error}"),
        };
        self.schedules.push(Schedule { name, every, job });
        self
    }

    pub(super) fn kind(&self, name: &str) -> Option<&Kind<S>> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    pub(super) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// The names of all kinds as a list in SQL. An instance leaves jobs alone that only a newer one knows.
    pub(super) fn names(&self) -> Arc<str> {
        let names = self.kinds.iter().map(|kind| kind.name.replace('\'', "''"));
        let names: Vec<_> = names.map(|name| format!("'{name}'")).collect();
        names.join(", ").into()
    }

    pub(super) fn all_names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().map(|kind| kind.name)
    }
}

impl<S: Send + Sync + 'static> Default for Jobs<S> {
    fn default() -> Self {
        Self::new()
    }
}

async fn run<J: Job>(state: &J::State, claimed: &Claimed) -> Result<(), JobError> {
    let job: J = match serde_json::from_str(claimed.payload.as_str()) {
        Ok(job) => job,
        // A newer instance may have written it: it is not lost, but for an operator to see.
        Err(error) => {
            let reason = format!("its payload cannot be read: {error}");
            return Err(JobError::give_up(reason));
        }
    };
    let cx = JobContext {
        state,
        id: claimed.id,
        attempt: claimed.failures.saturating_add(1),
    };
    job.run(&cx).await
}
