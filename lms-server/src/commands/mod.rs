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
    telemetry::{self, TelemetryConfig},
};
use lms_server::{Lms, config::Config, mail::Mailer};

/// The environment, checked; logging is set up by it.
fn configured() -> Result<Config> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    let config = Config::from_env(&|name| std::env::var(name).ok())?;
    telemetry::init(&TelemetryConfig {
        format: config.log_format,
        filter: config.log_filter.clone(),
    })?;
    Ok(config)
}

/// The LMS on the configured database.
async fn connected(config: &Config) -> Result<Lms> {
    if let Some(folder) = config.database.file().and_then(std::path::Path::parent) {
        std::fs::create_dir_all(folder)?;
    }
    let db = Db::connect(&DbConfig::new(config.database.url())).await?;
    let secret = config.jwt_secret.resolve()?;
    let jwt = JwtConfig {
        issuer: config.tokens.issuer.clone(),
        audience: config.tokens.audience.clone(),
        ..JwtConfig::new(secret.reveal())
    };
    let lms = Lms::new(db, Jwt::new(jwt)?);
    Ok(lms.with_mailer(mailer(config)?))
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
