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
mod includes;
mod jobs;
mod lists;
mod mail;
mod openapi;
mod permissions;
mod posts;
mod projects;
mod sessions;
mod slugs;
mod steps;
mod users;
mod writes;
