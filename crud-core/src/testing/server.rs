//! One private server process: its folder, its port, its start and its end.
//!
//! `postgres` and `redis` call it with a piece of shell that starts their program. It knows neither
//! of them and must never outlive the test process: a watchdog shell holds the reading end of a pipe
//! whose writing end lives here, so even SIGKILL on the tests stops the server and removes the folder.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to accept connections; a loaded machine is slow, not broken.
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// How many ports to try when another process is quicker to take the free one.
const PORTS_TO_TRY: usize = 5;
/// Free KiB that make a file system in memory good for a server: some hundred test databases.
const ENOUGH_MEMORY: u64 = 2 * 1024 * 1024;

/// Follows the caller's start line, which leaves a background job.
///
/// `ended` tells [`Server::start`] of an early end. The stop signal is repeated until the process is
/// gone, because a shell starts background jobs with SIGINT ignored until they set their own handler.
const WATCH: &str = r#"
server=$!
{ cat <&3 >/dev/null; while kill -INT "$server"; do sleep 0.05; done; } 2>/dev/null &
wait "$server"
echo "$?" >ended
cat <&3 >/dev/null
wait
cd / && rm -rf "$1"
"#;

/// A test server that cannot be found or started, or an administrative statement that it refused.
///
/// ```
/// use crud_core::testing::{Redis, ServerError};
///
/// /// What a test of an application needs.
/// fn redis() -> Result<(Redis, String), ServerError> {
///     let redis = Redis::start()?;
///     let url = redis.url();
///     Ok((redis, url))
/// }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ServerError(String);

impl ServerError {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// The program is not on this machine.
    pub(super) fn missing(what: &str, program: &str) -> Self {
        Self(format!(
            "{what} is not installed (no `{program}` found): run `./test`, which installs it"
        ))
    }
}

/// A running server; dropping it stops the server and removes its folder.
#[derive(Debug)]
pub(super) struct Server {
    watchdog: Child,
    port: u16,
}

impl Server {
    /// Starts `program` by the shell line `start` and waits until its log says that it accepts connections.
    ///
    /// The shell stands in the server's folder; `$1` is that folder, `$2` is `program`, `$3` the port.
    /// The line sends its output to the file `log` and ends in `&`.
    ///
    /// # Errors
    /// When the folder cannot be made, or the server ends or stays silent; then with the end of its log.
    pub(super) fn start(what: &str, program: &Path, start: &str) -> Result<Self, ServerError> {
        let fail = |error: io::Error| {
            ServerError::new(format!("{what} for tests does not start: {error}"))
        };
        let mut tries = 1;
        loop {
            let folder = new_folder().map_err(fail)?;
            let port = free_port().map_err(fail)?;
            let watchdog = spawn(&folder, port, program, start).map_err(fail)?;
            let server = Self { watchdog, port };
            match wait_until_ready(&folder) {
                Ok(()) => return Ok(server),
                Err(log) if log.contains("ddress already in use") && tries < PORTS_TO_TRY => {
                    tries += 1;
                }
                Err(log) => {
                    return Err(ServerError::new(format!(
                        "{what} for tests does not start; the end of its log:\n{log}"
                    )));
                }
            }
        }
    }

    /// The loopback port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the pipe is the order to stop. A failure here has nobody to be told to.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// The folders of `PATH`, which the start of servers inherits too.
pub(super) fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

/// Where servers keep their folders: in memory if there is plenty, because a database is some 300 small
/// files, and copying those takes 10 ms there and up to 150 ms on a disk.
pub(super) fn temporary_folder() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    let free = || -> Option<u64> {
        let output = Command::new("df").args(["-Pk", MEMORY]).output().ok()?;
        let table = String::from_utf8(output.stdout).ok()?;
        table
            .lines()
            .nth(1)?
            .split_whitespace()
            .nth(3)?
            .parse()
            .ok()
    };
    if free().is_some_and(|free| free >= ENOUGH_MEMORY) {
        PathBuf::from(MEMORY)
    } else {
        env::temp_dir()
    }
}

/// A new folder that only this user can enter.
pub(super) fn new_folder() -> io::Result<PathBuf> {
    let parent = temporary_folder();
    let mut number = 0;
    loop {
        let folder = parent.join(format!("crud-core-{}-{number}", process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A folder that a server may write to, which ends with this process.
pub(super) fn data_folder() -> io::Result<PathBuf> {
    let folder = new_folder()?;
    remove_at_exit(&folder)?;
    if fs::metadata(&folder)?.uid() == 0 {
        let (uid, gid) = unprivileged_user()?;
        chown(&folder, Some(uid), Some(gid))?;
    }
    Ok(folder)
}

/// Has a shell remove a folder when this process ends, however it ends.
pub(super) fn remove_at_exit(folder: &Path) -> io::Result<()> {
    static PIPES: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    let watchdog = Command::new("/bin/sh")
        .args(["-c", "cat >/dev/null; rm -rf \"$1\"", "sh"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C on a terminal goes to the tests alone; the shell follows by the pipe.
        .process_group(0)
        .spawn()?;
    // Kept until the end: a pipe that is dropped is closed.
    PIPES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(watchdog);
    Ok(())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn spawn(folder: &Path, port: u16, program: &Path, start: &str) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(format!("exec 3<&0\n{start}{WATCH}"))
        .arg("sh")
        .args([folder, program])
        .arg(port.to_string())
        .current_dir(folder)
        // Settings such as PGDATA or PGOPTIONS are meant for somebody else's server.
        .env_clear()
        .env("LC_ALL", "C")
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::piped())
        // Whoever reads the output of the tests must not have to wait for the server.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C on a terminal goes to the tests alone; the server follows by the pipe.
        .process_group(0);
    if fs::metadata(folder)?.uid() == 0 {
        let (uid, gid) = unprivileged_user()?;
        chown(folder, Some(uid), Some(gid))?;
        command.uid(uid).gid(gid);
    }
    command.spawn()
}

/// The user for servers that root starts, because PostgreSQL refuses to run as root.
fn unprivileged_user() -> io::Result<(u32, u32)> {
    let id = |flag, user| -> Option<u32> {
        let output = Command::new("id").args([flag, user]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|user| Some((id("-u", user)?, id("-g", user)?)))
        .ok_or_else(|| io::Error::other("root needs a user `postgres` or `nobody` to run it as"))
}

/// Waits for the log line that both PostgreSQL and Redis write; otherwise gives the end of the log.
fn wait_until_ready(folder: &Path) -> Result<(), String> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let ended = folder.join("ended").exists();
        let log = fs::read(folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        if log.contains("eady to accept connections") && !ended {
            return Ok(());
        }
        if ended || Instant::now() > deadline {
            let lines: Vec<_> = log.lines().collect();
            return Err(lines[lines.len().saturating_sub(20)..].join("\n"));
        }
        thread::sleep(POLL);
    }
}
