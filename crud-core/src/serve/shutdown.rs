//! The way from running to ended, as one shared fact: [`super::serve`] acts on it, `/health/ready`
//! tells it to the load balancer, signals or a test begin it.

use std::{io, thread, time::Duration};

use tokio::sync::watch;

/// Whether, and how, the server is shutting down. Clones share the state.
///
/// ```
/// use crud_core::serve::Shutdown;
/// use std::time::Duration;
///
/// let shutdown = Shutdown::new();
/// assert!(!shutdown.has_begun());
/// shutdown.clone().begin(Duration::ZERO);
/// assert!(shutdown.has_begun());
/// ```
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// How long to go on accepting connections, once shutting down has begun.
    begun: watch::Sender<Option<Duration>>,
}

impl Shutdown {
    /// Not begun.
    pub fn new() -> Self {
        Self {
            begun: watch::Sender::new(None),
        }
    }

    /// Begins: `/health/ready` answers 503 at once, connections are accepted for `accept_for` more,
    /// so that a load balancer can notice. Later calls change nothing.
    pub fn begin(&self, accept_for: Duration) {
        self.begun.send_if_modified(|begun| {
            let first = begun.is_none();
            begun.get_or_insert(accept_for);
            first
        });
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.borrow().is_some()
    }

    /// Waits until it has begun.
    pub async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        // The sender is `self`, so waiting can't fail.
        let _ = begun.wait_for(Option::is_some).await;
    }

    /// Waits until no more connections should be accepted.
    pub(super) async fn stop_accepting(&self) {
        let mut begun = self.begun.subscribe();
        // The sender is `self`, so waiting can't fail.
        let accept_for = match begun.wait_for(Option::is_some).await {
            Ok(begun) => begun.unwrap_or_default(),
            Err(_) => Duration::ZERO,
        };
        tokio::time::sleep(accept_for).await;
    }

    /// Begins on SIGTERM (accepting for one more second) or Ctrl-C (at once). A second signal, or
    /// `deadline` after the first, ends the process whatever still runs.
    ///
    /// # Errors
    /// When the signals can't be listened for.
    pub fn on_signals(&self, deadline: Duration) -> io::Result<()> {
        let mut signals = Signals::new()?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let accept_for = signals.next().await;
            tracing::info!("shutting down");
            shutdown.begin(accept_for);
            // A thread, because whatever hangs may have the runtime's own threads.
            thread::spawn(move || {
                thread::sleep(deadline + accept_for);
                exit("shutting down took too long");
            });
            signals.next().await;
            exit("a second signal");
        });
        Ok(())
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

fn exit(reason: &str) {
    tracing::error!(reason, "ending the process");
    std::process::exit(1);
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// How long to go on accepting after the next signal.
    async fn next(&mut self) -> Duration {
        tokio::select! {
            _ = self.terminate.recv() => Duration::from_secs(1),
            _ = self.interrupt.recv() => Duration::ZERO,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Duration {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Duration::ZERO
    }
}
