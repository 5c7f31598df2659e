//! A backend is declared, not written: `#[derive(EntityInterface)]` turns an entity's fields and its
//! policy into routes on PostgreSQL or SQLite.
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
//! #[entity(endpoint = "notes", table = notes, policy = NotePolicy)]
//! pub struct Note {
//!     /// What it is about.
//!     #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 255)))]
//!     pub title: String,
//!     /// Whether everyone may read it.
//!     #[field(create, read, default)]
//!     pub is_public: bool,
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
//! That writes the types `NoteCreate`, `NoteUpdate`, `NoteGet`, `NoteList` and `NoteQuery` and the function
//! `note_search`. Any of them can be written by hand instead: see [`entity`].
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
mod cursor;
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
pub mod filter;
pub mod history;
pub mod hook;
pub mod id;
pub mod jobs;
pub mod once;
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

/// The numbers that an application computes with: [`Decimal::value`].
pub use rust_decimal;

/// A day without a time: a column of the SQL type `Date`, `2024-02-29` on the wire. Years 0 to 9999.
pub use chrono::NaiveDate;
/// The declaration of an entity in the short form:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// What an instructor tells, beside the courses.
/// #[derive(EntityInterface)]
/// #[entity(endpoint = "talks", table = courses, policy = CoursePolicy, cache_ttl = 300)]
/// pub struct Talk {
///     /// What it is called.
///     #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 200)))]
///     pub title: String,
///     /// What it costs: set when it is made, and not changed.
///     #[field(create, read, filter, default = 100, validate(range(min = 0)))]
///     pub price: i32,
///     /// The title, loudly.
///     #[field(get, computed = loud(title))]
///     pub loud_title: String,
///     /// Never leaves the server and can't be set: there is no `#[field]` above it.
///     pub metadata: Option<Json>,
///     #[field(create, default)]
///     is_published: bool,
/// }
///
/// fn loud(title: &str) -> String {
///     title.to_uppercase()
/// }
/// ```
pub use crud_derive::EntityInterface;
/// The bodies and rows of an entity by hand:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// #[dto(create, table = courses)]
/// pub struct TalkCreate {
///     /// Its title.
///     #[validate(length(min = 1, max = 200))]
///     pub title: String,
///     pub metadata: Option<Json>,
///     #[dto(default = 100)]
///     pub price: i32,
/// }
///
/// #[dto(update, table = courses)]
/// pub struct TalkUpdate {
///     pub title: Option<String>,
///     /// May be cleared, by `null`.
///     pub metadata: Option<Option<Json>>,
/// }
///
/// #[dto(get, table = courses)]
/// pub struct TalkGet {
///     pub title: String,
///     #[dto(computed = is_free(price))]
///     pub is_free: bool,
///     pub price: i32,
/// }
///
/// fn is_free(price: i32) -> bool {
///     price == 0
/// }
/// ```
pub use crud_derive::dto;

pub use self::{
    app::App,
    cache::Cache,
    db::{Db, DbConfig, Decimal, Json, Timestamp, Tx, Uuid, sql_types},
    entity::EntityInterface,
    error::{Error, Result},
    file::FileFormat,
    filter::{Filter, FullText, Through},
    id::{Id, IdKind, IdOf, IdType},
    operations::Context,
    policy::{Action, Policy, Scope},
    principal::Principal,
    registry::Registry,
};

#[doc(hidden)]
pub mod __private;
