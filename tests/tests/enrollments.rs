//! Enrolling and progress: the entities whose writes have consequences.

use crud_core::testing::{Reply, on_both};
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, count, draft, id, lesson, published, run};

/// What enrolling in a course needs.
fn enrolling(course: &str) -> Value {
    json!({"course_id": id(course)})
}

/// A course with lessons that everyone sees.
async fn course_with(app: &TestApp, lessons: i32) -> String {
    let course = published(&app.instructor(), "Course").await;
    for order in 0..lessons {
        lesson(&app.instructor(), &course, order).await;
    }
    course
}

async fn progress(app: &TestApp, enrollment: &str) -> Reply {
    let path = format!("/lesson-progress?enrollment_id={enrollment}&page_size=100");
    app.admin().get(&path).await.is(200)
}

on_both! {
    // 2.09
    async fn enrolling_makes_a_progress_row_for_every_lesson(app: TestApp) {
        let course = course_with(&app, 7).await;
        let enrollment = app.student().post("/enrollments", enrolling(&course)).await.is(201);
        assert_eq!(enrollment["student_id"], app.student().id().to_string());
        let rows = progress(&app, &enrollment.id()).await;
        assert_eq!(rows.total(), 7);
        assert!(rows.column("completed").iter().all(|done| done == false));
    }

    // 2.06
    async fn a_student_enrolls_once_in_a_course(app: TestApp) {
        let course = course_with(&app, 2).await;
        let first = app.student().post("/enrollments", enrolling(&course)).await.is(201);
        let again = app.student().post("/enrollments", enrolling(&course)).await;
        again.is_problem(409, "enrolled").says("Already enrolled in this course");
        app.other_student().post("/enrollments", enrolling(&course)).await.is(201);
        let path = format!("/enrollments/{}/archive", first.id());
        app.student().patch(&path, json!({})).await.is(200);
        app.student().post("/enrollments", enrolling(&course)).await.is(201);
    }

    // 2.06: of many at once, one
    async fn of_parallel_enrollments_exactly_one_stands(app: TestApp) {
        let course = course_with(&app, 3).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (student, body) = (app.student(), enrolling(&course));
            tasks.spawn(async move { student.post("/enrollments", body).await.status });
        }
        let mut statuses = tasks.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
        let found = app.admin().get("/enrollments").await.is(200);
        assert_eq!(found.total(), 1);
        assert_eq!(app.admin().get("/lesson-progress").await.is(200).total(), 3);
    }

    // 2.07, 2.08
    async fn only_a_published_course_can_be_enrolled_in(app: TestApp) {
        let missing = app.student().post("/enrollments", json!({"course_id": NOBODY})).await;
        missing.is_problem(404, "not_found").says("Course not found");
        let hidden = draft(&app.instructor(), "Draft").await;
        lesson(&app.instructor(), &hidden, 1).await;
        let refused = app.student().post("/enrollments", enrolling(&hidden)).await;
        refused.is_problem(409, "unpublished").says("Cannot enroll in unpublished course");
        // What the refused write did before its refusal is undone.
        assert_eq!(app.admin().get("/enrollments?archived=any").await.is(200).total(), 0);
        assert_eq!(app.admin().get("/lesson-progress").await.is(200).total(), 0);
    }

    // Fault 11: a hook that fails takes its write with it
    async fn an_enrollment_whose_hook_fails_does_not_exist(app: TestApp) {
        let course = course_with(&app, 3).await;
        // The hook's own statement fails, after the enrollment's row was written.
        run(&app, "ALTER TABLE lesson_progress RENAME TO away", NOBODY).await.expect("it is there");
        app.student().post("/enrollments", enrolling(&course)).await.is_problem(500, "internal");
        run(&app, "ALTER TABLE away RENAME TO lesson_progress", NOBODY).await.expect("it is there");
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (0, 0));
        app.student().post("/enrollments", enrolling(&course)).await.is(201);
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (1, 3));
    }

    async fn only_administrators_enroll_others(app: TestApp) {
        let course = course_with(&app, 1).await;
        let body = json!({"course_id": id(&course), "student_id": app.student().id().to_string()});
        app.anonymous().post("/enrollments", body.clone()).await.is_problem(401, "unauthenticated");
        app.other_student().post("/enrollments", body.clone()).await.is_problem(403, "forbidden");
        let enrollment = app.admin().post("/enrollments", body).await.is(201);
        let path = format!("/enrollments/{}", enrollment.id());
        app.student().get(&path).await.is(200);
        app.instructor().get(&path).await.is(200);
        app.other_student().get(&path).await.is_problem(404, "not_found");
        app.other_instructor().get(&path).await.is_problem(404, "not_found");
    }

    async fn the_last_lesson_completes_the_enrollment(app: TestApp) {
        let course = course_with(&app, 3).await;
        let enrollment = app.student().post("/enrollments", enrolling(&course)).await.is(201);
        let path = format!("/enrollments/{}", enrollment.id());
        let rows = progress(&app, &enrollment.id()).await.column("id");
        let done = json!({"completed": true});
        for (n, row) in rows.iter().enumerate() {
            let row = format!("/lesson-progress/{}", row.as_str().expect("an id"));
            app.other_student().patch(&row, done.clone()).await.is_problem(404, "not_found");
            app.instructor().patch(&row, done.clone()).await.is_problem(403, "forbidden");
            let row = app.student().patch(&row, done.clone()).await.is(200);
            assert!(row["completed_at"].is_string());
            let is_last = n + 1 == rows.len();
            let enrollment = app.student().get(&path).await.is(200);
            assert_eq!(enrollment["completed_at"].is_string(), is_last, "after {n}");
        }
        let first = format!("/lesson-progress/{}", rows[0].as_str().expect("an id"));
        app.student().patch(&first, json!({"completed": false})).await.is(200);
        assert!(app.student().get(&path).await.is(200)["completed_at"].is_null());
    }

    async fn of_lessons_done_at_once_the_last_completes_the_enrollment(app: TestApp) {
        let course = course_with(&app, 12).await;
        let enrollment = app.student().post("/enrollments", enrolling(&course)).await.is(201);
        let mut tasks = tokio::task::JoinSet::new();
        for row in progress(&app, &enrollment.id()).await.column("id") {
            let student = app.student();
            let path = format!("/lesson-progress/{}", row.as_str().expect("an id"));
            tasks.spawn(async move { student.patch(&path, json!({"completed": true})).await.status });
        }
        assert!(tasks.join_all().await.iter().all(|status| *status == 200));
        let path = format!("/enrollments/{}", enrollment.id());
        assert!(app.student().get(&path).await.is(200)["completed_at"].is_string());
    }
}
