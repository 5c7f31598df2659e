//! A backend is declared, not written: `#[derive(EntityInterface)]` turns an entity's DTOs, its
//! search and its policy into routes on PostgreSQL or SQLite.
//!
//! ```
//! use crud_core::prelude::*;
//!
//! diesel::table! {
//!     use crud_core::sql_types::*;
//!     notes (id) {
//!         id -> Uuid,
//!         title -> Text,
//!         is_public -> Bool,
//!         version -> BigInt,
//!         created_at -> Timestamptz,
//!         updated_at -> Timestamptz,
//!         created_by -> Nullable<Uuid>,
//!         updated_by -> Nullable<Uuid>,
//!         properties -> Nullable<Jsonb>,
//!     }
//! }
//!
//! /// Something worth remembering.
//! #[derive(EntityInterface)]
//! #[entity(
//!     endpoint = "notes", table = notes,
//!     create = NoteCreate, get = NoteGet, list = NoteGet, update = NoteUpdate, query = NoteQuery,
//!     search = search, policy = NotePolicy, sort(title)
//! )]
//! pub struct Note;
//!
//! #[dto(create, table = notes)]
//! pub struct NoteCreate {
//!     /// What it is about.
//!     #[validate(length(min = 1, max = 255))]
//!     pub title: String,
//!     /// Whether everyone may read it.
//!     #[dto(default)]
//!     pub is_public: bool,
//! }
//!
//! #[dto(get, table = notes)]
//! pub struct NoteGet {
//!     /// What it is about.
//!     pub title: String,
//!     /// Whether everyone may read it.
//!     pub is_public: bool,
//! }
//!
//! #[dto(update, table = notes)]
//! pub struct NoteUpdate {
//!     /// What it is about.
//!     #[validate(length(min = 1, max = 255))]
//!     pub title: Option<String>,
//! }
//!
//! #[dto(query)]
//! pub struct NoteQuery {
//!     /// A part of the title.
//!     pub title: Option<String>,
//! }
//!
//! fn search(search: Search<notes::table>, query: &NoteQuery) -> Search<notes::table> {
//!     search.filter_if(&query.title, |title| notes::title.contains_ci(title))
//! }
//!
//! pub struct NotePolicy;
//!
//! impl Policy<notes::table> for NotePolicy {
//!     fn scope(principal: &Principal, action: Action) -> Scope<notes::table> {
//!         let own = Scope::owned_by(notes::created_by, principal.id());
//!         match action {
//!             Action::Get | Action::List => own.or(Scope::eq(notes::is_public, true)),
//!             _ => own,
//!         }
//!     }
//! }
//!
//! let registry = crud_core::Registry::new().entity::<Note>();
//! assert_eq!(registry.resources()[0].endpoint, "notes");
//! ```
//!
//! # The way of a request
//!
//! `router` (HTTP in) → [`auth`] (who asks) → [`query`] and `body` (what is asked) → [`operations`]
//! (policy → statement → row) → [`db`] (PostgreSQL or SQLite) → `router` (HTTP out).
//!
//! What an application writes: [`entity`] (the declaration), [`mod@dto`] (its bodies and rows),
//! [`policy`] (who may do what), [`search`] (the conditions of its lists).

#![warn(missing_docs)]

// The macros name the crate from outside; its own tests use them.
#[cfg(test)]
extern crate self as crud_core;

mod app;
mod body;
mod etag;
mod file;
mod router;
mod row;

pub mod auth;
pub mod cache;
pub mod db;
pub mod dto;
pub mod entity;
pub mod error;
pub mod extract;
pub mod hook;
pub mod jobs;
pub mod openapi;
pub mod operations;
pub mod policy;
pub mod prelude;
pub mod principal;
pub mod query;
pub mod registry;
pub mod relation;
pub mod search;
pub mod serve;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use crud_derive::{EntityInterface, dto};

pub use self::{
    app::App,
    cache::Cache,
    db::{Db, DbConfig, Json, Timestamp, Tx, Uuid, sql_types},
    entity::EntityInterface,
    error::{Error, Result},
    file::FileFormat,
    operations::Context,
    policy::{Action, Policy, Scope},
    principal::Principal,
    registry::Registry,
};

#[doc(hidden)]
pub mod __private;
