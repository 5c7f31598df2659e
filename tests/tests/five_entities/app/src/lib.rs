//! A school: users, and what the scaffold writes.

pub mod entities;
mod migrations;
pub mod roles;
pub mod schema;

pub use self::migrations::MIGRATIONS;
