//! Data from outside.

pub mod catalogue;
pub mod oulad;
