//! The API's description: sound in itself, and the one that was agreed to. After a wanted change:
//! `cargo run -- openapi > tests/openapi.json`, and the diff says what clients will notice.

use axum::http::Method;
use crud_core::{openapi, testing::on_both};
use serde_json::json;
use tests::TestApp;

use crate::steps::NOBODY;

#[test]
fn the_document_is_sound() {
    let faults = openapi::check(&lms_server::document());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_document_is_the_one_that_was_agreed_to() {
    let agreed: serde_json::Value =
        serde_json::from_str(include_str!("../openapi.json")).expect("the snapshot is JSON");
    let now = lms_server::document();
    if now == agreed {
        return;
    }
    for (path, item) in now["paths"].as_object().expect("there are paths") {
        assert_eq!(item, &agreed["paths"][path], "{path} has changed");
    }
    assert_eq!(now, agreed, "a path is gone, or a component has changed");
}

on_both! {
    // Faults 13 and 18: whatever the document offers is there, and breaks for nobody, whatever is sent
    async fn no_described_operation_fails_for_any_caller(app: TestApp) {
        let document = lms_server::document();
        let mut asked = 0;
        for (path, item) in document["paths"].as_object().expect("there are paths") {
            let is_job = path.contains("/jobs/");
            let path = path
                .replace("{id}", if is_job { "1" } else { NOBODY })
                .replace("{slug}", "none")
                .replace("{code}", "none");
            assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
            for method in item.as_object().into_iter().flatten().map(|(name, _)| name) {
                let method: Method = method.to_uppercase().parse().expect("a method");
                for by in [app.anonymous(), app.student(), app.instructor(), app.admin()] {
                    for body in [json!({}), json!([]), json!(null), json!({"role": []})] {
                        let answer = by.request(method.clone(), &path).json(body).send().await;
                        let status = answer.status.as_u16();
                        assert!(status < 500 && status != 405, "{answer}");
                        assert_ne!(answer["detail"], "There is nothing at this path", "{answer}");
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 1_500, "only {asked} requests");
    }
}
