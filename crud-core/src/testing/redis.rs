//! A private Redis for tests, in memory or with its data on disk, and what can befall one.
//!
//! Tests of the cache call it. It must never use a Redis that was there before.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::server::{Server, ServerError, data_folder, search_path};

const START: &str = r#"
"$2" --port "$3" --bind 127.0.0.1 --save '' --appendonly no >log 2>&1 &
"#;

/// A running private Redis; dropping it stops it.
///
/// ```
/// use crud_core::testing::Redis;
///
/// let mut redis = Redis::start()?;
/// redis.ask("SET greeting hello");
/// assert_eq!(redis.ask("GET greeting"), "$5\r\nhello\r\n");
/// redis.stop();
/// redis.start_again()?;
/// // It was in memory only.
/// assert_eq!(redis.ask("GET greeting"), "$-1\r\n");
/// # Ok::<(), crud_core::testing::ServerError>(())
/// ```
#[derive(Debug)]
pub struct Redis {
    server: Option<Server>,
    port: u16,
    program: PathBuf,
    /// Where its data stays, if it does.
    data: Option<PathBuf>,
}

impl Redis {
    /// Starts an empty Redis on a free loopback port and waits until it answers.
    ///
    /// # Errors
    /// When `redis-server` is not installed or does not start.
    pub fn start() -> Result<Self, ServerError> {
        let program = program()?;
        let server = Server::start("Redis", &program, START)?;
        Ok(Self {
            port: server.port(),
            server: Some(server),
            program,
            data: None,
        })
    }

    /// As [`Redis::start`], but every write is on disk before it is answered, and is there again after a restart.
    ///
    /// # Errors
    /// As [`Redis::start`], or when there is no room for the data.
    pub fn start_durable() -> Result<Self, ServerError> {
        let mut redis = Self::start()?;
        redis.stop();
        redis.data =
            Some(data_folder().map_err(|e| ServerError::new(format!("no folder for Redis: {e}")))?);
        redis.start_again()?;
        Ok(redis)
    }

    /// Starts it again, on its port, after [`Redis::stop`] or [`Redis::kill`].
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        let keep = match &self.data {
            Some(data) => format!(
                "--appendonly yes --appendfsync always --dir '{}'",
                data.display()
            ),
            None => "--appendonly no".to_owned(),
        };
        let port = self.port;
        let start =
            format!("\n\"$2\" --port {port} --bind 127.0.0.1 --save '' {keep} >log 2>&1 &\n");
        self.server = Some(Server::start("Redis", &self.program, &start)?);
        Ok(())
    }

    /// Removes what it has kept on disk, after [`Redis::stop`] or [`Redis::kill`].
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub fn lose(&mut self) -> io::Result<()> {
        match &self.data {
            Some(data) => empty(data),
            None => Ok(()),
        }
    }

    /// Copies what it has on disk at this moment, for [`Redis::put_back`].
    ///
    /// # Errors
    /// When it keeps nothing on disk, or there is no room.
    pub fn keep(&self) -> io::Result<PathBuf> {
        let data = self.data.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let kept = data_folder().map_err(io::Error::other)?;
        copy(data, &kept)?;
        Ok(kept)
    }

    /// Puts back what it had then, after [`Redis::stop`] or [`Redis::kill`].
    ///
    /// # Errors
    /// As [`Redis::keep`].
    pub fn put_back(&mut self, kept: &Path) -> io::Result<()> {
        let data = self.data.as_ref().ok_or(io::ErrorKind::NotFound)?;
        empty(data)?;
        copy(kept, data)?;
        fs::remove_dir_all(kept)
    }

    /// Ends it as an administrator does. What is in memory only is lost.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Ends it as a power failure does.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        signal("-KILL", &self.pid());
        self.server = None;
    }

    /// Stops its clock: it keeps its connections and answers nothing, until what is returned is dropped.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        let pid = self.pid();
        signal("-STOP", &pid);
        Frozen(pid)
    }

    /// Sends it one command; gives the answer as Redis writes it.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn ask(&self, command: &str) -> String {
        self.try_ask(command).unwrap_or_else(|error| {
            panic!("the Redis of a test does not answer {command}: {error}")
        })
    }

    /// As [`Redis::ask`], of one that may not run.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn try_ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // It closes the connection after the second command, so the answer has an end.
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Ok(answer.trim_end_matches("+OK\r\n").to_owned())
    }

    /// Its process.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn pid(&self) -> String {
        let info = self.ask("INFO server");
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("process_id:"));
        line.expect("INFO server names the process")
            .trim()
            .to_owned()
    }

    /// The loopback port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }
}

/// A Redis that stands still; it goes on when this is dropped.
///
/// ```
/// use crud_core::testing::Redis;
///
/// let redis = Redis::start()?;
/// let frozen = redis.freeze();
/// // Whatever asks it now waits.
/// drop(frozen);
/// assert_eq!(redis.ask("PING"), "+PONG\r\n");
/// # Ok::<(), crud_core::testing::ServerError>(())
/// ```
#[derive(Debug)]
pub struct Frozen(String);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server = None;
        if let Some(data) = &self.data {
            // Whatever stays goes with the process.
            let _ = fs::remove_dir_all(data);
        }
    }
}

fn program() -> Result<PathBuf, ServerError> {
    search_path()
        .into_iter()
        .map(|folder| folder.join("redis-server"))
        .find(|program| program.is_file())
        .ok_or_else(|| ServerError::missing("Redis", "redis-server"))
}

fn signal(name: &str, pid: &str) {
    let done = Command::new("kill").args([name, pid]).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "kill {name} {pid}"
    );
}

/// With the owners, who need not be who tests.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let done = Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to)
        .status()?;
    match done.success() {
        true => Ok(()),
        false => Err(io::Error::other("the data of Redis cannot be copied")),
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
