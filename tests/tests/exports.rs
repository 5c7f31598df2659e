//! Every row of a list in one answer, as lines of JSON or CSV.

use axum::{
    body::Body,
    extract::Request,
    http::{Method, header},
};
use crud_core::{
    prelude::*,
    testing::{Client, Reply, on_both},
};
use http_body_util::BodyExt as _;
use lms_server::entities::organization::{Organization, OrganizationCreate};
use serde_json::{Value, json};
use tests::TestApp;
use tower::ServiceExt as _;

use crate::{
    faults::Statements,
    steps::{draft, id, made, published, run},
};

async fn organizations(app: &TestApp, many: usize) {
    let new = |n: usize| -> OrganizationCreate {
        serde_json::from_value(json!({"name": format!("Organization {n}")})).expect("a body")
    };
    let system = Principal::system();
    let cx = app.lms.app.on_behalf(&system);
    let made = cx
        .create_many::<Organization>((0..many).map(new).collect())
        .await;
    assert_eq!(made.expect("they are made").len(), many);
}

/// The rows of lines of JSON.
fn rows(reply: &Reply) -> Vec<Value> {
    let text = std::str::from_utf8(&reply.bytes).expect("text");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect()
}

/// The rows of a whole list, page by page, in the order of their ids.
async fn listed(by: &Client, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = by.get(&path).await.is(200);
        rows.extend(page.items().to_vec());
        next = page.link("next");
    }
    rows.sort_by_key(|row| row["id"].as_str().expect("an id").to_owned());
    rows
}

/// The records of a CSV file.
fn records(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes);
    let read = |record: csv::Result<csv::StringRecord>| {
        record
            .expect("a record")
            .iter()
            .map(str::to_owned)
            .collect()
    };
    reader.records().map(read).collect()
}

