//! A private Redis for tests, in memory only.
//!
//! Tests of the cache call it. It must never use a Redis that was there before.

use std::path::PathBuf;

use super::server::{Server, ServerError, search_path};

const START: &str = r#"
"$2" --port "$3" --bind 127.0.0.1 --save '' --appendonly no >log 2>&1 &
"#;

/// A running private Redis; dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts an empty Redis on a free loopback port and waits until it answers.
    ///
    /// # Errors
    /// When `redis-server` is not installed or does not start.
    pub fn start() -> Result<Self, ServerError> {
        let program: PathBuf = search_path()
            .into_iter()
            .map(|folder| folder.join("redis-server"))
            .find(|program| program.is_file())
            .ok_or_else(|| ServerError::missing("Redis", "redis-server"))?;
        let server = Server::start("Redis", &program, START)?;
        Ok(Self { server })
    }

    /// The loopback port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Its address, `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }
}
