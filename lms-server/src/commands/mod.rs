//! What each command does. All of them read the same environment.

pub(crate) mod admin;
pub(crate) mod check;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod serve;

use anyhow::Result;
use crud_core::{
    Db, DbConfig,
    auth::{Jwt, JwtConfig},
    cache::Cache,
    telemetry::{self, TelemetryConfig},
};
use lms_server::{Lms, config::Config};

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

/// The LMS on the configured database, without a cache: what a command writes is from outside to the servers that run.
async fn connected(config: &Config) -> Result<Lms> {
    let db = database(config, false).await?;
    Ok(Lms::with_cache(db, jwt(config)?, Cache::off()))
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
    Ok(Jwt::new(JwtConfig::new(secret.reveal()))?)
}

/// One line on standard output: what the command was asked for.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
