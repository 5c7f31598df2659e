//! Every test of the LMS as a whole, in one binary. Each module is about one subject; each test runs on
//! both databases.

mod auth;
mod certificates;
mod commands;
mod conformance;
mod courses;
mod custom_routes;
mod database;
mod enrollments;
mod errors;
mod examples;
mod faults;
mod hardening;
mod harness;
mod import;
mod includes;
mod jobs;
mod lists;
mod mail;
mod many;
mod notes;
mod openapi;
mod permissions;
mod posts;
mod projects;
mod scaffold;
mod sessions;
mod slugs;
mod statistics;
mod steps;
mod submissions;
mod users;
mod writes;
