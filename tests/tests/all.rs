//! Every test of the LMS as a whole, in one binary. Each module is about one subject; each test runs on
//! both databases.

mod harness;
