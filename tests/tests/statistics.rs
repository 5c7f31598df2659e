//! What courses add up to. That the figures of real records are right is shown in `import`.

use crud_core::testing::on_both;
use lms_server::statistics::refresh;
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, draft, id, made, published, run, texts};

const OLD: &str = "UPDATE course_statistics SET computed_at = ";

/// Makes the kept figures older than they may be.
async fn grow_old(app: &TestApp) {
    let by = match app.kind {
        crud_core::db::DbKind::Sqlite => "computed_at - 301000000",
        crud_core::db::DbKind::Postgres => "computed_at - interval '301 s'",
    };
    run(app, &format!("{OLD}{by}"), NOBODY)
        .await
        .expect("the table is there");
}

/// The figures without course and time.
fn figures(mut statistics: Value) -> Value {
    let fields = statistics.as_object_mut().expect("an object");
    fields.remove("course_id");
    fields.remove("computed_at");
    statistics
}

on_both! {
    async fn statistics_count_enrollments_results_and_submissions(app: TestApp) {
        let (instructor, student) = (app.instructor(), app.student());
        let course = published(&instructor, "Course").await;
        let path = format!("{course}/statistics");
        let none = app.anonymous().get(&path).await.is(200);
        assert_eq!(none["course_id"], id(&course));
        let zeros = json!({"enrolled": 0, "withdrawn": 0, "failed": 0, "passed": 0, "distinctions": 0,
            "submissions": 0, "average_score": null});
        assert_eq!(figures(none.json), zeros);

        let body = json!({"course_id": id(&course), "title": "TMA", "assessment_type": "TMA"});
        let assessment = made(&instructor, "/assessments", body).await;
        for by in [&student, &app.other_student(), &app.other_instructor(), &app.admin()] {
            let enrollment = made(by, "/enrollments", json!({"course_id": id(&course)})).await;
            let row = made(by, "/submissions", json!({"assessment_id": id(&assessment)})).await;
            if by.id() == student.id() {
                instructor.patch(&enrollment, json!({"final_result": "Distinction"})).await.is(200);
                instructor.patch(&row, json!({"score": 81})).await.is(200);
            } else if by.id() == app.other_student().id() {
                instructor.patch(&enrollment, json!({"final_result": "Fail"})).await.is(200);
                instructor.patch(&row, json!({"score": 20})).await.is(200);
            } else if by.id() == app.admin().id() {
                by.patch(&format!("{row}/archive"), json!({})).await.is(200);
            } else {
                by.patch(&format!("{enrollment}/archive"), json!({})).await.is(200);
            }
        }
        // Elsewhere, and not among them.
        let other = published(&instructor, "Other").await;
        made(&student, "/enrollments", json!({"course_id": id(&other)})).await;

        let expected = json!({"enrolled": 4, "withdrawn": 1, "failed": 1, "passed": 0, "distinctions": 1,
            "submissions": 3, "average_score": 50.5});
        // Kept for five minutes, then computed when they are asked for.
        assert_eq!(figures(student.get(&path).await.is(200).json), zeros);
        grow_old(&app).await;
        assert_eq!(figures(student.get(&path).await.is(200).json), expected);
        assert_eq!(texts(&app, "SELECT 'x' FROM course_statistics").await.len(), 1);
        assert_eq!(refresh(app.lms.app.db(), None).await.unwrap(), 2);
        assert_eq!(figures(student.get(&path).await.is(200).json), expected);
    }

    async fn statistics_are_computed_on_demand_by_instructor_and_administrators(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let path = format!("{course}/statistics");
        app.student().get(&path).await.is(200);
        made(&app.student(), "/enrollments", json!({"course_id": id(&course)})).await;
        for by in [app.instructor(), app.admin()] {
            let renewed = by.post(&path, json!({})).await.is(200);
            assert_eq!(renewed["enrolled"], 1);
            let read = app.student().get(&path).await.is(200);
            assert_eq!(read.json, renewed.json);
        }
        app.student().post(&path, json!({})).await.is_problem(403, "forbidden");
        app.other_instructor().post(&path, json!({})).await.is_problem(403, "forbidden");
        app.anonymous().post(&path, json!({})).await.is_problem(401, "unauthenticated");
    }

    async fn statistics_are_for_whoever_sees_the_course(app: TestApp) {
        let course = draft(&app.instructor(), "Draft").await;
        let path = format!("{course}/statistics");
        app.instructor().get(&path).await.is(200);
        app.admin().get(&path).await.is(200);
        for by in [app.student(), app.other_instructor()] {
            by.get(&path).await.is_problem(404, "not_found");
            by.post(&path, json!({})).await.is_problem(404, "not_found");
        }
        app.student().get(&format!("/courses/{NOBODY}/statistics")).await.is_problem(404, "not_found");
        app.student().get("/courses/one/statistics").await.is_problem(422, "invalid");
        app.admin().delete(&course).await.is(204);
        assert_eq!(texts(&app, "SELECT 'x' FROM course_statistics").await.len(), 0);
    }
}
