//! `POST /things/import`.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    rules,
    subject::{Size, Subject},
};
use crate::testing::{Client, Reply};

rules![
    a_file_makes_rows,
    a_fault_of_one_line_undoes_all,
    an_import_is_no_way_around_the_policy,
];

async fn send(s: &Subject<'_>, by: &Client, lines: &[Value]) -> Reply {
    let file: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let call = by.request(Method::POST, &format!("{}/import", s.all));
    call.body("application/x-ndjson", file).send().await
}

async fn a_file_makes_rows(s: &Subject<'_>) {
    let mut lines = Vec::new();
    for size in [Size::Required, Size::Full] {
        let mut body = s.body(size, &Value::Null).await;
        // What an export says of every row, and no body may.
        for own in ["version", "created_by"] {
            if s.list.has(own) {
                body[own] = json!(null);
            }
        }
        lines.push(body);
    }
    let before = s.count().await;
    let reply = send(s, s.admin, &lines).await.is(201);
    assert_eq!(reply.json, json!({"created": 2}), "{reply}");
    assert_eq!(s.count().await, before + 2, "{reply}");
}

async fn a_fault_of_one_line_undoes_all(s: &Subject<'_>) {
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(s.body(Size::Required, &Value::Null).await);
    }
    let before = s.count().await;
    lines[1]["no_such_field"] = 1.into();
    lines[2] = json!([]);
    let reply = send(s, s.admin, &lines).await.is_problem(422, "invalid");
    let _ = reply.names(&["/2/no_such_field", "/3"]);
    assert_eq!(s.count().await, before, "a refused row was written");
}

/// Whoever is refused one row is refused a file with it, and is told the same.
async fn an_import_is_no_way_around_the_policy(s: &Subject<'_>) {
    for by in [&s.anonymous, &s.suite.stranger] {
        let body = s.body(Size::Required, &Value::Null).await;
        let single = by.post(&s.all, body.clone()).await;
        if single.status.is_success() {
            continue;
        }
        let before = s.count().await;
        let reply = send(s, by, &[body]).await;
        assert_eq!(reply.status, single.status, "{single}\n{reply}");
        assert_eq!(reply["code"], single["code"], "{single}\n{reply}");
        assert_eq!(s.count().await, before);
    }
}
