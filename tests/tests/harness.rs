//! The harness itself: databases that are apart, users who are there, requests that are answered.

use crud_core::testing::on_both;
use serde_json::json;
use tests::{PASSWORD, TestApp};

on_both! {
    async fn every_client_is_who_it_says(app: TestApp) {
        app.anonymous().get("/auth/me").await.is_problem(401, "unauthenticated");
        for (client, role) in [
            (app.student(), "student"),
            (app.instructor(), "instructor"),
            (app.other_instructor(), "instructor"),
            (app.admin(), "admin"),
        ] {
            let me = client.get("/auth/me").await.is(200);
            assert_eq!(me["id"], client.id().to_string());
            assert_eq!(me["role"], role);
        }
    }

    async fn a_user_of_the_template_can_sign_in(app: TestApp) {
        let body = json!({"email": "student@test.example", "password": PASSWORD});
        app.anonymous().post("/auth/login", body).await.is(200);
    }

    async fn tests_do_not_see_each_other(app: TestApp) {
        let other = TestApp::new(app.kind).await;
        let course = app.instructor().post("/courses", json!({"title": "One"})).await.is(201);
        let path = format!("/courses/{}", course.id());
        app.admin().get(&path).await.is(200);
        other.admin().get(&path).await.is_problem(404, "not_found");
    }
}
