//! How many reads find what they ask for in the cache, of many users, while others write.
//!
//! `HIT_REQUESTS` makes the run longer; `TEST_SEED` repeats one.

use crud_core::{
    Uuid,
    testing::{Random, on_both},
};
use lms_server::roles::Role;
use serde_json::json;
use tests::TestApp;

use crate::{
    faults::Statements,
    rig::setting,
    steps::{published, run},
};

const USERS: usize = 1_000;
const COURSES: usize = 50;

on_both! {
    // Kills: a row that is kept for each user who asked; a write that makes more than its row forgotten
    async fn of_a_thousand_users_hardly_anyone_asks_the_database(app: TestApp) {
        let mut courses = Vec::new();
        for n in 0..COURSES {
            courses.push(published(&app.instructor(), &format!("Course {n}")).await);
        }
        let mut users = Vec::new();
        for n in 0..USERS {
            let id: Uuid = format!("00000000-0000-4000-8000-{n:012x}").parse().expect("a UUID");
            let copy = format!(
                "INSERT INTO users (id, email, full_name, role, is_active, token_generation, version, created_at, updated_at) \
                 SELECT ?, 'student-{n}@test.example', full_name, role, is_active, token_generation, version, created_at, \
                 updated_at FROM users WHERE email = 'student@test.example'"
            );
            run(&app, &copy, &id.to_string()).await.expect("it can be copied");
            users.push(app.sign_in_as(id, Role::Student));
        }
        let mut random = Random::new();
        // Each has been here before.
        for (n, user) in users.iter().enumerate() {
            user.get(&courses[n % COURSES]).await.is(200);
        }
        let requests = setting("HIT_REQUESTS", 2_000_usize);
        let (mut reads, mut hits, mut writes) = (0, 0, 0);
        for n in 0..requests {
            let course = random.pick(&courses);
            if random.below(100) == 0 {
                let changed = json!({"title": format!("Title {n}")});
                app.instructor().patch(course, changed).await.is(200);
                writes += 1;
                continue;
            }
            let (counted, guard) = Statements::watch();
            random.pick(&users).get(course).await.is(200);
            drop(guard);
            reads += 1;
            hits += usize::from(counted.count() == 0);
        }
        eprintln!("{:?}: {hits} of {reads} reads without a statement, {writes} writes", app.kind);
        assert!(writes > 0 && hits * 100 >= reads * 97, "{hits} of {reads}, {writes} writes");
    }
}