on_both! {
    async fn an_export_has_every_row_of_the_list_once(app: TestApp) {
        organizations(&app, 2345).await;
        let reply = app.admin().get("/organizations?format=ndjson").await.is(200);
        assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"organizations.ndjson\""));
        assert_eq!(reply.header("vary"), Some("Authorization, Accept"));
        let found = rows(&reply);
        assert_eq!(found, listed(&app.admin(), "/organizations?page_size=100").await);
        let csv = app.admin().get("/organizations?format=csv").await.is(200);
        assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        let records = records(&csv.bytes);
        assert_eq!(records.len(), 2346);
        for (record, row) in records[1..].iter().zip(&found) {
            for (name, cell) in records[0].iter().zip(record) {
                let expected = match &row[name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                assert_eq!(*cell, expected, "{name} of {row}");
            }
        }
        for (accept, kind) in [
            ("application/x-ndjson", "application/x-ndjson"),
            ("text/csv;q=0.9, */*", "text/csv; charset=utf-8; header=present"),
            ("application/json, text/csv", "application/json"),
            ("*/*", "application/json"),
        ] {
            let by = app.admin();
            let call = by.request(Method::GET, "/organizations").header(header::ACCEPT, accept);
            assert_eq!(call.send().await.is(200).header("content-type"), Some(kind), "{accept}");
        }
        let head = app.admin().request(Method::HEAD, "/organizations?format=csv").send().await.is(200);
        assert!(head.bytes.is_empty());
    }

    // Kills: an export without policy, filters or archive state
    async fn an_export_shows_what_the_list_shows(app: TestApp) {
        let by = app.instructor();
        let seen = published(&by, "Seen").await;
        let hidden = draft(&by, "Hidden").await;
        let gone = published(&by, "Gone").await;
        by.patch(&format!("{gone}/archive"), json!({})).await.is(200);
        let ids = |reply: Reply| -> Vec<String> {
            rows(&reply.is(200)).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
        };
        for other in [app.anonymous(), app.student(), app.other_instructor()] {
            assert_eq!(ids(other.get("/courses?format=ndjson").await), [id(&seen)]);
            assert_eq!(ids(other.get("/courses?format=ndjson&archived=any").await), [id(&seen), id(&gone)]);
            assert!(ids(other.get("/courses?format=ndjson&title=hidden").await).is_empty());
            let csv = other.get("/courses?format=csv").await.is(200);
            assert_eq!(records(&csv.bytes).len(), 2);
        }
        assert_eq!(ids(by.get("/courses?format=ndjson").await), [id(&seen), id(&hidden)]);
        assert_eq!(ids(by.get("/courses?format=ndjson&title=hid").await), [id(&hidden)]);
        assert_eq!(ids(by.get("/courses?format=ndjson&archived=true").await), [id(&gone)]);
        let users = app.anonymous().get("/users?format=ndjson").await;
        users.is_problem(401, "unauthenticated");
    }

    async fn what_an_export_does_not_have_is_refused(app: TestApp) {
        let by = app.admin();
        for more in ["page=1", "page_size=5", "limit=5", "offset=1", "sort=title", "total=none", "include=lessons", "colour=1"] {
            by.get(&format!("/courses?format=csv&{more}")).await.is_problem(400, "unknown_parameter");
        }
        by.get("/courses?format=csv&format=csv").await.is_problem(400, "repeated_parameter");
        for wrong in ["xml", "", "CSV", "json"] {
            let refused = by.get(&format!("/courses?format={wrong}")).await;
            refused.is_problem(422, "invalid").names(&["format"]);
        }
        by.get("/courses?format=csv&instructor_id=1").await.is_problem(422, "invalid").names(&["instructor_id"]);
        by.get("/examples/active?format=csv").await.is_problem(400, "unknown_parameter");
        let course = draft(&by, "Course").await;
        by.get(&format!("{course}?format=csv")).await.is_problem(400, "unknown_parameter");
    }

    async fn a_cell_is_no_formula(app: TestApp) {
        let by = app.instructor();
        let title = "=HYPERLINK(\"http://evil.example\",\"x\")";
        made(&by, "/courses", json!({"title": title, "slug": "formula", "category": "-2+3"})).await;
        let csv = records(&by.get("/courses?format=csv").await.is(200).bytes);
        let of = |name: &str| &csv[1][csv[0].iter().position(|known| known == name).unwrap()];
        assert_eq!((of("title").as_str(), of("category").as_str()), (&*format!("'{title}"), "'-2+3"));
        assert_eq!((of("estimated_duration_minutes").as_str(), of("version").as_str()), ("", "0"));
        let exact = rows(&by.get("/courses?format=ndjson").await.is(200));
        assert_eq!(exact[0]["title"], title);
    }

    // A row that stands there all the time is there once, whatever happens meanwhile.
    async fn an_export_misses_no_standing_row_while_others_come_and_go(app: TestApp) {
        organizations(&app, 2000).await;
        let before = listed(&app.admin(), "/organizations?page_size=100").await;
        let (token, _) = app.lms.app.auth().jwt().issue(app.admin().id(), "admin");
        let request = Request::get("/api/v1/organizations?format=ndjson")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let response = app.lms.router().oneshot(request).await.unwrap();
        let (mut body, mut text) = (response.into_body(), Vec::new());
        let mut parts = 0;
        while let Some(frame) = body.frame().await {
            text.extend_from_slice(&frame.unwrap().into_data().unwrap());
            parts += 1;
            // One that was read, one that was not: both go; others come, and all others change.
            for gone in [&before[parts], &before[2000 - parts]] {
                let path = format!("/organizations/{}", gone["id"].as_str().unwrap());
                app.admin().delete(&path).await.is(204);
            }
            organizations(&app, 50).await;
            run(&app, "UPDATE organizations SET version = version + 1", "00000000-0000-0000-0000-000000000000").await.unwrap();
        }
        assert!(parts > 2, "{parts}");
        let ids: Vec<Value> = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Value>(line).unwrap()["id"].clone())
            .collect();
        let once: std::collections::BTreeSet<_> = ids.iter().map(Value::to_string).collect();
        assert_eq!(once.len(), ids.len());
        let standing = before.iter().enumerate().filter(|(n, _)| *n > parts && *n < 2000 - parts);
        for (_, row) in standing {
            assert!(once.contains(&row["id"].to_string()));
        }
    }

    async fn nothing_more_is_read_for_whoever_hangs_up(app: TestApp) {
        organizations(&app, 2000).await;
        let (token, _) = app.lms.app.auth().jwt().issue(app.admin().id(), "admin");
        let request = Request::get("/api/v1/organizations?format=csv")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let response = app.lms.router().oneshot(request).await.unwrap();
        let (counted, guard) = Statements::watch();
        let mut body = response.into_body();
        assert!(body.frame().await.is_some());
        assert_eq!(counted.count(), 0, "the first part was read before the answer began");
        assert!(body.frame().await.is_some());
        assert_eq!(counted.count(), 1);
        drop(body);
        tokio::task::yield_now().await;
        assert_eq!(counted.count(), 1);
        drop(guard);
    }
}
