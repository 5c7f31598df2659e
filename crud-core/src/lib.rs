//! The framework.
extern crate self as crud_core;

pub mod db;
pub use db::{Db, DbConfig, DbError, Executor, Json, Load, Stmt, Timestamp, Tx, Uuid, sql_types};

#[doc(hidden)]
pub mod __private {
    pub use {diesel, schemars, serde};
}
