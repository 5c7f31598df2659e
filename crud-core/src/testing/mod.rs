//! Private servers for tests, on free loopback ports and in temporary folders.
//!
//! Tests of this workspace and of applications call it (feature `testing`). It must never talk to a
//! server it has not started itself, and must leave nothing behind, however the test process ends.

mod postgres;
mod redis;
mod server;
#[cfg(test)]
mod tests;

pub use postgres::{Database, Postgres};
pub use redis::Redis;
pub use server::ServerError;
