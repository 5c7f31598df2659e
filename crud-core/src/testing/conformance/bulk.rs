//! `POST`, `PATCH` and `DELETE /things/bulk`.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{
    rules,
    subject::{Size, Subject, holds},
};
use crate::testing::{Client, Reply, reply::id_of};

rules![
    rows_are_made_all_at_once,
    rows_are_changed_all_at_once,
    rows_are_removed_all_at_once,
    a_fault_of_one_body_undoes_all,
    a_row_that_is_not_there_undoes_all,
    a_row_that_has_changed_undoes_all,
    an_archived_row_undoes_all,
    what_is_no_list_of_rows_is_refused,
    a_bulk_is_no_way_around_the_policy,
    the_path_of_a_bulk_is_no_id,
];

fn path(s: &Subject<'_>) -> String {
    format!("{}/bulk", s.all)
}

async fn send(s: &Subject<'_>, by: &Client, method: Method, list: &Value) -> Reply {
    let call = by.request(method, &path(s)).json(list.clone());
    call.send().await
}

async fn rows(s: &Subject<'_>) -> [Reply; 3] {
    [s.row().await, s.row().await, s.row().await]
}

/// A change of each row, each naming its row.
async fn changes(s: &Subject<'_>, rows: &[Reply]) -> Vec<Value> {
    let mut all = Vec::new();
    for row in rows {
        let mut change = s.changes(&row.json).await;
        change["id"] = row["id"].clone();
        all.push(change);
    }
    all
}

/// Demands that rows are as they were.
async fn unchanged(s: &Subject<'_>, rows: &[Reply], what: &str) {
    for row in rows {
        Subject::same(&row.json, &s.now(&row.id()).await, what);
    }
}

async fn rows_are_made_all_at_once(s: &Subject<'_>) {
    let mut bodies = Vec::new();
    for size in [Size::Required, Size::Full, Size::Required] {
        bodies.push(s.body(size, &Value::Null).await);
    }
    let before = s.count().await;
    let list = json!(bodies);
    let reply = send(s, s.admin, Method::POST, &list).await.is(201);
    assert_eq!(s.count().await, before + 3, "{reply}");
    let made = reply.json.as_array().expect("a list");
    assert_eq!(made.len(), 3, "{reply}");
    for (row, body) in made.iter().zip(&bodies) {
        s.get.accepts(row);
        assert_eq!(row["version"], 0, "{reply}");
        assert_eq!(row["created_by"], json!(s.admin.id().to_string()));
        for (name, sent) in body.as_object().into_iter().flatten() {
            let kept = !s.get.has(name) || holds(&row[name], sent);
            assert!(kept, "`{name}` is lost, or the order is\n{reply}");
        }
        let id = id_of(row).unwrap_or_default();
        Subject::same(row, &s.now(&id).await, "GET after a bulk");
    }
}

async fn rows_are_changed_all_at_once(s: &Subject<'_>) {
    let rows = rows(s).await;
    let mut list = changes(s, &rows).await;
    list.reverse();
    list[1]["version"] = 0.into();
    let reply = send(s, s.admin, Method::PATCH, &json!(list)).await.is(200);
    let changed = reply.json.as_array().expect("a list");
    assert_eq!(changed.len(), 3, "{reply}");
    for (row, change) in changed.iter().zip(&list) {
        s.get.accepts(row);
        assert_eq!(row["version"], 1, "a version does not count once\n{reply}");
        for (name, sent) in change.as_object().into_iter().flatten() {
            let kept = name == "version" || !s.get.has(name) || holds(&row[name], sent);
            assert!(kept, "`{name}` is lost, or the order is\n{reply}");
        }
        let id = id_of(row).unwrap_or_default();
        Subject::same(row, &s.now(&id).await, "GET after a bulk");
    }
}

