//! Every test of the LMS as a whole, in one binary. Each module is about one subject; each test runs on
//! both databases.

mod auth;
mod cache;
mod cache_access;
mod cache_oracle;
mod cache_races;
mod cache_stores;
mod commands;
mod conformance;
mod courses;
mod database;
mod enrollments;
mod errors;
mod faults;
mod hardening;
mod harness;
mod instances;
mod lists;
mod openapi;
mod permissions;
mod sessions;
mod steps;
mod users;
mod writes;
