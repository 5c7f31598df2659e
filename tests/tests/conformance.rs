//! Every entity of the LMS keeps the contract of the generated routes.

use crud_core::{
    Uuid,
    testing::{
        Client,
        conformance::{Conformance, check_all},
        on_both,
    },
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{id, made, published};

/// Only published courses can be enrolled in, each once: every enrollment gets a course of its own.
fn enrollable(
    admin: Client,
) -> impl for<'a> Fn(&'a Conformance) -> BoxFuture<'a, Value> + Send + Sync + 'static {
    move |_| {
        let admin = admin.clone();
        Box::pin(async move {
            let title = format!("Course {}", Uuid::now_v7());
            let course = published(&admin, &title).await;
            json!({"course_id": id(&course)})
        })
    }
}

/// Who is enrolled hands in, once for each assessment: every submission gets an assessment of its own.
fn handed_in(
    admin: Client,
) -> impl for<'a> Fn(&'a Conformance) -> BoxFuture<'a, Value> + Send + Sync + 'static {
    move |_| {
        let admin = admin.clone();
        Box::pin(async move {
            let title = format!("Course {}", Uuid::now_v7());
            let course = published(&admin, &title).await;
            made(&admin, "/enrollments", json!({"course_id": id(&course)})).await;
            let body = json!({"course_id": id(&course), "title": title, "assessment_type": "TMA"});
            let assessment = made(&admin, "/assessments", body).await;
            json!({"assessment_id": id(&assessment), "student_id": admin.id().to_string()})
        })
    }
}

/// The suite with what no declaration of the LMS says. It also makes rows and bodies for other tests.
pub(crate) fn suite(app: &TestApp) -> Conformance {
    let admin = app.admin();
    Conformance::new(&app.lms.app, &admin, &app.student())
        .seed("enrollments", enrollable(admin.clone()))
        .except(
            "enrollments",
            "a_row_that_is_there_already_is_a_conflict",
            "it says so in its own words",
        )
        .seed("submissions", handed_in(admin))
        .except(
            "submissions",
            "a_row_that_is_there_already_is_a_conflict",
            "it says so in its own words",
        )
        .except(
            "lesson-progress",
            "what_is_absent_stays",
            "completing a lesson sets the time",
        )
}

on_both! {
    async fn every_entity_keeps_the_contract(app: TestApp) {
        check_all(&suite(&app)).await;
    }
}