async fn rows_are_removed_all_at_once(s: &Subject<'_>) {
    let (rows, before) = (rows(s).await, s.count().await);
    let ids: Vec<_> = rows.iter().rev().map(|row| &row["id"]).collect();
    let reply = send(s, s.admin, Method::DELETE, &json!(ids)).await.is(204);
    assert!(reply.bytes.is_empty(), "{reply}");
    assert_eq!(s.count().await, before - 3);
    for row in &rows {
        let path = s.one(&row.id());
        s.admin.get(&path).await.is_problem(404, "not_found");
    }
}

async fn a_fault_of_one_body_undoes_all(s: &Subject<'_>) {
    let rows = rows(s).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(s.body(Size::Required, &Value::Null).await);
    }
    let mut list = changes(s, &rows).await;
    let before = s.count().await;
    for list in [&mut bodies, &mut list] {
        list[1]["no_such_field"] = 1.into();
        list[2]["created_by"] = Value::Null;
    }
    for (method, list) in [(Method::POST, bodies), (Method::PATCH, list)] {
        let reply = send(s, s.admin, method, &json!(list)).await;
        let reply = reply.is_problem(422, "invalid");
        let _ = reply.names(&["/1/no_such_field", "/2/created_by"]);
    }
    assert_eq!(s.count().await, before, "a refused row was written");
    unchanged(s, &rows, "a refused bulk").await;
}

async fn a_row_that_is_not_there_undoes_all(s: &Subject<'_>) {
    let rows = rows(s).await;
    let nothing = s.nothing();
    let single = s.admin.get(&s.one(&nothing.to_string())).await;
    let mut list = changes(s, &rows).await;
    list[1]["id"] = json!(nothing);
    let ids = json!([rows[0]["id"], nothing, rows[2]["id"]]);
    for (method, list) in [(Method::PATCH, json!(list)), (Method::DELETE, ids)] {
        let reply = send(s, s.admin, method, &list).await;
        let reply = reply.is_problem(404, "not_found");
        assert_eq!(reply["detail"], single["detail"], "{reply}");
        assert_eq!(reply.faults(), [("/1", "not_found")], "{reply}");
    }
    unchanged(s, &rows, "a refused bulk").await;
}

async fn a_row_that_has_changed_undoes_all(s: &Subject<'_>) {
    let mut rows = rows(s).await;
    let change = s.changes(&rows[1].json).await;
    let changed = s.admin.patch(&s.one(&rows[1].id()), change).await.is(200);
    rows[1] = changed;
    let mut list = changes(s, &rows).await;
    for change in &mut list {
        change["version"] = 0.into();
    }
    let reply = send(s, s.admin, Method::PATCH, &json!(list)).await;
    let reply = reply.is_problem(412, "precondition_failed");
    assert_eq!(reply.faults(), [("/1", "precondition_failed")], "{reply}");
    assert_eq!(reply.etag(), rows[1].etag(), "{reply}");
    unchanged(s, &rows, "a refused bulk").await;
}

async fn an_archived_row_undoes_all(s: &Subject<'_>) {
    if !s.r.archivable {
        return;
    }
    let mut rows = rows(s).await;
    let archive = format!("{}/archive", s.one(&rows[1].id()));
    rows[1] = s
        .admin
        .request(Method::PATCH, &archive)
        .send()
        .await
        .is(200);
    let list = json!(changes(s, &rows).await);
    let reply = send(s, s.admin, Method::PATCH, &list).await;
    let reply = reply.is_problem(409, "archived");
    assert_eq!(reply.faults(), [("/1", "archived")], "{reply}");
    unchanged(s, &rows, "a refused bulk").await;
    let ids = json!([rows[0]["id"], rows[1]["id"]]);
    send(s, s.admin, Method::DELETE, &ids).await.is(204);
}

