//! What the environment says, checked before anything starts.
//!
//! [`Config::from_env`] is pure, so every rule is a unit test; `main` passes it `std::env::var`.
//! Only [`Config::jwt_secret`] touches a file. All faults are reported at once, each as one sentence
//! that names the variable, its value (never a password or secret) and what is accepted.

mod database;
mod jobs;
mod redact;
mod secret;
mod tokens;

use std::{fmt, net::SocketAddr};

use axum::http::HeaderValue;
use crud_core::{
    auth::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS},
    serve::cors_origin,
    telemetry::{LogFormat, check_filter},
};

pub use database::{DatabaseUrl, RedisUrl};
pub use jobs::{JobTimes, MailFrom};
pub use redact::Secret;
use redact::redacted;
pub use secret::JwtSecret;
pub use tokens::Tokens;

/// The whole configuration of the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DATABASE_URL`, or what `POSTGRES_*` say.
    pub database: DatabaseUrl,
    /// `REDIS_URL`, or what `REDIS_*` say; `None`: cache in the process.
    pub redis: Option<RedisUrl>,
    /// `LMS_CACHE_MB` in bytes: what the process itself keeps; 0: it reads from no cache.
    pub cache_bytes: u64,
    /// `LMS_BIND`.
    pub bind: SocketAddr,
    /// `LMS_JWT_SECRET`; [`JwtSecret::resolve`] it.
    pub jwt_secret: JwtSecret,
    /// `LMS_JWT_ISSUER`, `LMS_JWT_AUDIENCE`, `LMS_JWKS`, `LMS_JWKS_ISSUER`.
    pub tokens: Tokens,
    /// `LMS_ADMIN_EMAIL` and `LMS_ADMIN_PASSWORD`: the first admin.
    pub admin: Option<Admin>,
    /// `LMS_DEMO`.
    pub demo: Demo,
    /// `SMTP_URL`; `None`: mails go to the log.
    pub smtp: Option<Secret>,
    /// `LMS_MAIL_FROM`: who mails are from.
    pub mail_from: MailFrom,
    /// `LMS_JOBS_POLL` and `LMS_JOBS_LEASE`.
    pub jobs: JobTimes,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `RUST_LOG`.
    pub log_filter: String,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces go.
    pub otlp_endpoint: Option<Secret>,
    /// `LMS_CORS_ORIGINS`: the web origins whose pages may call, separated by commas.
    pub cors_origins: Vec<HeaderValue>,
}

/// The admin to create when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Their email address.
    pub email: String,
    /// Their password.
    pub password: Secret,
}

/// Whether the catalogue and the demo accounts are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demo {
    /// Not said: yes with a fresh SQLite database, else no.
    WhenFresh,
    /// `LMS_DEMO=1`
    On,
    /// `LMS_DEMO=0`
    Off,
}

/// Everything that is wrong with the environment: one sentence a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    /// The sentences, in the order of [`Config`]'s fields.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// Looks a variable up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads and checks every variable. One that is blank counts as unset.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let mut env = Env {
            lookup,
            faults: Vec::new(),
        };
        let database = database::database(&mut env);
        let redis = database::redis(&mut env);
        let cache_bytes = database::cache_bytes(&mut env);
        let bind = bind(&mut env);
        let jwt_secret = secret::jwt_secret(&mut env, &database, bind);
        let tokens = tokens::tokens(&mut env);
        let admin = admin(&mut env);
        let demo = demo(&mut env);
        let smtp = url(&mut env, "SMTP_URL", &["smtp", "smtps"]);
        let mail_from = jobs::mail_from(&mut env);
        let jobs = jobs::times(&mut env);
        let log_format = log_format(&mut env);
        let log_filter = log_filter(&mut env);
        let otlp_endpoint = url(&mut env, "OTEL_EXPORTER_OTLP_ENDPOINT", &["http", "https"]);
        let cors_origins = cors_origins(&mut env);
        if !env.faults.is_empty() {
            return Err(ConfigError { faults: env.faults });
        }
        Ok(Self {
            database,
            redis,
            cache_bytes,
            bind,
            jwt_secret,
            tokens,
            admin,
            demo,
            smtp,
            mail_from,
            jobs,
            log_format,
            log_filter,
            otlp_endpoint,
            cors_origins,
        })
    }
}

/// The environment, and what has been found wrong with it. A faulty variable is read as its default,
/// so that the others are checked too.
struct Env<'a> {
    lookup: Lookup<'a>,
    faults: Vec<String>,
}

