//! Every test of the LMS as a whole, in one binary. Each module is about one subject; each test runs on
//! both databases.

mod auth;
mod commands;
mod conformance;
mod courses;
mod database;
mod enrollments;
mod errors;
mod faults;
mod hardening;
mod harness;
mod import;
mod lists;
mod many;
mod openapi;
mod permissions;
mod sessions;
mod statistics;
mod steps;
mod submissions;
mod users;
mod writes;