async fn what_is_no_list_of_rows_is_refused(s: &Subject<'_>) {
    let rows = rows(s).await;
    let (before, id) = (s.count().await, &rows[0]["id"]);
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        let of = |list: Value| send_owned(s, method.clone(), list);
        for list in [json!([]), json!(vec![json!({}); 1001])] {
            let reply = of(list).await.is_problem(422, "invalid");
            assert_eq!(reply.faults(), [("", "length")], "{reply}");
        }
        for list in [json!({}), json!(id), Value::Null] {
            let reply = of(list).await.is_problem(422, "invalid");
            assert_eq!(reply.faults(), [("", "type")], "{reply}");
        }
        let reply = of(json!([true, [2]])).await.is_problem(422, "invalid");
        assert_eq!(reply.faults(), [("/0", "type"), ("/1", "type")], "{reply}");
        for (kind, body, status, code) in [
            ("application/json", "[", 400, "malformed_json"),
            ("application/json", "", 400, "malformed_json"),
            ("text/plain", "[]", 415, "unsupported_media_type"),
        ] {
            let call = s.admin.request(method.clone(), &path(s)).body(kind, body);
            call.send().await.is_problem(status, code);
        }
        let call = s.admin.request(method.clone(), &path(s)).json(json!([id]));
        let call = call.header(header::IF_MATCH, rows[0].etag());
        call.send().await.is_problem(400, "if_match");
        let with_query = format!("{}?page=1", path(s));
        let call = s.admin.request(method, &with_query).json(json!([id]));
        call.send().await.is_problem(400, "unknown_parameter");
    }
    assert_eq!(s.count().await, before);
    let mut list = changes(s, &rows).await;
    // A row may belong to another one of its entity, which is made for it.
    let before = s.count().await;
    list.push(list[0].clone());
    list[1]["id"] = true.into();
    list[2].as_object_mut().map(|change| change.remove("id"));
    list[3]["version"] = "0".into();
    let reply = send(s, s.admin, Method::PATCH, &json!(list)).await;
    let expected = ["/1/id", "/2/id", "/3/id", "/3/version"];
    let _ = reply.is_problem(422, "invalid").names(&expected);
    let ids = json!([id, true, id]);
    let reply = send(s, s.admin, Method::DELETE, &ids).await;
    let _ = reply.is_problem(422, "invalid").names(&["/1", "/2"]);
    assert_eq!(s.count().await, before);
    unchanged(s, &rows, "a refused bulk").await;
}

async fn send_owned(s: &Subject<'_>, method: Method, list: Value) -> Reply {
    send(s, s.admin, method, &list).await
}

/// Whoever is refused one row is refused a list with it, and is told the same.
async fn a_bulk_is_no_way_around_the_policy(s: &Subject<'_>) {
    let row = s.row().await;
    for by in [&s.anonymous, &s.suite.stranger] {
        let body = s.body(Size::Required, &Value::Null).await;
        let mut change = s.changes(&row.json).await;
        let before = s.count().await;
        let one = s.one(&row.id());
        let singles = [
            by.post(&s.all, body.clone()).await,
            by.patch(&one, change.clone()).await,
            by.delete(&one).await,
        ];
        change["id"] = row["id"].clone();
        let lists = [
            (Method::POST, json!([body])),
            (Method::PATCH, json!([change])),
            (Method::DELETE, json!([row["id"]])),
        ];
        let mut refused = 0;
        for (single, (method, list)) in singles.iter().zip(lists) {
            if single.status.is_success() {
                continue;
            }
            refused += 1;
            let reply = send(s, by, method, &list).await;
            assert_eq!(reply.status, single.status, "{single}\n{reply}");
            assert_eq!(reply["code"], single["code"], "{single}\n{reply}");
            // This sentence names the fields, here with the index of their item.
            if reply["code"] != "forbidden_field" {
                assert_eq!(reply["detail"], single["detail"], "{reply}");
            }
        }
        if refused == singles.len() {
            assert_eq!(s.count().await, before);
            Subject::same(&row.json, &s.now(&row.id()).await, "a refused bulk");
        }
    }
}

async fn the_path_of_a_bulk_is_no_id(s: &Subject<'_>) {
    for method in [Method::GET, Method::PUT] {
        let reply = s.admin.request(method, &path(s)).send().await;
        let reply = reply.is_problem(405, "method_not_allowed");
        let allow = reply.header("allow");
        assert_eq!(allow, Some("POST, PATCH, DELETE, OPTIONS"), "{reply}");
    }
    let options = s.admin.request(Method::OPTIONS, &path(s)).send().await;
    options.is(204);
}
