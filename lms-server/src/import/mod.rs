//! Data from outside.

pub mod oulad;
