//! Jobs that tests of jobs run: they write down that they ran, and can be made to fail, wait, panic or never end.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crud_core::{
    Db, DbConfig,
    jobs::{
        Clock, Finished, Job, JobContext, JobError, Jobs, Outcome, Retry, Worker, WorkerConfig,
    },
    serve::Shutdown,
};
use serde::{Deserialize, Serialize};
use tests::TestApp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

const SECOND: Duration = Duration::from_secs(1);

/// What jobs leave behind, and how they are told to behave.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Inner>);

#[derive(Default)]
struct Inner {
    lines: Mutex<Vec<String>>,
    busy: Mutex<HashMap<String, usize>>,
    /// How often jobs still fail, by text.
    failures: Mutex<HashMap<String, usize>>,
    started: watch::Sender<usize>,
    gate: watch::Sender<bool>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    pub(crate) fn lines(&self) -> Vec<String> {
        locked(&self.0.lines).clone()
    }

    pub(crate) fn fails(&self, text: &str, times: usize) {
        locked(&self.0.failures).insert(text.to_owned(), times);
    }

    /// Lets slow jobs end.
    pub(crate) fn let_go(&self) {
        self.0.gate.send_replace(true);
    }

    /// Waits until so many jobs have begun.
    pub(crate) async fn started(&self, count: usize) {
        let mut started = self.0.started.subscribe();
        started
            .wait_for(|n| *n >= count)
            .await
            .expect("the sender is here");
    }
}

/// Writes its text down.
#[derive(Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) key: Option<String>,
    pub(crate) once: Option<String>,
    pub(crate) text: String,
}

impl Job for Note {
    type State = Notes;
    const NAME: &'static str = "note";
    const RETRY: Retry = Retry::exponential(2, SECOND, Duration::from_secs(3600));

    fn key(&self) -> Option<String> {
        self.key.clone()
    }

    fn unique_key(&self) -> Option<String> {
        self.once.clone()
    }

    async fn run(&self, cx: &JobContext<'_, Notes>) -> Result<(), JobError> {
        let notes = &cx.state.0;
        notes.started.send_modify(|n| *n += 1);
        if let Some(left) = locked(&notes.failures).get_mut(&self.text)
            && *left > 0
        {
            *left -= 1;
            return Err(JobError::retry(format!("{} does not work yet", self.text)));
        }
        locked(&notes.lines).push(self.text.clone());
        Ok(())
    }
}

pub(crate) fn note(text: &str) -> Note {
    Note {
        key: None,
        once: None,
        text: text.to_owned(),
    }
}

pub(crate) fn keyed(key: &str, text: &str) -> Note {
    Note {
        key: Some(key.to_owned()),
        ..note(text)
    }
}

/// Takes until it is let go.
#[derive(Serialize, Deserialize)]
pub(crate) struct Slow {
    pub(crate) text: String,
}

impl Job for Slow {
    type State = Notes;
    const NAME: &'static str = "slow";

    async fn run(&self, cx: &JobContext<'_, Notes>) -> Result<(), JobError> {
        let notes = &cx.state.0;
        notes.started.send_modify(|n| *n += 1);
        let mut gate = notes.gate.subscribe();
        gate.wait_for(|open| *open)
            .await
            .expect("the sender is here");
        locked(&notes.lines).push(self.text.clone());
        Ok(())
    }
}

pub(crate) fn slow(text: &str) -> Slow {
    Slow {
        text: text.to_owned(),
    }
}

/// Checks that nobody else has its key, and fails now and then.
#[derive(Serialize, Deserialize)]
pub(crate) struct Alone {
    pub(crate) key: String,
    pub(crate) number: usize,
    pub(crate) fails: bool,
}

impl Job for Alone {
    type State = Notes;
    const NAME: &'static str = "alone";
    const RETRY: Retry = Retry::fixed(3, Duration::ZERO);

