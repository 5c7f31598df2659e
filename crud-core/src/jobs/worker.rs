//! The worker: takes what is due and runs it, some at a time, until it is told to end. Every instance may run one; what
//! they take from each other is decided by the statements of `queue`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time,
};

use super::{
    clock::{Clock, earlier, later},
    kinds::Jobs,
    measure,
    queue::{self, Claimed},
    running::attend,
    schedule::Due,
};
use crate::{
    Db,
    db::{DbError, DbResult},
    serve::Shutdown,
};

/// How often done jobs are looked for that are old enough to go.
const PURGE: Duration = Duration::from_secs(3600);

/// How a worker works.
///
/// ```
/// use crud_core::jobs::{Clock, WorkerConfig};
/// use std::time::Duration;
///
/// let clock = Clock::default();
/// let config = WorkerConfig { slots: 1, clock: clock.clone(), ..WorkerConfig::default() };
/// let before = config.clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert!(config.clock.now().micros() - before.micros() >= 3_600_000_000);
/// ```
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The most jobs that it runs at once.
    pub slots: usize,
    /// How often it looks for jobs that nobody woke it for: those of other instances, and those whose time has come.
    pub poll: Duration,
    /// How long a job is out of reach when its worker was killed.
    pub lease: Duration,
    /// How long running jobs may go on when the worker ends; then they are given back.
    pub drain: Duration,
    /// How long jobs that are done are kept, and with them their unique keys.
    pub keep: Duration,
    /// The time it goes by.
    pub clock: Clock,
    /// Who is told what became of each job.
    pub observer: Option<mpsc::UnboundedSender<Finished>>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            slots: 4,
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            keep: Duration::from_secs(7 * 24 * 3600),
            clock: Clock::default(),
            observer: None,
        }
    }
}

/// What became of a job that a worker had taken.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::{jobs::{Finished, Job, JobContext, JobError, Jobs, Outcome, Worker, WorkerConfig}, serve::Shutdown};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Greet;
///
/// impl Job for Greet {
///     type State = App;
///     const NAME: &'static str = "greet";
///
///     async fn run(&self, _cx: &JobContext<'_, App>) -> Result<(), JobError> {
///         Ok(())
///     }
/// }
///
/// # let app = app().await;
/// # let tables = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite/0015_jobs/up.sql"));
/// # app.db().batch(tables).await?;
/// let (observer, mut finished) = tokio::sync::mpsc::unbounded_channel::<Finished>();
/// let config = WorkerConfig { observer: Some(observer), ..WorkerConfig::default() };
/// let worker = Worker::new(app.db().clone(), Jobs::new().job::<Greet>(), app.clone(), config);
/// tokio::spawn(async move { worker.run(Shutdown::new()).await });
/// app.db().enqueue(&Greet).await?;
/// let finished = finished.recv().await.expect("the worker runs");
/// assert_eq!((&*finished.name, finished.outcome), ("greet", Outcome::Done));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The job's row.
    pub id: i64,
    /// Its kind.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of one run of a job.
///
/// ```
/// use crud_core::jobs::{Finished, Outcome};
///
/// /// What somebody should look at.
/// fn alarm(finished: &Finished) -> Option<String> {
///     match &finished.outcome {
///         Outcome::Dead(reason) => Some(format!("{} {} is dead: {reason}", finished.name, finished.id)),
///         Outcome::Done | Outcome::Failed(_) | Outcome::Released | Outcome::Lost => None,
///     }
/// }
/// let dead = Finished { id: 7, name: "greet".to_owned(), outcome: Outcome::Dead("no such user".to_owned()) };
/// assert_eq!(alarm(&dead).as_deref(), Some("greet 7 is dead: no such user"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed, for this reason, and is tried again.
    Failed(String),
    /// It failed, for this reason, and is not tried again.
    Dead(String),
    /// It was given back: the worker ended.
    Released,
    /// Its lease was over, and another worker has it.
    Lost,
}

/// Runs the jobs of an application. Clones are the same worker.
///
/// ```
/// use crud_core::{App, jobs::{Jobs, Worker, WorkerConfig}, serve::Shutdown};
///
/// async fn work(app: &App, jobs: Jobs<App>, shutdown: Shutdown) {
///     let config = WorkerConfig { slots: 2, ..WorkerConfig::default() };
///     Worker::new(app.db().clone(), jobs, app.clone(), config).run(shutdown).await;
/// }
/// ```
pub struct Worker<S> {
    inner: Arc<Inner<S>>,
}

