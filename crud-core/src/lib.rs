//! A backend is declared, not written: `#[derive(EntityInterface)]` turns an entity's DTOs, its
//! search and its policy into routes on PostgreSQL or SQLite.
//!
//! # The way of a request
//!
//! [`router`] (HTTP in) → [`auth`] (who asks) → [`query`] and [`body`] (what is asked) →
//! [`operations`] (policy → statement → row) → [`db`] (PostgreSQL or SQLite) → [`router`] (HTTP out).
//!
//! What an application writes: [`entity`] (the declaration), [`dto`] (its bodies and rows),
//! [`policy`] (who may do what), [`search`] (the conditions of its lists).

// The macros name the crate from outside; its own tests use them.
#[cfg(test)]
extern crate self as crud_core;

mod app;
mod body;
mod etag;
mod router;

pub mod auth;
pub mod db;
pub mod dto;
pub mod entity;
pub mod error;
pub mod extract;
pub mod openapi;
pub mod operations;
pub mod policy;
pub mod prelude;
pub mod principal;
pub mod query;
pub mod registry;
pub mod search;
pub mod serve;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use crud_derive::{EntityInterface, dto};

pub use self::{
    app::App,
    db::{Db, DbConfig, Json, Timestamp, Tx, Uuid, sql_types},
    entity::EntityInterface,
    error::{Error, Result},
    operations::Context,
    policy::{Action, Policy, Scope},
    principal::Principal,
    registry::Registry,
};

#[doc(hidden)]
pub mod __private;
