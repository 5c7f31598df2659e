//! One connection to Redis for everything, and a breaker, so that an outage costs nobody a wait.
//!
//! Late and lost are two things. After three late answers readers do not [`ask`](Link::ask) any more until answers are
//! quick again; writers go on to [`tell`](Link::tell), and wait. A connection that breaks, or on which nothing at all is
//! heard though an answer is due, is given up; a task of its own opens the next, and hands it out only when Redis answers
//! and may be used as a cache. Nothing is ever sent twice, and no script is ever loaded because it is missing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisResult,
    ServerErrorKind, Value,
};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How quickly a Redis that is new must answer to be used.
const PROBE: Duration = Duration::from_millis(250);
/// How quickly a PING must be answered for readers to ask again.
const QUICK: Duration = Duration::from_millis(25);
/// How often a connection is probed while all is well, and while readers do not ask.
const HEARTBEAT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(100));
/// After how long a writer who waits has the connection probed.
const LATE: Duration = Duration::from_millis(100);
/// A connection is dead when nothing is heard on it for so many turns of this length. Turns and not a time: a process
/// that has no time for its own timers has none to read answers either, and each of its turns takes longer.
const QUIET: (u32, Duration) = (16, Duration::from_millis(25));
/// How long to wait between two tries to connect, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// In how many turns a reader's patience is waited for.
const TURNS: u32 = 5;
/// How many answers in a row may be late before readers do not ask any more.
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
    /// Counts what was heard.
    heard: AtomicU64,
    /// Since when it is up.
    since: Mutex<Option<Instant>>,
    /// Somebody waits for longer than he should.
    doubted: Notify,
    /// The connection was given up: for the task, and for all who wait for an answer on it.
    lost: Notify,
    gone: Notify,
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
            heard: AtomicU64::new(0),
            since: Mutex::new(None),
            doubted: Notify::new(),
            lost: Notify::new(),
            gone: Notify::new(),
            back: Notify::new(),
        })
    }

    /// Sends `cmd` once and waits this long for the answer; not at all while answers come late. For readers, who
    /// have the database.
    pub(super) async fn ask(&self, cmd: &Cmd, patience: Duration) -> Result<Value, LinkError> {
        self.asked(patience, async |mut to| {
            let answer = to.send_packed_command(cmd).await;
            answer.and_then(Value::extract_error)
        })
        .await
    }

    /// As [`ask`](Self::ask), of commands that are sent together. Each answer may be an error of its own.
    pub(super) async fn ask_all(
        &self,
        cmds: &Pipeline,
        patience: Duration,
    ) -> Result<Vec<Value>, LinkError> {
        self.asked(patience, async |mut to| {
            to.send_packed_commands(cmds, 0, cmds.len()).await
        })
        .await
    }

    async fn asked<A>(
        &self,
        patience: Duration,
        ask: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<A>,
    ) -> Result<A, LinkError> {
        let generation = self.generation.load(Ordering::Acquire);
        let connection = self.connection().filter(|_| !self.is_late());
        let Some(connection) = connection else {
            return Err(LinkError::Down);
        };
        let mut answer = std::pin::pin!(ask(connection));
        // In turns, as QUIET: that thousands ask at once is no reason for all of them to ask the database.
        for _ in 0..TURNS {
            if let Ok(answer) = timeout(patience / TURNS, &mut answer).await {
                self.strikes.store(0, Ordering::Relaxed);
                return self.answered(generation, answer);
            }
        }
        if self.strikes.fetch_add(1, Ordering::Relaxed) + 1 == STRIKES {
            self.doubted.notify_one();
        }
        Err(LinkError::Down)
    }

    /// Sends `cmd` once and waits for the answer while Redis lives, at most this long. For writers: that Redis is late
    /// is no reason to switch the cache off for all.
    pub(super) async fn tell(&self, cmd: &Cmd, patience: Duration) -> Result<Value, LinkError> {
        let gone = self.gone.notified();
        let generation = self.generation.load(Ordering::Acquire);
        let Some(mut connection) = self.connection() else {
            return Err(LinkError::Down);
        };
        let answer = async {
            let mut answer = std::pin::pin!(connection.send_packed_command(cmd));
            if let Ok(answer) = timeout(LATE, &mut answer).await {
                return answer;
            }
            self.doubted.notify_one();
            answer.await
        };
        tokio::select! {
            biased;
            answer = timeout(patience, answer) => match answer {
                Ok(answer) => self.answered(generation, answer.and_then(Value::extract_error)),
                Err(_) => Err(LinkError::Down),
            },
            () = gone => Err(LinkError::Down),
        }
    }

    fn answered<A>(&self, generation: u64, answer: RedisResult<A>) -> Result<A, LinkError> {
        self.heard.fetch_add(1, Ordering::Relaxed);
        answer.map_err(|error| self.failed(generation, &error))
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
        self.gone.notify_waiters();
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

    /// Whether readers do not ask, because answers come late.
    fn is_late(&self) -> bool {
        self.strikes.load(Ordering::Relaxed) >= STRIKES
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
        loop {
            let pause = if self.is_late() {
                HEARTBEAT.1
            } else {
                HEARTBEAT.0
            };
            tokio::select! {
                () = self.lost.notified() => return,
                () = self.doubted.notified() => self.probe().await,
                () = tokio::time::sleep(pause) => self.probe().await,
            }
        }
    }

    /// Finds out whether Redis is quick, late or dead.
    async fn probe(&self) {
        let generation = self.generation.load(Ordering::Acquire);
        let Some(mut connection) = self.connection() else {
            return;
        };
        let (ping, begin) = (redis::cmd("PING"), Instant::now());
        let mut answer = std::pin::pin!(connection.send_packed_command(&ping));
        let (mut quiet, mut heard) = (0, self.heard.load(Ordering::Relaxed));
        while quiet < QUIET.0 {
            if let Ok(answer) = timeout(QUIET.1, &mut answer).await {
                let _ = self.answered(generation, answer);
                if begin.elapsed() <= QUICK {
                    self.strikes.store(0, Ordering::Relaxed);
                }
                return;
            }
            // Answers to others are a sign of life: they come in the order of the questions.
            let now = self.heard.load(Ordering::Relaxed);
            quiet = if now == heard { quiet + 1 } else { 0 };
            heard = now;
        }
        self.give_up(generation);
    }

    /// A connection to a Redis that answers and loses nothing that must stay.
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
