//! Handing in and scoring.

use crud_core::testing::{Client, on_both};
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, draft, id, made, published};

/// A course with an assessment, of which the student takes part; their paths.
async fn course_with_assessment(app: &TestApp) -> (String, String) {
    let course = published(&app.instructor(), "Course").await;
    let assessment = assessment(&app.instructor(), &course).await;
    enroll(&app.student(), &course).await;
    (course, assessment)
}

async fn assessment(by: &Client, course: &str) -> String {
    let body = json!({"course_id": id(course), "title": "TMA 1", "assessment_type": "TMA"});
    made(by, "/assessments", body).await
}

async fn enroll(student: &Client, course: &str) -> String {
    made(student, "/enrollments", json!({"course_id": id(course)})).await
}

/// What handing in needs.
fn handing_in(assessment: &str) -> Value {
    json!({"assessment_id": id(assessment), "content": "An essay"})
}

const REFUSED: &str = "Only students of the assessment's course can hand in, each for himself";

on_both! {
    async fn a_student_hands_in_and_the_instructor_scores(app: TestApp) {
        let (_, assessment) = course_with_assessment(&app).await;
        let row = app.student().post("/submissions", handing_in(&assessment)).await.is(201);
        assert_eq!(row["student_id"], app.student().id().to_string());
        assert!(row["score"].is_null());
        let path = format!("/submissions/{}", row.id());
        let scored = app.instructor().patch(&path, json!({"score": 78.5})).await.is(200);
        assert_eq!(scored["score"], 78.5);
        assert_eq!(app.student().get(&path).await.is(200)["score"], 78.5);
        for wrong in [-1.0, 100.5] {
            let refused = app.instructor().patch(&path, json!({"score": wrong})).await;
            refused.is_problem(422, "invalid").names(&["/score"]);
        }
    }

    async fn a_student_hands_in_once_for_an_assessment(app: TestApp) {
        let (_, assessment) = course_with_assessment(&app).await;
        let first = app.student().post("/submissions", handing_in(&assessment)).await.is(201);
        let again = app.student().post("/submissions", handing_in(&assessment)).await;
        again.is_problem(409, "handed_in").says("Already handed in for this assessment");
        let path = format!("/submissions/{}/archive", first.id());
        app.student().patch(&path, json!({})).await.is(200);
        app.student().post("/submissions", handing_in(&assessment)).await.is(201);
    }

    async fn a_student_can_neither_set_nor_change_a_score(app: TestApp) {
        let (_, assessment) = course_with_assessment(&app).await;
        let mut body = handing_in(&assessment);
        let row = app.student().post("/submissions", body.clone()).await.is(201);
        let path = format!("/submissions/{}", row.id());
        let refused = app.student().patch(&path, json!({"score": 100})).await;
        refused.is_problem(403, "forbidden_field").names(&["/score"]);
        body["score"] = json!(100);
        app.student().put(&path, body).await.is_problem(403, "forbidden_field");
        for field in ["submitted_day", "is_banked"] {
            let value = if field == "is_banked" { json!(true) } else { json!(1) };
            let refused = app.student().patch(&path, json!({field: value})).await;
            refused.is_problem(403, "forbidden_field");
        }
        assert!(app.student().get(&path).await.is(200)["score"].is_null());
    }

    // An instructor is a student in the courses of others.
    async fn an_instructor_does_not_score_himself(app: TestApp) {
        let (course, assessment) = course_with_assessment(&app).await;
        for by in [app.instructor(), app.other_instructor()] {
            enroll(&by, &course).await;
            let row = by.post("/submissions", handing_in(&assessment)).await.is(201);
            let path = format!("/submissions/{}", row.id());
            let refused = by.patch(&path, json!({"score": 100})).await;
            refused.is_problem(403, "forbidden").says("Students cannot score their own submissions");
        }
    }

    async fn what_is_scored_is_no_longer_changed(app: TestApp) {
        let (_, assessment) = course_with_assessment(&app).await;
        let row = app.student().post("/submissions", handing_in(&assessment)).await.is(201);
        let path = format!("/submissions/{}", row.id());
        let change = json!({"content": "A better essay"});
        app.student().patch(&path, change.clone()).await.is(200);
        app.instructor().patch(&path, json!({"score": 40})).await.is(200);
        let refused = app.student().patch(&path, change).await;
        refused.is_problem(409, "scored").says("can no longer be changed");
        let put = app.student().put(&path, handing_in(&assessment)).await;
        put.is_problem(409, "scored");
        let archive = app.student().patch(&format!("{path}/archive"), json!({})).await;
        archive.is_problem(403, "forbidden");
        app.student().post("/submissions", handing_in(&assessment)).await.is_problem(409, "handed_in");
        app.instructor().patch(&path, json!({"score": 50})).await.is(200);
    }

    async fn the_instructor_changes_nothing_but_the_score(app: TestApp) {
        let (course, first) = course_with_assessment(&app).await;
        let second = assessment(&app.instructor(), &course).await;
        let row = app.student().post("/submissions", handing_in(&first)).await.is(201);
        let path = format!("/submissions/{}", row.id());
        let refused = app.instructor().patch(&path, json!({"content": "Worse"})).await;
        refused.is_problem(403, "forbidden").says("Only the student can change what was handed in");
        let mut body = handing_in(&second);
        body["student_id"] = json!(app.student().id().to_string());
        app.instructor().put(&path, body).await.is_problem(403, "forbidden");
        assert_eq!(app.student().get(&path).await.is(200).json, row.json);
    }

    // The same answer whatever does not fit, or it would tell what there is.
    async fn only_students_of_the_course_hand_in(app: TestApp) {
        let (course, assessment_of_course) = course_with_assessment(&app).await;
        let hidden = draft(&app.instructor(), "Draft").await;
        let hidden = assessment(&app.instructor(), &hidden).await;
        let outsider = app.other_student();
        for target in [&assessment_of_course, &hidden, &format!("/assessments/{NOBODY}")] {
            let refused = outsider.post("/submissions", handing_in(target)).await;
            refused.is_problem(403, "forbidden").says(REFUSED);
        }
        let mut for_another = handing_in(&assessment_of_course);
        for_another["student_id"] = json!(app.student().id().to_string());
        outsider.post("/submissions", for_another.clone()).await.is_problem(403, "forbidden").says(REFUSED);
        app.anonymous().post("/submissions", for_another.clone()).await.is_problem(401, "unauthenticated");
        app.admin().post("/submissions", for_another.clone()).await.is(201);
        for_another["student_id"] = json!(outsider.id().to_string());
        let refused = app.admin().post("/submissions", for_another).await;
        refused.is_problem(409, "not_enrolled");
        let enrollment = enroll(&outsider, &course).await;
        outsider.patch(&format!("{enrollment}/archive"), json!({})).await.is(200);
        let left = outsider.post("/submissions", handing_in(&assessment_of_course)).await;
        left.is_problem(403, "forbidden").says(REFUSED);
        assert_eq!(app.admin().get("/submissions?archived=any").await.is(200).total(), 1);
    }

    async fn a_submission_is_not_moved_into_a_course_of_others(app: TestApp) {
        let (_, assessment_of_course) = course_with_assessment(&app).await;
        let row = app.student().post("/submissions", handing_in(&assessment_of_course)).await.is(201);
        let elsewhere = published(&app.other_instructor(), "Elsewhere").await;
        let elsewhere = assessment(&app.other_instructor(), &elsewhere).await;
        let path = format!("/submissions/{}", row.id());
        let refused = app.student().put(&path, handing_in(&elsewhere)).await;
        refused.is_problem(403, "forbidden").says(REFUSED);
    }

    async fn submissions_are_seen_by_student_instructor_and_administrators(app: TestApp) {
        let (course, assessment) = course_with_assessment(&app).await;
        let row = app.student().post("/submissions", handing_in(&assessment)).await.is(201);
        let path = format!("/submissions/{}", row.id());
        let filters = [
            format!("assessment_id={}", id(&assessment)),
            format!("student_id={}", app.student().id()),
            format!("course_id={}", id(&course)),
        ];
        for by in [app.student(), app.instructor(), app.admin()] {
            by.get(&path).await.is(200);
            for filter in &filters {
                assert_eq!(by.get(&format!("/submissions?{filter}")).await.is(200).total(), 1, "{filter}");
            }
            let none = format!("/submissions?course_id={NOBODY}");
            assert_eq!(by.get(&none).await.is(200).total(), 0);
        }
        for by in [app.other_student(), app.other_instructor()] {
            by.get(&path).await.is_problem(404, "not_found");
            assert_eq!(by.get("/submissions").await.is(200).total(), 0);
            by.patch(&path, json!({"score": 1})).await;
        }
        app.anonymous().get(&path).await.is_problem(401, "unauthenticated");
        assert!(app.admin().get(&path).await.is(200)["score"].is_null());
        app.student().delete(&path).await.is_problem(403, "forbidden");
        app.admin().delete(&path).await.is(204);
    }
}
