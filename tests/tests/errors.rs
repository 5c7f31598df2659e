//! The shape of every refusal, and what no refusal ever says.

use axum::http::{Method, header};
use crud_core::testing::{Reply, on_both};
use serde_json::json;
use tests::{PASSWORD, TestApp};

use crate::steps::{NOBODY, draft, lesson_body, published};

/// Words of the database, the program and the machine.
const INTERNALS: [&str; 16] = [
    "select ",
    "insert ",
    "update ",
    " from ",
    "where ",
    "constraint",
    "relation",
    "sqlite",
    "postgres",
    "diesel",
    "panicked",
    ".rs",
    "/src/",
    "argon2",
    "violates",
    "syntax error",
];

/// How the names of constraints and indexes begin.
const CONSTRAINTS: [&str; 6] = ["pk_", "fk_", "uq_", "ck_", "ty_", "ix_"];

/// Demands a problem with all that belongs to one, and with nothing that does not.
#[track_caller]
fn proper(reply: &Reply) {
    let status = reply.status.as_u16();
    assert!((400..500).contains(&status), "{reply}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json"),
        "{reply}"
    );
    assert_eq!(reply["status"], status, "{reply}");
    for field in ["type", "title", "detail", "code", "request_id"] {
        assert!(
            reply[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {reply}"
        );
    }
    assert_eq!(
        reply.header("x-request-id"),
        reply["request_id"].as_str(),
        "{reply}"
    );
    let body = String::from_utf8_lossy(&reply.bytes).to_lowercase();
    // The one sentence that begins so is ours.
    let body = body
        .replace("not authorized to update ", "")
        .replace("not allowed to update ", "");
    for word in INTERNALS {
        assert!(!body.contains(word), "`{word}` in {reply}");
    }
    let mut words = body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let constraint = |word: &&str| CONSTRAINTS.iter().any(|start| word.starts_with(start));
    assert_eq!(words.find(constraint), None, "{reply}");
}

on_both! {
    // 2.38, 2.39, 2.40
    async fn every_refusal_is_a_problem_with_its_title(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let by = app.instructor();
        let stale = by.request(Method::PATCH, &course).json(json!({}))
            .header(header::IF_MATCH, "\"old\"").send().await;
        for (reply, status, title) in [
            (by.get("/courses?x=1").await, 400, "Bad request"),
            (app.anonymous().post("/courses", json!({})).await, 401, "Unauthorized"),
            (app.student().delete(&course).await, 403, "Forbidden"),
            (by.get(&format!("/courses/{NOBODY}")).await, 404, "Resource not found"),
            (by.get("/nothing").await, 404, "Resource not found"),
            (by.delete("/courses").await, 405, "Method not allowed"),
            (by.post("/courses", json!({"title": "x", "slug": "course"})).await, 409, "Resource conflict"),
            (stale, 412, "Precondition failed"),
            (by.post("/courses", json!({})).await, 422, "Invalid request"),
        ] {
            proper(&reply);
            assert_eq!((reply.status.as_u16(), reply["title"].as_str()), (status, Some(title)));
            let asks = reply.header("www-authenticate");
            assert_eq!(asks, (status == 401).then_some("Bearer"), "{reply}");
        }
    }

    // 0.04: what the router itself refuses has the same shape
    async fn a_wrong_method_says_which_are_right(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        for (method, path, allow) in [
            (Method::DELETE, "/courses", "GET, HEAD, POST, OPTIONS"),
            (Method::POST, course.as_str(), "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"),
            (Method::GET, &format!("{course}/archive"), "PATCH, OPTIONS"),
        ] {
            let admin = app.admin();
            let refused = admin.request(method, path).send().await;
            proper(&refused);
            let refused = refused.is_problem(405, "method_not_allowed");
            assert_eq!(refused.header("allow"), Some(allow));
        }
        let login = app.anonymous().get("/auth/login").await;
        proper(&login.is(405));
    }

    async fn a_body_of_another_type_or_size_is_refused(app: TestApp) {
        let by = app.instructor();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""] {
            let call = by.request(Method::POST, "/courses").body(kind, "{\"title\":\"x\"}");
            let refused = call.send().await.is_problem(415, "unsupported_media_type");
            proper(&refused.says("application/json"));
        }
        let kind = "Application/JSON; charset=utf-8";
        by.request(Method::POST, "/courses").body(kind, "{\"title\":\"x\"}").send().await.is(201);
        let huge = format!("{{\"title\":\"{}\"}}", "x".repeat(3 << 20));
        let refused = by.request(Method::POST, "/courses").body("application/json", huge);
        proper(&refused.send().await.is_problem(413, "too_large"));
    }

    async fn a_body_that_is_no_json_is_400(app: TestApp) {
        let deep = "[".repeat(100_000);
        for body in ["", " ", "{", "title", "{\"title\":}", "{\"title\":\"x\"} x", "\u{feff}", &deep] {
            let by = app.instructor();
            let call = by.request(Method::POST, "/courses").body("application/json", body);
            proper(&call.send().await.is_problem(400, "malformed_json"));
        }
        for body in ["[]", "null", "\"x\"", "7"] {
            let by = app.instructor();
            let call = by.request(Method::POST, "/courses").body("application/json", body);
            proper(&call.send().await.is_problem(422, "invalid"));
        }
    }

    // Fault 12
    async fn no_refusal_of_the_database_shows_its_words(app: TestApp) {
        let (by, admin) = (app.instructor(), app.admin());
        let course = draft(&by, "Course").await;
        let nobody = json!({"instructor_id": NOBODY});
        let twice = json!({"email": "student@test.example", "password": PASSWORD, "full_name": "x"});
        for (reply, status) in [
            (by.post("/courses", json!({"title": "x", "slug": "course"})).await, 409),
            (app.anonymous().post("/auth/register", twice).await, 409),
            (admin.patch(&course, nobody).await, 409),
            (admin.post("/lessons", lesson_body(NOBODY, 1)).await, 409),
            (admin.delete(&format!("/users/{}", by.id())).await, 409),
            (by.post("/lessons", lesson_body(NOBODY, 1)).await, 403),
            (by.post("/courses", json!({"title": "nul \u{0}"})).await, 422),
            (by.patch(&course, json!({"properties": {"nul": "\u{0}"}})).await, 422),
            (by.patch(&course, json!({"title": null})).await, 422),
            (by.get("/courses?title=%00").await, 422),
            (by.get("/courses?sort=title;drop%20table%20users").await, 400),
            (by.get("/courses?page=999999999999999999999").await, 422),
            (by.get("/courses/'%20OR%201=1%20--").await, 422),
        ] {
            assert_eq!(reply.status.as_u16(), status, "{reply}");
            proper(&reply);
        }
    }

    // What breaks a rule that only the database knows is still the caller's fault.
    async fn a_rule_of_the_database_alone_is_422_and_names_the_field(app: TestApp) {
        let rule = "ALTER TABLE organizations ADD COLUMN extra TEXT \
                    CONSTRAINT ck_organizations_name_test CHECK (name <> 'no')";
        app.lms.app.db().batch(rule).await.unwrap();
        let refused = app.admin().post("/organizations", json!({"name": "no"})).await;
        proper(&refused.is_problem(422, "invalid").names(&["/name"]));
    }

    // 3.37
    async fn who_may_create_nothing_is_told_so_before_the_body_is_read(app: TestApp) {
        let student = app.student();
        let call = student.request(Method::POST, "/courses").body("text/plain", "{");
        call.send().await.is_problem(403, "forbidden");
    }
}
