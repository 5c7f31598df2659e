//! `DELETE /things/{id}`, and `If-Match` on every write.

use axum::http::{Method, header};
use serde_json::Value;

use super::{rules, subject::Subject};

rules![
    a_deleted_row_is_gone,
    a_stale_tag_stops_every_write,
    the_current_tag_lets_a_write_pass,
    of_two_writes_with_one_tag_one_passes,
];

async fn a_deleted_row_is_gone(s: &Subject<'_>) {
    let row = s.full_row().await;
    let before = s.count().await;
    let path = s.one(&row.id());
    let reply = s.admin.delete(&path).await.is(204);
    assert!(reply.bytes.is_empty(), "{reply}");
    assert_eq!(
        s.count().await,
        before - 1,
        "the list's total does not go down by one"
    );
    s.admin.get(&path).await.is_problem(404, "not_found");
    for (method, path, body) in s.writes(&row.id()).await {
        send(s, &method, &path, &body, None)
            .await
            .is_problem(404, "not_found");
    }
}

async fn send(
    s: &Subject<'_>,
    method: &Method,
    path: &str,
    body: &Value,
    tag: Option<&str>,
) -> crate::testing::Reply {
    let mut call = s.admin.request(method.clone(), path);
    if !body.is_null() {
        call = call.json(body.clone());
    }
    if let Some(tag) = tag {
        call = call.header(header::IF_MATCH, tag);
    }
    call.send().await
}

async fn a_stale_tag_stops_every_write(s: &Subject<'_>) {
    let first = s.row().await;
    let id = first.id();
    let change = s.changes(&first.json).await;
    let now = s.admin.patch(&s.one(&id), change).await.is(200);
    let stale = first.etag();
    let weak = format!("W/{}", now.etag());
    let of_another = s.row().await.etag();
    for tag in [
        &*stale,
        &*weak,
        &*of_another,
        "\"nonsense\"",
        "nonsense",
        "",
    ] {
        for (method, path, body) in s.writes(&id).await {
            // A row that is not archived has nothing to restore, whatever the tag.
            if path.ends_with("/restore") {
                continue;
            }
            let reply = send(s, &method, &path, &body, Some(tag)).await;
            let reply = reply.is_problem(412, "precondition_failed");
            assert_eq!(reply.etag(), now.etag(), "{reply}");
        }
        Subject::same(&now.json, &s.now(&id).await, "a stale write");
    }
}

async fn the_current_tag_lets_a_write_pass(s: &Subject<'_>) {
    let row = s.row().await;
    let mut tag = row.etag();
    for (method, path, body) in s.writes(&row.id()).await {
        if method == Method::DELETE {
            continue;
        }
        tag = send(s, &method, &path, &body, Some(&tag))
            .await
            .is(200)
            .etag();
    }
    let path = s.one(&row.id());
    let change = s.changes(&row.json).await;
    let list = format!("\"other\", {tag}");
    send(s, &Method::PATCH, &path, &change, Some(&list))
        .await
        .is(200);
    let change = s.changes(&row.json).await;
    let now = send(s, &Method::PATCH, &path, &change, Some("*"))
        .await
        .is(200);
    send(s, &Method::DELETE, &path, &Value::Null, Some(&now.etag()))
        .await
        .is(204);
}

async fn of_two_writes_with_one_tag_one_passes(s: &Subject<'_>) {
    let row = s.row().await;
    let (path, tag) = (s.one(&row.id()), row.etag());
    let (one, other) = (s.changes(&row.json).await, s.changes(&row.json).await);
    let (one, other) = tokio::join!(
        send(s, &Method::PATCH, &path, &one, Some(&tag)),
        send(s, &Method::PATCH, &path, &other, Some(&tag)),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{one}\n{other}");
    assert_eq!(s.now(&row.id()).await["version"], 1);
}
