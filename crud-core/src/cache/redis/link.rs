//! One connection to Redis for everything, and a breaker, so that an outage costs nobody a wait.
//!
//! A connection that breaks or is slow three times running is given up at once; a task of its own opens the next, and
//! hands it out only when Redis answers quickly and may be used as a cache. Nothing is ever sent twice, and no script
//! is ever loaded because it is missing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How quickly Redis must answer to be used.
const PROBE: Duration = Duration::from_millis(100);
/// How often a connection that nobody uses is probed.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long to wait between two tries to connect, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How many answers in a row may be late.
const STRIKES: u32 = 3;

/// Why Redis did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// There is no connection, or it broke, or the answer came too late to be waited for.
    Down,
    /// It does not know the script: it restarted, or is another.
    NoScript,
    /// It refused, or answered what it never should.
    Refused(String),
}

/// The way to one Redis.
pub(crate) struct Link {
    client: Client,
    up: RwLock<Option<MultiplexedConnection>>,
    /// Counts connections, so that a late failure of an old one does not end the new one.
    generation: AtomicU64,
    strikes: AtomicU32,
    /// Since when it is up.
    since: Mutex<Option<Instant>>,
    lost: Notify,
    back: Notify,
}

impl Link {
    /// Not yet connected: [`Link::run`] does that.
    ///
    /// # Errors
    /// A sentence, when the URL cannot be used.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        if url.starts_with("rediss:") {
            return Err(
                "rediss:// (TLS) is not supported yet: use redis:// on a private network".into(),
            );
        }
        let client = Client::open(url).map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            up: RwLock::new(None),
            generation: AtomicU64::new(0),
            strikes: AtomicU32::new(0),
            since: Mutex::new(None),
            lost: Notify::new(),
            back: Notify::new(),
        })
    }

    /// Sends `cmd` once and waits this long for the answer.
    pub(super) async fn send(&self, cmd: &Cmd, patience: Duration) -> Result<Value, LinkError> {
        let generation = self.generation.load(Ordering::Acquire);
        let Some(mut connection) = self.connection() else {
            return Err(LinkError::Down);
        };
        match timeout(patience, connection.send_packed_command(cmd)).await {
            Ok(answer) => {
                self.strikes.store(0, Ordering::Relaxed);
                answer
                    .and_then(Value::extract_error)
                    .map_err(|error| self.failed(generation, &error))
            }
            Err(_) => {
                if self.strikes.fetch_add(1, Ordering::Relaxed) + 1 >= STRIKES {
                    self.give_up(generation);
                }
                Err(LinkError::Down)
            }
        }
    }

    fn failed(&self, generation: u64, error: &RedisError) -> LinkError {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => LinkError::NoScript,
            // A replica, a cluster or a server that is full or still loads: no place for marks.
            ErrorKind::Server(_) | ErrorKind::Extension => LinkError::Refused(error.to_string()),
            _ => {
                self.give_up(generation);
                LinkError::Down
            }
        }
    }

    /// Ends a connection, unless it has ended before.
    fn give_up(&self, generation: u64) {
        let mut up = self.up.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) != generation || up.take().is_none() {
            return;
        }
        drop(up);
        *self.since() = None;
        tracing::warn!("Redis does not answer: the cache is bypassed");
        self.lost.notify_one();
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        self.up
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(all(test, feature = "testing"))]
    pub(super) fn is_slow(&self) -> bool {
        self.strikes.load(Ordering::Relaxed) > 0 || self.connection().is_none()
    }

    /// For how long Redis has answered without a break; `None`: it does not.
    pub(crate) fn up_for(&self) -> Option<Duration> {
        self.since().map(|since| since.elapsed())
    }

    /// Connects, probes and connects again, until it is dropped.
    pub(super) async fn run(&self) {
        let mut pause = BACK_OFF.0;
        loop {
            match self.open().await {
                Ok(connection) => {
                    self.hand_out(connection);
                    pause = BACK_OFF.0;
                    self.until_lost().await;
                }
                Err(reason) => {
                    tracing::debug!(reason, "Redis cannot be used");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF.1);
                }
            }
        }
    }

    fn hand_out(&self, connection: MultiplexedConnection) {
        let mut up = self.up.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.strikes.store(0, Ordering::Relaxed);
        *up = Some(connection);
        drop(up);
        *self.since() = Some(Instant::now());
        tracing::info!("Redis answers");
        self.back.notify_waiters();
    }

    /// Waits until there is a connection, at most this long.
    pub(super) async fn restored(&self, patience: Duration) {
        let back = self.back.notified();
        if self.connection().is_none() {
            // Whoever waits finds out by trying.
            let _ = timeout(patience, back).await;
        }
    }

    async fn until_lost(&self) {
        let ping = redis::cmd("PING");
        loop {
            tokio::select! {
                () = self.lost.notified() => return,
                () = tokio::time::sleep(HEARTBEAT) => {
                    if self.connection().is_some() && self.send(&ping, PROBE).await.is_err() {
                        self.give_up(self.generation.load(Ordering::Acquire));
                    }
                }
            }
        }
    }

    /// A connection to a Redis that answers quickly and loses nothing that must stay.
    async fn open(&self) -> Result<MultiplexedConnection, String> {
        // Each call has its own patience.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1_024);
        let opened = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(CONNECT, opened)
            .await
            .map_err(|_| "it does not answer".to_owned())?
            .map_err(|error| error.to_string())?;
        let mut ask = async |cmd: &Cmd| -> Result<Value, String> {
            timeout(PROBE, connection.send_packed_command(cmd))
                .await
                .map_err(|_| "it is slow".to_owned())?
                .and_then(Value::extract_error)
                .map_err(|error| error.to_string())
        };
        let info = ask(redis::cmd("INFO").arg("memory")).await?;
        check_policy(&info)?;
        ask(&redis::cmd("PING")).await?;
        Ok(connection)
    }

    /// Whether this Redis may be a cache, asked at start so that a person is told.
    ///
    /// # Errors
    /// A sentence, when it evicts keys that must stay. That it cannot be reached is none: it may come.
    pub(super) async fn check(&self) -> Result<(), String> {
        match self.open().await {
            Err(reason) if reason.contains("maxmemory-policy") => Err(reason),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// What is in doubt has no expiry: `allkeys-*` may evict it, and a stale body with it would be believed.
fn check_policy(info: &Value) -> Result<(), String> {
    let text = match info {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        _ => String::new(),
    };
    let policy = text
        .lines()
        .find_map(|line| line.strip_prefix("maxmemory_policy:"))
        .map(str::trim);
    match policy {
        Some(policy) if policy.starts_with("allkeys") => Err(format!(
            "its maxmemory-policy is `{policy}`, which may evict what keeps the cache right; accepted are noeviction \
             and volatile-*"
        )),
        _ => Ok(()),
    }
}
