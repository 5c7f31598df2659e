//! `Idempotency-Key`: a write that is sent again is not done again, and answered the same.

use axum::http::{HeaderName, Method, header};
use crud_core::{
    Timestamp,
    db::DbKind,
    jobs::{Clock, WorkerConfig},
    once,
    testing::{Client, Reply, on_both},
};
use futures_util::future::join_all;
use lms_server::jobs;
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::Statements,
    steps::{NOBODY, count, draft, id, lesson_body, made, published, run},
};

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request with a key.
async fn keyed(by: &Client, key: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let call = by.request(method, path).header(KEY, key);
    match body {
        Some(body) => call.json(body).send().await,
        None => call.send().await,
    }
}

async fn post(by: &Client, key: &str, path: &str, body: Value) -> Reply {
    keyed(by, key, Method::POST, path, Some(body)).await
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotent-replayed") == Some("true")
}

/// The second is the first, said again.
#[track_caller]
fn same(first: &Reply, second: &Reply) {
    assert!(!is_replayed(first) && is_replayed(second), "{second}");
    assert_eq!(first.status, second.status, "{second}");
    assert_eq!(first.bytes, second.bytes);
    for name in ["location", "etag", "content-type", "cache-control", "vary"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
}

on_both! {
    async fn a_batch_that_is_sent_again_is_done_once(app: TestApp) {
        let by = app.instructor();
        let body = json!({"operations": [
            {"op": "create", "entity": "courses", "local_id": "c", "body": {"title": "Once"}},
            {"op": "update", "entity": "courses", "id": {"$ref": "c"}, "body": {"title": "Twice"}},
        ]});
        let first = post(&by, "b-1", "/batch", body.clone()).await.is(200);
        let second = post(&by, "b-1", "/batch", body.clone()).await.is(200);
        same(&first, &second);
        assert_eq!(count(&app, "courses").await, 1);
        let other = json!({"operations": [{"op": "create", "entity": "courses", "body": {"title": "Other"}}]});
        post(&by, "b-1", "/batch", other).await.is_problem(422, "idempotency_key");
    }

    async fn a_post_that_is_sent_again_is_done_once_and_answered_the_same(app: TestApp) {
        let by = app.instructor();
        let body = json!({"title": "Once", "metadata": {"a": [1, "ü"]}});
        let first = post(&by, "k-1", "/courses", body.clone()).await.is(201);
        // Whatever became of the row since.
        by.patch(&format!("/courses/{}", first.id()), json!({"title": "Other"})).await.is(200);
        let second = post(&by, "k-1", "/courses", body.clone()).await.is(201);
        same(&first, &second);
        assert_eq!(count(&app, "courses").await, 1);
        // Another key is another request.
        let other = post(&by, "k-2", "/courses", body).await.is(201);
        assert_ne!(other.id(), first.id());
        assert_eq!((count(&app, "courses").await, count(&app, "crud_idempotency").await), (2, 2));
    }

    async fn a_key_is_of_visible_characters_and_of_someone(app: TestApp) {
        let body = json!({"title": "Once"});
        let long = "x".repeat(255);
        for key in ["!", "~", "\"quoted\"", &long] {
            post(&app.instructor(), key, "/courses", body.clone()).await.is(201);
        }
        let longer = "x".repeat(256);
        for key in ["", " ", "a b", "a\tb", "ü", &longer] {
            let refused = post(&app.instructor(), key, "/courses", body.clone()).await;
            refused.is_problem(400, "idempotency_key");
        }
        let by = app.instructor();
        let twice = by.request(Method::POST, "/courses").header(KEY, "a").header(KEY, "b");
        twice.json(body.clone()).send().await.is_problem(400, "idempotency_key");
        post(&app.anonymous(), "k", "/courses", body).await.is_problem(401, "unauthenticated");
        assert_eq!(count(&app, "courses").await, 4);
    }

    async fn a_key_that_was_used_for_something_else_is_refused(app: TestApp) {
        let by = app.instructor();
        let body = json!({"title": "Once"});
        let course = post(&by, "k", "/courses", body.clone()).await.is(201).id();
        let path = format!("/courses/{course}");
        post(&by, "k", "/courses", json!({"title": "Twice"})).await.is_problem(422, "idempotency_key");
        // The bytes count.
        let call = by.request(Method::POST, "/courses").header(KEY, "k");
        let spaced = call.body("application/json", "{ \"title\":\"Once\"}").send().await;
        spaced.is_problem(422, "idempotency_key");
        post(&by, "k", "/modules", json!({"title": "Once", "course_id": course})).await
            .is_problem(422, "idempotency_key");
        keyed(&by, "k", Method::PUT, &path, Some(body.clone())).await.is_problem(422, "idempotency_key");
        keyed(&by, "k", Method::DELETE, &path, None).await.is_problem(422, "idempotency_key");
        assert!(is_replayed(&post(&by, "k", "/courses", body).await));
        assert_eq!((count(&app, "courses").await, count(&app, "modules").await), (1, 0));
    }

    // What one was answered is nobody else's.
    async fn the_key_of_another_tells_nothing(app: TestApp) {
        let body = json!({"title": "Secret", "description": "mine"});
        let mine = post(&app.instructor(), "k", "/courses", body.clone()).await.is(201);
        let theirs = post(&app.other_instructor(), "k", "/courses", body.clone()).await.is(201);
        assert!(!is_replayed(&theirs));
        assert_ne!(mine.id(), theirs.id());
        let refused = post(&app.student(), "k", "/courses", body.clone()).await;
        refused.is_problem(403, "forbidden");
        app.anonymous().request(Method::POST, "/courses").header(KEY, "k").json(body.clone()).send().await
            .is_problem(401, "unauthenticated");
        // Who may no longer ask gets nothing, though it was his.
        let by = app.instructor();
        app.admin().patch(&format!("/users/{}", by.id()), json!({"role": "student"})).await.is(200);
        post(&by, "k", "/courses", body.clone()).await.is_problem(403, "forbidden");
        app.admin().patch(&format!("/users/{}", by.id()), json!({"is_active": false})).await.is(200);
        post(&by, "k", "/courses", body).await.is_problem(401, "unauthenticated");
    }

    async fn what_is_refused_leaves_the_key_free(app: TestApp) {
        let by = app.admin();
        let body = json!({"email": "new@test.example", "full_name": "New"});
        let invalid = json!({"email": "no address", "full_name": "New"});
        post(&by, "k", "/users", invalid).await.is_problem(422, "invalid");
        let there = made(&by, "/users", body.clone()).await;
        post(&by, "k", "/users", body.clone()).await.is_problem(409, "unique");
        assert_eq!(count(&app, "crud_idempotency").await, 0);
        by.delete(&there).await.is(204);
        let done = post(&by, "k", "/users", body.clone()).await.is(201);
        same(&done, &post(&by, "k", "/users", body).await);
        // A foreign key, which SQLite does not name by itself.
        let lesson = lesson_body(NOBODY, 1);
        post(&by, "l", "/lessons", lesson).await.is_problem(409, "foreign_key").names(&["/course_id"]);
    }

    async fn those_who_come_together_get_one_answer(app: TestApp) {
        for round in 0..5 {
            let by = app.instructor();
            let body = json!({"title": format!("Together {round}")});
            let key = format!("k-{round}");
            let all = (0..8).map(|_| post(&by, &key, "/courses", body.clone()));
            let all = join_all(all).await;
            let first = all.iter().find(|reply| !is_replayed(reply)).expect("one is the first");
            for reply in &all {
                assert_eq!((reply.status.as_u16(), &reply.bytes), (201, &first.bytes), "{reply}");
            }
            assert_eq!(all.iter().filter(|reply| is_replayed(reply)).count(), 7);
            assert_eq!(count(&app, "courses").await, round + 1);
        }
    }

    async fn every_write_takes_a_key(app: TestApp) {
        let by = app.instructor();
        let path = draft(&by, "Course").await;
        let tag = by.get(&path).await.is(200).etag();
        let patch = async || {
            let call = by.request(Method::PATCH, &path).header(KEY, "patch");
            call.header(header::IF_MATCH, tag.clone()).json(json!({"title": "New"})).send().await
        };
        // Without the key the second would be 412.
        same(&patch().await.is(200), &patch().await.is(200));
        for (method, path, body) in [
            (Method::PUT, path.clone(), Some(json!({"title": "Put"}))),
            (Method::PATCH, format!("{path}/archive"), None),
            (Method::PATCH, format!("{path}/restore"), None),
            (Method::DELETE, path.clone(), None),
        ] {
            let key = format!("{method}-{path}");
            let first = keyed(&by, &key, method.clone(), &path, body.clone()).await;
            assert!(first.status.is_success(), "{first}");
            same(&first, &keyed(&by, &key, method, &path, body).await);
        }
        assert_eq!(count(&app, "courses").await, 0);
        let bulk = json!([{"title": "Same"}, {"title": "Same"}]);
        let first = post(&by, "bulk", "/courses/bulk", bulk.clone()).await.is(201);
        same(&first, &post(&by, "bulk", "/courses/bulk", bulk).await);
        let rows = first.json.as_array().expect("a list");
        assert_eq!((&rows[0]["slug"], &rows[1]["slug"]), (&json!("same"), &json!("same-2")));
        let ids: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
        let changes: Vec<_> = ids.iter().map(|id| json!({"id": id, "title": "Changed"})).collect();
        for (method, body) in [(Method::PATCH, json!(changes)), (Method::DELETE, json!(ids))] {
            let key = format!("bulk-{method}");
            let first = keyed(&by, &key, method.clone(), "/courses/bulk", Some(body.clone())).await;
            assert!(first.status.is_success(), "{first}");
            same(&first, &keyed(&by, &key, method, "/courses/bulk", Some(body)).await);
        }
        assert_eq!(count(&app, "courses").await, 0);
    }

    // In a transaction nothing can be tried again without a savepoint.
    async fn a_bulk_with_a_key_names_what_is_wrong_as_one_without(app: TestApp) {
        let by = app.admin();
        let user = |n: usize| json!({"email": format!("{n}@new.example"), "full_name": "New"});
        let mut list: Vec<_> = (0..300).map(user).collect();
        list[270] = json!({"email": "student@test.example", "full_name": "Taken"});
        let before = count(&app, "users").await;
        let plain = by.post("/users/bulk", json!(list)).await.is_problem(409, "unique");
        let refused = post(&by, "k", "/users/bulk", json!(list)).await.is_problem(409, "unique");
        assert_eq!(refused.faults(), [("/270/email", "unique")]);
        assert_eq!(refused.faults(), plain.faults());
        assert_eq!(count(&app, "users").await, before);
        list[270] = user(270);
        post(&by, "k", "/users/bulk", json!(list)).await.is(201);
        assert_eq!(count(&app, "users").await, before + 300);
    }

    async fn a_hook_runs_once_in_the_transaction_of_the_key(app: TestApp) {
        let by = app.student();
        let course = published(&app.instructor(), "Course").await;
        let body = json!({"course_id": id(&course)});
        let first = post(&by, "k", "/enrollments", body.clone()).await.is(201);
        same(&first, &post(&by, "k", "/enrollments", body.clone()).await);
        post(&by, "l", "/enrollments", body).await.is_problem(409, "enrolled");
        assert_eq!(count(&app, "enrollments").await, 1);
    }

    async fn a_key_is_free_again_after_a_day(app: TestApp) {
        let by = app.admin();
        let body = json!({"name": "Org"});
        post(&by, "k", "/organizations", body.clone()).await.is(201);
        post(&by, "l", "/organizations", body.clone()).await.is(201);
        let expire = match app.kind {
            DbKind::Postgres => "UPDATE crud_idempotency SET expires_at = now()",
            DbKind::Sqlite => "UPDATE crud_idempotency SET expires_at = 0",
        };
        run(&app, expire, NOBODY).await.unwrap();
        let again = post(&by, "k", "/organizations", json!({"name": "Other"})).await.is(201);
        assert!(!is_replayed(&again));
        same(&again, &post(&by, "k", "/organizations", json!({"name": "Other"})).await);
        let clock = Clock::default();
        let config = WorkerConfig { clock, ..WorkerConfig::default() };
        jobs::worker(&app.lms, config).run_due().await.expect("the database is there");
        assert_eq!(count(&app, "crud_idempotency").await, 1);
        let day = 24 * 60 * 60 * 1_000_000;
        let later = |less: i64| Timestamp::from_micros(Timestamp::now().micros() + day - less).expect("a time");
        let db = app.lms.app.db();
        assert_eq!(once::purge_expired(db, later(60_000_000)).await.expect("it can be asked"), 0);
        assert_eq!(once::purge_expired(db, later(0)).await.expect("it can be asked"), 1);
    }

    // What does not ask for it does not pay for it.
    async fn only_a_key_costs_statements(app: TestApp) {
        let by = app.admin();
        let taken = async |key: Option<&str>| {
            let call = by.request(Method::POST, "/organizations").json(json!({"name": "Org"}));
            let call = match key {
                Some(key) => call.header(KEY, key),
                None => call,
            };
            let (counted, guard) = Statements::watch();
            let reply = call.send().await;
            drop(guard);
            reply.is(201);
            counted.count()
        };
        // Who asks is known from then on.
        taken(None).await;
        assert_eq!(taken(None).await, 1);
        assert_eq!(taken(Some("k")).await, 3);
        assert_eq!(taken(Some("k")).await, 2);
        assert_eq!(taken(None).await, 1);
    }
}