pub(super) struct Inner<S> {
    pub(super) db: Db,
    pub(super) jobs: Jobs<S>,
    pub(super) state: Arc<S>,
    pub(super) config: WorkerConfig,
    names: Arc<str>,
}

impl<S: Send + Sync + 'static> Worker<S> {
    /// A worker that does nothing yet.
    pub fn new(db: Db, jobs: Jobs<S>, state: S, config: WorkerConfig) -> Self {
        let names = jobs.names();
        Self {
            inner: Arc::new(Inner {
                db,
                jobs,
                state: Arc::new(state),
                config,
                names,
            }),
        }
    }

    /// Works until `shutdown` begins, and then until the running jobs have ended or been given back.
    pub async fn run(&self, shutdown: Shutdown) {
        let inner = &self.inner;
        let config = &inner.config;
        if inner.jobs.all_names().next().is_none() {
            return shutdown.begun().await;
        }
        crate::telemetry::start_counting();
        let (stop, stopping) = watch::channel(false);
        let mut woken = queue::woken();
        let mut running = JoinSet::new();
        let mut due = Due::default();
        let mut trouble = Trouble::default();
        let mut upkeep = Upkeep::default();
        while !shutdown.has_begun() {
            woken.mark_unchanged();
            trouble.note(self.put_schedules(&mut due).await);
            let free = config.slots.max(1) - running.len();
            if free > 0 {
                let claimed = self.claim(free).await;
                for job in trouble.note(claimed).unwrap_or_default() {
                    running.spawn(attend(Arc::clone(inner), job, stopping.clone()));
                }
            }
            trouble.note(upkeep.run(inner).await);
            let may_take = running.len() < config.slots.max(1);
            tokio::select! {
                Ok(()) = woken.changed(), if may_take && !trouble.is_there() => {}
                // A slot is free, and the next job of the same key may begin.
                Some(_) = running.join_next() => {}
                () = time::sleep(config.poll) => {}
                () = shutdown.begun() => {}
            }
        }
        let ended = async { while running.join_next().await.is_some() {} };
        if time::timeout(config.drain, ended).await.is_err() {
            stop.send_replace(true);
            while running.join_next().await.is_some() {}
        }
    }

    /// Runs everything that is due now, and what becomes due by that, one after the other; says what became of it.
    ///
    /// # Errors
    /// Whatever the database has.
    pub async fn run_due(&self) -> DbResult<Vec<Finished>> {
        let (_stop, stopping) = watch::channel(false);
        let mut finished = Vec::new();
        self.put_schedules(&mut Due::default()).await?;
        loop {
            let claimed = self.claim(1).await?;
            if claimed.is_empty() {
                return Ok(finished);
            }
            for job in claimed {
                finished.push(attend(Arc::clone(&self.inner), job, stopping.clone()).await);
            }
        }
    }

    async fn put_schedules(&self, due: &mut Due) -> DbResult<()> {
        let inner = &self.inner;
        let now = inner.config.clock.now();
        due.put(&inner.db, inner.jobs.schedules(), now).await
    }

    async fn claim(&self, most: usize) -> DbResult<Vec<Claimed>> {
        let inner = &self.inner;
        let now = inner.config.clock.now();
        let until = later(now, inner.config.lease);
        queue::claim(&inner.db, &inner.names, now, until, most).await
    }
}

impl<S> Clone for Worker<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

/// Tells the log of a database that is away once, not with every try.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn note<T>(&mut self, done: Result<T, DbError>) -> Option<T> {
        match done {
            Ok(done) => {
                self.0 = false;
                Some(done)
            }
            Err(error) => {
                if !self.0 {
                    tracing::error!(%error, "jobs wait for the database");
                }
                self.0 = true;
                None
            }
        }
    }

    const fn is_there(&self) -> bool {
        self.0
    }
}

/// What is done now and then: gauges, and the removal of what is long done.
#[derive(Default)]
struct Upkeep {
    measured: Option<Instant>,
    purged: Option<Instant>,
}

impl Upkeep {
    async fn run<S: Send + Sync + 'static>(&mut self, inner: &Inner<S>) -> DbResult<()> {
        let is_due = |last: Option<Instant>, every| last.is_none_or(|last| last.elapsed() >= every);
        if is_due(self.measured, measure::EVERY) {
            self.measured = Some(Instant::now());
            measure::gauge(&inner.db, inner.jobs.all_names()).await?;
        }
        if is_due(self.purged, PURGE) {
            self.purged = Some(Instant::now());
            let before = earlier(inner.config.clock.now(), inner.config.keep);
            queue::purge(&inner.db, before).await?;
        }
        Ok(())
    }
}
