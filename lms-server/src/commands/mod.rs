//! What each command does. All of them read the same environment.

pub(crate) mod admin;
pub(crate) mod check;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod openapi;
pub(crate) mod serve;

use anyhow::Result;
use crud_core::{
    Db, DbConfig,
    auth::{Jwt, JwtConfig},
    cache::Cache,
    telemetry::{self, TelemetryConfig},
};
use lms_server::{Lms, config::Config, mail::Mailer};

/// The environment, checked; logging is set up by it.
fn configured() -> Result<Config> {
    configured_by(&variable)
}

fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

fn configured_by(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Config> {
    let config = Config::from_env(lookup)?;
    telemetry::init(&TelemetryConfig {
        format: config.log_format,
        filter: config.log_filter.clone(),
    })?;
    Ok(config)
}

/// The LMS on the configured database, without a cache: what a command writes is from outside to the servers that run.
async fn connected(config: &Config) -> Result<Lms> {
    let db = database(config, false).await?;
    lms(config, db, Cache::off())
}

/// The LMS on a database, with its mailer.
fn lms(config: &Config, db: Db, cache: Cache) -> Result<Lms> {
    let lms = Lms::with_cache(db, jwt(config)?, cache);
    Ok(lms.with_mailer(mailer(config)?))
}

/// The configured database. `marks_writes`: see [`DbConfig`].
async fn database(config: &Config, marks_writes: bool) -> Result<Db> {
    if let Some(folder) = config.database.file().and_then(std::path::Path::parent) {
        std::fs::create_dir_all(folder)?;
    }
    let settings = DbConfig {
        marks_writes,
        // Servers wait for each other's transactions before they cache again, not for a command's.
        application_name: if marks_writes {
            "lms-server"
        } else {
            "lms-server command"
        }
        .to_owned(),
        ..DbConfig::new(config.database.url())
    };
    Ok(Db::connect(&settings).await?)
}

/// What signs and verifies tokens.
fn jwt(config: &Config) -> Result<Jwt> {
    let secret = config.jwt_secret.resolve()?;
    let jwt = JwtConfig {
        issuer: config.tokens.issuer.clone(),
        audience: config.tokens.audience.clone(),
        ..JwtConfig::new(secret.reveal())
    };
    Ok(Jwt::new(jwt)?)
}

/// To the configured server, or into the log.
fn mailer(config: &Config) -> Result<Mailer> {
    let from = config.mail_from.0.clone();
    match &config.smtp {
        Some(url) => Mailer::smtp(url.reveal(), from).map_err(anyhow::Error::msg),
        None => Ok(Mailer::log(from)),
    }
}

/// One line on standard output: what the command was asked for.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
