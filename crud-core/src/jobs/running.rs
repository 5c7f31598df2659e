//! One job from its claim to its verdict: runs it on a task of its own, keeps the lease meanwhile, and writes down what
//! became of it. `worker` decides when.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time};

use super::{
    clock::later,
    job::JobError,
    kinds::Kind,
    queue::{self, Claimed, Verdict},
    worker::{Finished, Inner, Outcome},
};

/// A job whose workers ended this often while they ran it is taken to be the cause.
const MOST_LOST: u32 = 20;

/// Runs a job. `stop` becomes true when the worker can wait no longer.
pub(super) async fn attend<S: Send + Sync + 'static>(
    inner: Arc<Inner<S>>,
    job: Claimed,
    stop: watch::Receiver<bool>,
) -> Finished {
    let job = Arc::new(job);
    let verdict = match inner.jobs.kind(&job.name) {
        _ if job.lost >= MOST_LOST => {
            let reason = format!("its worker ended {} times while running it", job.lost);
            Some(Verdict::Dead(reason))
        }
        Some(kind) => run(&inner, kind, &job, stop).await,
        None => Some(Verdict::Released),
    };
    let outcome = match verdict {
        Some(verdict) => settled(&inner, &job, verdict).await,
        None => Outcome::Lost,
    };
    inner.tell(&job, outcome)
}

/// What is to be written down; `None`: the job is somebody else's by now.
async fn run<S: Send + Sync + 'static>(
    inner: &Inner<S>,
    kind: &Kind<S>,
    job: &Arc<Claimed>,
    mut stop: watch::Receiver<bool>,
) -> Option<Verdict> {
    // A set, because it ends its task when it is dropped.
    let mut work = JoinSet::new();
    work.spawn(time::timeout(
        kind.timeout,
        (kind.run)(Arc::clone(&inner.state), Arc::clone(job)),
    ));
    let mut beat = time::interval((inner.config.lease / 3).max(Duration::from_millis(1)));
    beat.tick().await;
    loop {
        tokio::select! {
            done = work.join_next() => {
                let failed = match done {
                    Some(Ok(Ok(Ok(())))) => return Some(Verdict::Done),
                    Some(Ok(Ok(Err(error)))) => error,
                    Some(Ok(Err(_))) => {
                        JobError::retry(format!("it took longer than {:?}", kind.timeout))
                    }
                    Some(Err(_)) | None => JobError::retry("it panicked"),
                };
                return Some(inner.failed(kind, job, &failed));
            }
            _ = beat.tick() => {
                let until = later(inner.config.clock.now(), inner.config.lease);
                // A database that is away says nothing about the lease.
                if let Ok(false) = queue::renew(&inner.db, job, until).await {
                    return None;
                }
            }
            () = stopped(&mut stop) => return Some(Verdict::Released),
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let is_lost = stop.wait_for(|stop| *stop).await.is_err();
    if is_lost {
        // Nobody is left to say so.
        std::future::pending::<()>().await;
    }
}

/// Writes the verdict down. If the database is away for too long, the job runs again: at least once.
async fn settled<S>(inner: &Inner<S>, job: &Claimed, verdict: Verdict) -> Outcome {
    let outcome = match &verdict {
        Verdict::Done => Outcome::Done,
        Verdict::Again(_, reason) => Outcome::Failed(reason.clone()),
        Verdict::Dead(reason) => Outcome::Dead(reason.clone()),
        Verdict::Released => Outcome::Released,
    };
    let mut wait = Duration::from_millis(50);
    loop {
        match queue::settle(&inner.db, job, &verdict, inner.config.clock.now()).await {
            Ok(true) => return outcome,
            Ok(false) => return Outcome::Lost,
            Err(error) if error.is_transient() && wait < inner.config.lease => {
                time::sleep(wait).await;
                wait *= 2;
            }
            Err(error) => {
                tracing::error!(job = job.id, name = job.name, %error, "a job's end cannot be written down");
                return Outcome::Lost;
            }
        }
    }
}

impl<S> Inner<S> {
    fn failed(&self, kind: &Kind<S>, job: &Claimed, error: &JobError) -> Verdict {
        let failures = job.failures.saturating_add(1);
        match kind.retry.after(failures) {
            Some(wait) if !error.is_final() => {
                Verdict::Again(later(self.config.clock.now(), wait), error.to_string())
            }
            _ => Verdict::Dead(error.to_string()),
        }
    }

    fn tell(&self, job: &Claimed, outcome: Outcome) -> Finished {
        let (id, name) = (job.id, job.name.clone());
        match &outcome {
            Outcome::Done => tracing::debug!(job = id, name, "a job is done"),
            Outcome::Failed(reason) => {
                tracing::warn!(job = id, name, reason, "a job failed; it is tried again");
            }
            Outcome::Dead(reason) => tracing::error!(job = id, name, reason, "a job is dead"),
            Outcome::Released => tracing::info!(job = id, name, "a job is given back"),
            Outcome::Lost => tracing::warn!(job = id, name, "a job is somebody else's by now"),
        }
        super::measure::count(&name, &outcome);
        let finished = Finished { id, name, outcome };
        if let Some(observer) = &self.config.observer {
            // Nobody may be listening any more.
            let _ = observer.send(finished.clone());
        }
        finished
    }
}