    fn key(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn run(&self, cx: &JobContext<'_, Notes>) -> Result<(), JobError> {
        let notes = &cx.state.0;
        let others = {
            let mut busy = locked(&notes.busy);
            let n = busy.entry(self.key.clone()).or_default();
            *n += 1;
            *n - 1
        };
        // Everybody else gets a chance to be here too.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        *locked(&notes.busy).get_mut(&self.key).expect("it is there") -= 1;
        if others > 0 {
            locked(&notes.lines).push(format!("{} is not alone", self.key));
        }
        if self.fails && cx.attempt == 1 {
            return Err(JobError::retry("the first time it fails"));
        }
        locked(&notes.lines).push(format!("{} {}", self.key, self.number));
        Ok(())
    }
}

/// Panics.
#[derive(Serialize, Deserialize)]
pub(crate) struct Panics {}

impl Job for Panics {
    type State = Notes;
    const NAME: &'static str = "panics";
    const RETRY: Retry = Retry::NEVER;

    async fn run(&self, _: &JobContext<'_, Notes>) -> Result<(), JobError> {
        panic!("this job panics on purpose");
    }
}

/// Takes too long.
#[derive(Serialize, Deserialize)]
pub(crate) struct Endless {}

impl Job for Endless {
    type State = Notes;
    const NAME: &'static str = "endless";
    const RETRY: Retry = Retry::NEVER;
    const TIMEOUT: Duration = Duration::from_millis(20);

    async fn run(&self, _: &JobContext<'_, Notes>) -> Result<(), JobError> {
        pending().await
    }
}

pub(crate) fn kinds() -> Jobs<Notes> {
    Jobs::new()
        .job::<Note>()
        .job::<Slow>()
        .job::<Alone>()
        .job::<Panics>()
        .job::<Endless>()
}

/// An instance: a worker on connections of its own.
pub(crate) struct Instance {
    pub(crate) worker: Worker<Notes>,
    pub(crate) finished: mpsc::UnboundedReceiver<Finished>,
    pub(crate) shutdown: Shutdown,
}

impl Instance {
    pub(crate) async fn new(
        app: &TestApp,
        notes: &Notes,
        jobs: Jobs<Notes>,
        clock: &Clock,
    ) -> Self {
        let config = DbConfig {
            pool_size: 2,
            sqlite_readers: 1,
            wait_timeout: 30 * SECOND,
            ..DbConfig::new(app.database_url())
        };
        let db = Db::connect(&config).await.expect("the database is there");
        let (observer, finished) = mpsc::unbounded_channel();
        let config = WorkerConfig {
            clock: clock.clone(),
            observer: Some(observer),
            poll: Duration::from_millis(20),
            ..WorkerConfig::default()
        };
        Self {
            worker: Worker::new(db, jobs, notes.clone(), config),
            finished,
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) fn start(&self) -> JoinHandle<()> {
        let (worker, shutdown) = (self.worker.clone(), self.shutdown.clone());
        tokio::spawn(async move { worker.run(shutdown).await })
    }

    pub(crate) async fn next(&mut self) -> Finished {
        self.finished.recv().await.expect("the worker is there")
    }
}

/// A worker of all kinds that is run by hand.
pub(crate) fn by_hand(app: &TestApp, notes: &Notes, clock: &Clock) -> Worker<Notes> {
    let config = WorkerConfig {
        clock: clock.clone(),
        ..WorkerConfig::default()
    };
    Worker::new(app.lms.app.db().clone(), kinds(), notes.clone(), config)
}

pub(crate) async fn outcomes(worker: &Worker<Notes>) -> Vec<Outcome> {
    let finished = worker.run_due().await.expect("the database is there");
    finished
        .into_iter()
        .map(|finished| finished.outcome)
        .collect()
}

pub(crate) fn failed(reason: &str) -> Outcome {
    Outcome::Failed(reason.to_owned())
}
