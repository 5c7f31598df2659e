//! Writes to rows of several entities by one request: all or none, each under the rules of its own route.

use axum::http::header;
use crud_core::testing::{Client, Reply, on_both};
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, count, draft, id, lesson_body, published};

async fn batch(by: &Client, operations: &[Value]) -> Reply {
    by.post("/batch", json!({"operations": operations})).await
}

fn course(local: &str) -> Value {
    json!({"op": "create", "entity": "courses", "local_id": local, "body": {"title": local}})
}

fn lesson_in(local: &str, order: i32) -> Value {
    let mut body = lesson_body("", order);
    body["course_id"] = json!({"$ref": local});
    json!({"op": "create", "entity": "lessons", "body": body})
}

/// A course with lessons: a hundred operations.
fn hundred() -> Vec<Value> {
    let lessons = (1..100).map(|order| lesson_in("c", order));
    [course("c")].into_iter().chain(lessons).collect()
}

/// How many rows there are of what a batch here makes.
async fn all(app: &TestApp) -> [i64; 4] {
    let mut all = [0; 4];
    for (n, table) in ["courses", "lessons", "enrollments", "crud_history"]
        .iter()
        .enumerate()
    {
        all[n] = count(app, table).await;
    }
    all
}

on_both! {
    async fn rows_that_belong_together_are_made_by_one_batch(app: TestApp) {
        let by = app.instructor();
        let old = draft(&by, "Old").await;
        let done = batch(&by, &[
            course("c"),
            lesson_in("c", 1),
            json!({"op": "update", "entity": "courses", "id": {"$ref": "c"}, "version": 0, "body": {"is_published": true}}),
            json!({"op": "archive", "entity": "courses", "id": id(&old), "version": 0}),
            json!({"op": "restore", "entity": "courses", "id": id(&old), "version": 1}),
            json!({"op": "delete", "entity": "courses", "id": id(&old), "version": 2}),
        ]).await.is(200);
        let results = done["results"].as_array().unwrap();
        assert_eq!(results.len(), 6);
        assert_eq!(results[1]["course_id"], results[0]["id"]);
        assert_eq!((&results[0]["version"], &results[2]["version"]), (&json!(0), &json!(1)));
        assert!(results[3]["archived_at"].is_string() && results[4]["archived_at"].is_null());
        assert!(results[5].is_null());
        let path = format!("/courses/{}", results[0]["id"].as_str().unwrap());
        assert_eq!(by.get(&path).await.is(200).json, results[2]);
        let lesson = format!("/lessons/{}", results[1]["id"].as_str().unwrap());
        assert_eq!(app.anonymous().get(&lesson).await.is(200).json, results[1]);
        by.get(&old).await.is_problem(404, "not_found");
        assert_eq!(app.admin().get(&format!("{old}/history")).await.is(200).total(), 4);
    }

    async fn a_fault_at_any_place_leaves_nothing_of_a_batch(app: TestApp) {
        let (by, foreign) = (app.instructor(), published(&app.other_instructor(), "Foreign").await);
        let own = draft(&by, "Own").await;
        let before = all(&app).await;
        for place in [0, 1, 50, 99] {
            let refused: [(Value, u16, &str, &str); 8] = [
                (json!({"op": "create", "entity": "courses", "body": {"title": ""}}), 422, "invalid", "/body/title"),
                (json!({"op": "update", "entity": "courses", "id": NOBODY, "body": {}}), 404, "not_found", ""),
                (json!({"op": "update", "entity": "courses", "id": id(&foreign), "body": {}}), 403, "forbidden", ""),
                (json!({"op": "archive", "entity": "courses", "id": id(&own), "version": 7}), 412, "precondition_failed", ""),
                (json!({"op": "delete", "entity": "courses", "id": id(&foreign)}), 403, "forbidden", ""),
                (json!({"op": "create", "entity": "courses", "body": {"title": "x", "slug": "own"}}), 409, "unique", "/body/slug"),
                (json!({"op": "create", "entity": "lessons", "body": lesson_body(id(&foreign), 1)}), 403, "forbidden", ""),
                (json!({"op": "create", "entity": "lessons", "body": lesson_body(NOBODY, 1)}), 403, "forbidden", ""),
            ];
            for (operation, status, code, at) in refused {
                let mut list = hundred();
                // What comes after it must not be undone by this alone.
                if place == 0 {
                    list.truncate(1);
                }
                list.insert(place, operation.clone());
                list.truncate(100);
                let at = format!("/operations/{place}{at}");
                batch(&by, &list).await.is_problem(status, code).names(&[&at]);
                assert_eq!(all(&app).await, before, "{operation} at {place}");
            }
        }
        batch(&by, &hundred()).await.is(200);
        assert_eq!(all(&app).await, [before[0] + 1, before[1] + 99, 0, 0]);
    }

    // Kills: a reference that finds what was not made before it, or is no id
    async fn a_reference_finds_only_what_an_operation_before_it_makes(app: TestApp) {
        let by = app.instructor();
        let before = all(&app).await;
        let mut nameless = course("c");
        nameless["local_id"] = json!("");
        for (list, at) in [
            (vec![lesson_in("c", 1), course("c")], "/operations/0/body/course_id"),
            (vec![course("c"), lesson_in("d", 1)], "/operations/1/body/course_id"),
            (vec![course("c"), course("c")], "/operations/1/local_id"),
            (vec![json!({"op": "delete", "entity": "courses", "id": {"$ref": "c"}}), course("c")], "/operations/0/id"),
            (vec![course("c"), json!({"op": "delete", "entity": "courses", "id": "c"})], "/operations/1/id"),
            (vec![nameless], "/operations/0/local_id"),
            (vec![course(&"c".repeat(65))], "/operations/0/local_id"),
        ] {
            batch(&by, &list).await.is_problem(422, "invalid").names(&[at]);
        }
        let mut wrong = lesson_in("c", 1);
        wrong["body"]["course_id"] = json!({"$ref": "c", "and": 1});
        batch(&by, &[course("c"), wrong]).await.is_problem(422, "invalid").names(&["/operations/1/body/course_id"]);
        assert_eq!(all(&app).await, before);
        // Where no id is expected, it is a text as any other.
        let mut odd = course("c");
        odd["body"]["properties"] = json!({"$ref": "c"});
        let done = batch(&by, &[odd]).await.is(200);
        assert_eq!(done["results"][0]["properties"], json!({"$ref": "c"}));
        // A reference to a row of another entity is one to a row that is not there.
        let student = json!({"op": "create", "entity": "courses", "local_id": "s", "body": {"title": "S"}});
        let mut wrong = lesson_in("s", 1);
        wrong["body"]["module_id"] = json!({"$ref": "s"});
        let refused = batch(&app.admin(), &[student, wrong]).await.is_problem(409, "foreign_key");
        // The course is there, though nobody beside the batch sees it; SQLite does not say more.
        let faults = refused.faults();
        let at = ["/operations/1", "/operations/1/body/module_id"];
        assert!(faults.iter().all(|(place, _)| at.contains(place)), "{refused}");
    }

    async fn an_operation_is_under_the_rules_of_its_own_route(app: TestApp) {
        let course = json!({"op": "create", "entity": "courses", "body": {"title": "C"}});
        batch(&app.student(), std::slice::from_ref(&course)).await.is_problem(403, "forbidden").names(&["/operations/0"]);
        app.anonymous().post("/batch", json!({"operations": [course]})).await.is_problem(401, "unauthenticated");
        let by = app.instructor();
        for field in ["id", "version", "created_by", "created_at", "archived_at", "instructor_id", "Title"] {
            let body = json!({"title": "C", field: NOBODY});
            let operation = json!({"op": "create", "entity": "courses", "body": body});
            let at = format!("/operations/0/body/{field}");
            batch(&by, &[operation]).await.is_problem(422, "invalid").names(&[&at]);
        }
        for (field, at) in [("id", "/operations/0/id"), ("version", "/operations/0/version"), ("role", "/operations/0/role")] {
            let operation = json!({"op": "create", "entity": "courses", "body": {"title": "C"}, field: 1});
            batch(&by, &[operation]).await.is_problem(422, "invalid").names(&[at]);
        }
        let role = json!({"op": "update", "entity": "users", "id": by.id(), "body": {"role": "admin"}});
        let refused = batch(&by, &[role]).await.is_problem(403, "forbidden_field");
        let _ = refused.names(&["/operations/0/body/role"]);
        assert_eq!(count(&app, "courses").await, 0);
    }

    // The hooks of an operation see the operations before it.
    async fn hooks_see_what_the_batch_has_done_before(app: TestApp) {
        let mut first = course("c");
        first["body"]["is_published"] = json!(true);
        let enroll = json!({"op": "create", "entity": "enrollments", "body":
            {"course_id": {"$ref": "c"}, "student_id": app.student().id()}});
        batch(&app.admin(), &[first.clone(), lesson_in("c", 1), enroll.clone()]).await.is(200);
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (1, 1));
        let twice = batch(&app.admin(), &[first, enroll.clone(), enroll]).await;
        twice.is_problem(409, "enrolled").names(&["/operations/2"]);
        assert_eq!((count(&app, "enrollments").await, count(&app, "courses").await), (1, 1));
    }

    async fn what_is_no_batch_is_refused_with_all_its_faults(app: TestApp) {
        let by = app.instructor();
        let refused = batch(&by, &[
            json!({"op": "make", "entity": "course", "body": {}}),
            json!([]),
            json!({"op": "update", "entity": "courses"}),
            json!({"op": "archive", "entity": "courses", "id": 1, "version": "a", "body": {}}),
            course("c"),
            json!({"op": "create", "entity": "courses", "body": {"title": 1, "colour": "red"}}),
            json!({"op": "create", "entity": "courses", "body": []}),
        ]).await;
        refused.is_problem(422, "invalid").names(&[
            "/operations/0/op", "/operations/0/entity", "/operations/1", "/operations/2/id", "/operations/2/body",
            "/operations/3/id", "/operations/3/version", "/operations/3/body", "/operations/5/body/title",
            "/operations/5/body/colour", "/operations/6/body",
        ]);
        for body in [json!([]), json!({}), json!({"operations": {}}), json!({"operations": [], "more": 1})] {
            by.post("/batch", body).await.is_problem(422, "invalid").names(&[""]);
        }
        for many in [Vec::new(), vec![course("c"); 101]] {
            batch(&by, &many).await.is_problem(422, "invalid").names(&["/operations"]);
        }
        let text = by.request(axum::http::Method::POST, "/batch").body("application/json", "{\"operations\": [");
        text.send().await.is_problem(400, "malformed_json");
        let typed = by.request(axum::http::Method::POST, "/batch").body("text/plain", "{}");
        typed.send().await.is_problem(415, "unsupported_media_type");
        by.post("/batch?dry=1", json!({})).await.is_problem(400, "unknown_parameter");
        let tagged = by.request(axum::http::Method::POST, "/batch").header(header::IF_MATCH, "*");
        tagged.json(json!({"operations": [course("c")]})).send().await.is_problem(400, "if_match");
        by.get("/batch").await.is_problem(405, "method_not_allowed");
        assert_eq!(count(&app, "courses").await, 0);
    }
}
