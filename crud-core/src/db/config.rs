//! [`DbConfig`]: which database, and how long to wait for it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{DbError, DbResult};

/// The settings of a [`Db`](super::Db). `DbConfig::new(url)` has working defaults for the rest.
///
/// ```
/// use crud_core::DbConfig;
///
/// let config = DbConfig { pool_size: 20, ..DbConfig::new("postgres://user:password@host/campus") };
/// assert!(!format!("{config:?}").contains("password@"));
/// ```
#[derive(Clone)]
pub struct DbConfig {
    /// `postgres://…`, `postgresql://…`, `sqlite://PATH` or `sqlite::memory:`.
    pub url: String,
    /// PostgreSQL connections. Default 8.
    pub pool_size: usize,
    /// How long a request waits for a connection or in SQLite's queue before [`DbError::Busy`]. Default 1 s.
    pub wait_timeout: Duration,
    /// How long opening a PostgreSQL connection may take. Default 5 s.
    pub create_timeout: Duration,
    /// How long checking a PostgreSQL connection may take. Default 1 s.
    pub recycle_timeout: Duration,
    /// How long one statement may run. Default 10 s. SQLite looks at it between rows and while searching texts.
    pub statement_timeout: Duration,
    /// SQLite reader threads, each with a connection. Default: twice the cores, at least 4.
    pub sqlite_readers: usize,
    /// The name PostgreSQL shows for our connections. Default `crud`.
    pub application_name: String,
    /// Whether every write through this [`Db`](super::Db) is marked in the cache that others share, so that the
    /// triggers on PostgreSQL, which tell it of writes from outside, need not fire. Default no.
    pub marks_writes: bool,
}

/// Which database a [`Db`](super::Db) talks to.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::db::{DbKind, Executor as _};
///
/// assert_eq!(app().await.db().kind(), DbKind::Sqlite);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbKind {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl DbConfig {
    /// The defaults for `url`.
    pub fn new(url: impl Into<String>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            url: url.into(),
            pool_size: 8,
            wait_timeout: Duration::from_secs(1),
            create_timeout: Duration::from_secs(5),
            recycle_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(10),
            sqlite_readers: (2 * cores).max(4),
            application_name: "crud".to_owned(),
            marks_writes: false,
        }
    }
}

impl fmt::Debug for DbConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbConfig")
            .field("url", &redact(&self.url))
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}

/// Where the URL points.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Postgres,
    File(PathBuf),
    Memory,
}

pub(super) fn target(url: &str) -> DbResult<Target> {
    if url == "sqlite::memory:" || url == "sqlite://:memory:" {
        return Ok(Target::Memory);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Target::Postgres);
    }
    match url.strip_prefix("sqlite://") {
        Some(path)
            if !path.is_empty() && !path.starts_with("file:") && !path.contains(['?', '\0']) =>
        {
            Ok(Target::File(path.into()))
        }
        _ => Err(DbError::Config(format!(
            "DATABASE_URL is `{}`: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, sqlite://PATH or sqlite::memory:",
            redact(url)
        ))),
    }
}

/// The URL without its password.
pub(super) fn redact(url: &str) -> String {
    let mut text = url.to_owned();
    // From the right, because a password may hold an `@` that nobody escaped.
    if let (Some(scheme), Some(at)) = (text.find("://"), text.rfind('@')) {
        let from = scheme + 3;
        if let Some(colon) = text.get(from..at).and_then(|user| user.find(':')) {
            text.replace_range(from + colon + 1..at, "***");
        }
    }
    if let Some(start) = text.find("password=") {
        let start = start + "password=".len();
        let end = text[start..]
            .find(['&', ' '])
            .map_or(text.len(), |n| start + n);
        text.replace_range(start..end, "***");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_url_is_one_sentence_without_the_password() {
        let error = target("mysql://root:hunter2@host/db?password=hunter3")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("mysql://root:***@host/db?password=***"),
            "{error}"
        );
        assert!(error.contains("expected postgres://"), "{error}");
        assert!(!error.contains("hunter"), "{error}");
    }

    #[test]
    fn urls_name_their_database() {
        assert_eq!(
            target("sqlite://a/b.db").unwrap(),
            Target::File("a/b.db".into())
        );
        assert_eq!(
            target("sqlite:///a/b.db").unwrap(),
            Target::File("/a/b.db".into())
        );
        assert_eq!(target("sqlite::memory:").unwrap(), Target::Memory);
        assert_eq!(target("postgresql://u@h/d").unwrap(), Target::Postgres);
        for wrong in [
            "",
            "sqlite://",
            "lms.db",
            "sqlite:lms.db",
            "sqlite://a.db?mode=ro",
        ] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
