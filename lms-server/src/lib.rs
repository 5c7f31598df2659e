//! The learning management system: entities declared with `crud_core`, and what is not CRUD.

pub mod accounts;
mod auth;
pub mod config;
pub mod demo;
pub mod entities;
pub mod import;
pub mod jobs;
mod lms;
pub mod mail;
pub mod progress;
pub mod roles;
pub mod scaffold;
pub mod sessions;
pub mod statistics;

pub use lms_migrations::{MIGRATIONS, schema};

pub use self::lms::{Lms, document};
