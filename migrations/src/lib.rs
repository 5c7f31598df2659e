//! The tables of the LMS, and the migrations that make them on both databases, embedded in the binary.
//!
//! A crate of its own, because they change seldom and cost the compiler more than the entities: whoever edits an entity
//! does not wait for them.

pub mod schema;

crud_core::migrations! { "..";
    1 "0001_users",
    2 "0002_organizations",
    3 "0003_courses",
    4 "0004_modules",
    5 "0005_lessons",
    6 "0006_assessments",
    7 "0007_refresh_tokens",
    8 "0008_enrollments",
    9 "0009_lesson_progress",
    10 "0010_posts",
    11 "0011_submissions",
    12 "0012_certificates",
    13 "0013_examples",
    14 "0014_projects",
    15 "0015_jobs",
    16 "0016_course_statistics",
    20 "0020_cache",
    22 "0022_idempotency",
    23 "0023_history",
    24 "0024_words",
}