impl Env<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// `name` is `shown`, which is not `accepted`.
    fn fault(&mut self, name: &str, shown: &str, accepted: &str) {
        self.faults
            .push(format!("{name} is `{shown}`; accepted is {accepted}."));
    }
}

fn bind(env: &mut Env<'_>) -> SocketAddr {
    const DEFAULT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8000);

    let Some(text) = env.get("LMS_BIND") else {
        return DEFAULT;
    };
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.clone(),
    };
    numeric.parse().unwrap_or_else(|_| {
        let accepted = "an IP address and a port, such as 127.0.0.1:8000 or [::]:8000";
        env.fault("LMS_BIND", &text, accepted);
        DEFAULT
    })
}

fn admin(env: &mut Env<'_>) -> Option<Admin> {
    let email = env.get("LMS_ADMIN_EMAIL");
    // Not trimmed: a password may begin or end with a space.
    let password = (env.lookup)("LMS_ADMIN_PASSWORD").filter(|password| !password.is_empty());
    if let Some(email) = &email
        && !is_email(email)
    {
        env.fault("LMS_ADMIN_EMAIL", email, "an email address");
    }
    if let Some(password) = &password
        && (password.chars().count() < MIN_PASSWORD_CHARS || password.len() > MAX_PASSWORD_BYTES)
    {
        let accepted = format!(
            "a password of at least {MIN_PASSWORD_CHARS} characters and at most \
             {MAX_PASSWORD_BYTES} bytes"
        );
        env.fault("LMS_ADMIN_PASSWORD", "***", &accepted);
    }
    match (email, password) {
        (Some(email), Some(password)) => Some(Admin {
            email,
            password: Secret::new(password),
        }),
        (None, None) => None,
        (Some(_), None) => {
            let accepted = "a password, because LMS_ADMIN_EMAIL is set";
            env.fault("LMS_ADMIN_PASSWORD", "", accepted);
            None
        }
        (None, Some(_)) => {
            let accepted = "an email address, because LMS_ADMIN_PASSWORD is set";
            env.fault("LMS_ADMIN_EMAIL", "", accepted);
            None
        }
    }
}

/// A rough check: registration has the real one.
fn is_email(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match text.split_once('@') {
        Some((name, host)) => {
            !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(odd)
        }
        None => false,
    }
}

fn demo(env: &mut Env<'_>) -> Demo {
    match env.get("LMS_DEMO").as_deref() {
        None => Demo::WhenFresh,
        Some("1" | "true") => Demo::On,
        Some("0" | "false") => Demo::Off,
        Some(other) => {
            env.fault("LMS_DEMO", other, "1 or 0");
            Demo::WhenFresh
        }
    }
}

/// A URL of one of these schemes, with a host.
fn url(env: &mut Env<'_>, name: &str, schemes: &[&str]) -> Option<Secret> {
    let url = env.get(name)?;
    let has_host = url.split_once("://").is_some_and(|(scheme, rest)| {
        schemes.contains(&scheme) && !database::host(rest).is_empty()
    });
    if !has_host || url.contains(char::is_whitespace) {
        let schemes: Vec<_> = schemes
            .iter()
            .map(|scheme| format!("{scheme}://"))
            .collect();
        let accepted = format!(
            "a URL that begins with {} and names a host",
            schemes.join(" or ")
        );
        env.fault(name, &redacted(&url), &accepted);
    }
    Some(Secret::new(url))
}

fn log_format(env: &mut Env<'_>) -> LogFormat {
    match env.get("LOG_FORMAT").as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            env.fault("LOG_FORMAT", other, "text or json");
            LogFormat::Text
        }
    }
}

fn log_filter(env: &mut Env<'_>) -> String {
    let filter = env.get("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    if check_filter(&filter).is_err() {
        let accepted = "a level (error, warn, info, debug, trace, off) or a list such as \
                        warn,crud_core=debug";
        env.fault("RUST_LOG", &filter, accepted);
    }
    filter
}

fn cors_origins(env: &mut Env<'_>) -> Vec<HeaderValue> {
    let list = env.get("LMS_CORS_ORIGINS").unwrap_or_default();
    let mut origins = Vec::new();
    for text in list
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        match cors_origin(text) {
            Ok(origin) => origins.push(origin),
            Err(_) => {
                let accepted = "a list of web origins such as https://app.example.org, each with \
                                scheme, host and perhaps port, separated by commas, never *";
                env.fault("LMS_CORS_ORIGINS", &redacted(text), accepted);
            }
        }
    }
    origins
}

#[cfg(test)]
mod tests;
