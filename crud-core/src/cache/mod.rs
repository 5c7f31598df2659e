//! The cache: never stale after a 2xx, and no reader can tell that it is there, except by the clock.
//!
//! A write *marks* what it touches before its COMMIT and *posts* after it; a body is used only while everything that it
//! depends on is unmarked and has the stamp under which the body was loaded. `operations` reads through [`Cache`],
//! `db` writes through it, and a [`Store`] keeps stamps and bodies: in the process, or in Redis. Nothing here knows an
//! entity, a policy or SQL.

pub mod control;
mod redis;
mod store;

pub use self::store::{Dep, Doubt, Entry, IN_DOUBT, Read, Stamps, Store, Table, Token, Unmarked};
