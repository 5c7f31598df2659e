//! `DATABASE_URL` and `REDIS_URL`, or the parts that make one.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crud_core::cache::DEFAULT_BYTES;

use super::{Env, redact::redacted};

/// Which database, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://PATH`
    SqliteFile(PathBuf),
    /// `sqlite::memory:`: gone when the process ends.
    SqliteMemory,
    /// `postgres://…`, with its password.
    Postgres(String),
}

impl DatabaseUrl {
    /// The URL, password included: for connecting, never for showing.
    pub fn url(&self) -> String {
        match self {
            Self::SqliteFile(path) => format!("sqlite://{}", path.display()),
            Self::SqliteMemory => "sqlite::memory:".to_owned(),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// The SQLite file, if that is what it is.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::SqliteFile(path) => Some(path),
            Self::SqliteMemory | Self::Postgres(_) => None,
        }
    }

    /// Whether it is PostgreSQL.
    pub const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// Without user and password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(url) => f.write_str(&redacted(url)),
            other => f.write_str(&other.url()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where Redis is: one URL, or several for a cluster, with passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(Vec<String>);

impl RedisUrl {
    /// The URLs, at least one: for connecting, never for showing.
    pub fn urls(&self) -> &[String] {
        &self.0
    }
}

/// Without users and passwords.
impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(|url| redacted(url)).collect();
        f.write_str(&shown.join(","))
    }
}

pub(super) fn database(env: &mut Env<'_>) -> DatabaseUrl {
    match env.get("DATABASE_URL") {
        Some(url) => match parse(&url) {
            Some(database) => database,
            None => {
                let accepted = "sqlite://PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/DB";
                env.fault("DATABASE_URL", &redacted(&url), accepted);
                DatabaseUrl::SqliteMemory
            }
        },
        None => {
            from_parts(env).unwrap_or_else(|| DatabaseUrl::SqliteFile(PathBuf::from("data/lms.db")))
        }
    }
}

fn parse(url: &str) -> Option<DatabaseUrl> {
    if url == "sqlite::memory:" {
        return Some(DatabaseUrl::SqliteMemory);
    }
    if let Some(path) = url.strip_prefix("sqlite://") {
        let usable = !path.is_empty() && !path.ends_with('/') && !path.contains(['?', '\0']);
        return usable.then(|| DatabaseUrl::SqliteFile(PathBuf::from(path)));
    }
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))?;
    // A socket's directory may stand in the query instead of a host.
    let named = !host(rest).is_empty() || rest.contains("host=");
    (named && !url.contains(char::is_whitespace)).then(|| DatabaseUrl::Postgres(url.to_owned()))
}

/// PostgreSQL, as soon as one of its variables is set.
fn from_parts(env: &mut Env<'_>) -> Option<DatabaseUrl> {
    let names = ["HOST", "PORT", "USER", "PASSWORD", "DB"];
    let [host, port, user, password, db] = names.map(|name| env.get(&format!("POSTGRES_{name}")));
    if [&host, &port, &user, &password, &db]
        .into_iter()
        .all(Option::is_none)
    {
        return None;
    }
    let host = checked_host(env, "POSTGRES_HOST", host);
    let port = checked_port(env, "POSTGRES_PORT", port, 5432);
    let user = user.unwrap_or_else(|| "postgres".to_owned());
    let db = encoded(&db.unwrap_or_else(|| user.clone()));
    let user = encoded(&user);
    let password = password.map_or_else(String::new, |word| format!(":{}", encoded(&word)));
    Some(DatabaseUrl::Postgres(format!(
        "postgres://{user}{password}@{host}:{port}/{db}"
    )))
}

pub(super) fn redis(env: &mut Env<'_>) -> Option<RedisUrl> {
    if let Some(list) = env.get("REDIS_URL") {
        let urls: Vec<_> = list.split(',').map(|url| url.trim().to_owned()).collect();
        let urls = with_scheme_of_the_first(urls);
        if !urls.iter().all(|url| is_redis(url)) {
            let shown: Vec<_> = list.split(',').map(|url| redacted(url.trim())).collect();
            let accepted = "redis://HOST:PORT or rediss://HOST:PORT, several of them separated by \
                            commas for a cluster";
            env.fault("REDIS_URL", &shown.join(","), accepted);
        }
        return Some(RedisUrl(urls));
    }
    let [host, port, password] =
        ["HOST", "PORT", "PASSWORD"].map(|name| env.get(&format!("REDIS_{name}")));
    if [&host, &port, &password].into_iter().all(Option::is_none) {
        return None;
    }
    let host = checked_host(env, "REDIS_HOST", host);
    let port = checked_port(env, "REDIS_PORT", port, 6379);
    let password = password.map_or_else(String::new, |word| format!(":{}@", encoded(&word)));
    Some(RedisUrl(vec![format!("redis://{password}{host}:{port}")]))
}

/// `redis://a:1,b:2` means `redis://a:1,redis://b:2`.
fn with_scheme_of_the_first(urls: Vec<String>) -> Vec<String> {
    let scheme = match urls.first().and_then(|first| first.split_once("://")) {
        Some((scheme, _)) => scheme.to_owned(),
        None => return urls,
    };
    let whole = |url: String| match url.contains("://") {
        true => url,
        false => format!("{scheme}://{url}"),
    };
    urls.into_iter().map(whole).collect()
}

fn is_redis(url: &str) -> bool {
    let rest = url
        .strip_prefix("redis://")
        .or_else(|| url.strip_prefix("rediss://"));
    rest.is_some_and(|rest| !host(rest).is_empty()) && !url.contains(char::is_whitespace)
}

/// The host and port of what follows a URL's `://`.
pub(super) fn host(rest: &str) -> &str {
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = &rest[..end];
    if host.starts_with(':') { "" } else { host }
}

fn checked_host(env: &mut Env<'_>, name: &str, host: Option<String>) -> String {
    let Some(host) = host else {
        return "localhost".to_owned();
    };
    if host.contains(['/', '@', '?', '#', ' ']) {
        env.fault(name, &redacted(&host), "the name or the address of a host");
    }
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host,
    }
}

fn checked_port(env: &mut Env<'_>, name: &str, port: Option<String>, default: u16) -> u16 {
    let Some(port) = port else { return default };
    match port.parse() {
        Ok(0) | Err(_) => {
            env.fault(name, &port, "a port, 1 to 65535");
            default
        }
        Ok(port) => port,
    }
}

/// Percent-encodes what a URL would read as its own.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// `LMS_CACHE_MB`: 64 unless said otherwise.
pub(super) fn cache_bytes(env: &mut Env<'_>) -> u64 {
    let given = env.get("LMS_CACHE_MB");
    let wanted = given.as_deref().map(str::parse::<u64>);
    match wanted {
        None => DEFAULT_BYTES,
        Some(Ok(mib @ 0..=1_048_576)) => mib << 20,
        Some(_) => {
            let accepted = "a number of MiB from 0 (no cache) to 1048576";
            env.fault(
                "LMS_CACHE_MB",
                given.as_deref().unwrap_or_default(),
                accepted,
            );
            DEFAULT_BYTES
        }
    }
}
