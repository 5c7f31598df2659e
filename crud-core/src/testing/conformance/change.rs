//! `PATCH /things/{id}` and `PUT /things/{id}`.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    rules,
    subject::{Size, Subject, holds},
};

rules![
    a_change_is_kept_counted_and_signed,
    what_is_absent_stays,
    null_clears_what_can_be_null,
    a_merge_patch_is_a_patch,
    a_replacement_leaves_nothing_behind,
    a_replacement_needs_what_a_new_row_needs,
    reads_after_a_write_are_new,
];

async fn a_change_is_kept_counted_and_signed(s: &Subject<'_>) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let body = s.changes(&row.json).await;
    let changed = s.admin.patch(&path, body.clone()).await.is(200);
    s.get.accepts(&changed.json);
    for (name, sent) in body.as_object().into_iter().flatten() {
        assert!(
            !s.get.has(name) || holds(&changed[name], sent),
            "`{name}` is lost\n{changed}"
        );
    }
    assert_eq!(changed["id"], row["id"]);
    assert_eq!(
        changed["version"], 1,
        "the version does not count\n{changed}"
    );
    assert_eq!(changed["created_at"], row["created_at"], "{changed}");
    assert_eq!(changed["created_by"], row["created_by"], "{changed}");
    assert_eq!(
        changed["updated_by"],
        json!(s.admin.id().to_string()),
        "{changed}"
    );
    let (before, after) = (row["updated_at"].as_str(), changed["updated_at"].as_str());
    assert!(after > before, "updated_at does not move\n{changed}");
    assert_ne!(changed.etag(), row.etag(), "the tag does not change");
    let read = s.admin.get(&path).await.is(200);
    assert_eq!(
        read.json, changed.json,
        "GET answers another row than PATCH"
    );
    assert_eq!(
        read.etag(),
        changed.etag(),
        "GET answers another tag than PATCH"
    );
}

async fn what_is_absent_stays(s: &Subject<'_>) {
    let row = s.full_row().await;
    let path = s.one(&row.id());
    let mut before = row.json.clone();
    let all = s.changes(&before).await;
    for (name, value) in all.as_object().into_iter().flatten() {
        let now = s.admin.patch(&path, json!({name: value})).await.is(200);
        for (field, schema) in s.get.fields() {
            // What is computed follows the fields that it is made of.
            let moves = field == name
                || schema["readOnly"] == true
                || ["version", "updated_at", "updated_by"].contains(&field);
            assert!(
                moves || now[field] == before[field],
                "`{name}` changes `{field}`\n{now}"
            );
        }
        before = now.json;
    }
    let empty = s.admin.patch(&path, json!({})).await.is(200);
    for (field, _) in s.get.fields() {
        let moves = ["version", "updated_at", "updated_by"].contains(&field);
        assert!(
            moves || empty[field] == before[field],
            "nothing changes `{field}`\n{empty}"
        );
    }
}

async fn null_clears_what_can_be_null(s: &Subject<'_>) {
    let row = s.full_row().await;
    let path = s.one(&row.id());
    for (name, _) in s.update.fields() {
        let before = s.now(&row.id()).await;
        let reply = s.admin.patch(&path, json!({name: null})).await;
        let column = s.r.shape.columns.iter().find(|c| c.name == name);
        if column.is_some_and(|c| c.nullable) {
            let reply = reply.is(200);
            assert!(
                !s.get.has(name) || reply[name].is_null(),
                "`{name}` is not cleared\n{reply}"
            );
        } else {
            let _ = reply
                .is_problem(422, "invalid")
                .names(&[&format!("/{name}")]);
            Subject::same(&before, &s.now(&row.id()).await, "a refused null");
        }
    }
}

async fn a_merge_patch_is_a_patch(s: &Subject<'_>) {
    let row = s.row().await;
    let body = s.changes(&row.json).await;
    let call = s.admin.request(Method::PATCH, &s.one(&row.id()));
    let call = call.body(
        "application/merge-patch+json; charset=utf-8",
        body.to_string(),
    );
    call.send().await.is(200);
}

async fn a_replacement_leaves_nothing_behind(s: &Subject<'_>) {
    let row = s.full_row().await;
    let (one, other) = (s.row().await, s.row().await);
    let mut body = s.body(Size::Required, &row.json).await;
    s.name(&mut body, &row.id());
    let put = s.admin.put(&s.one(&row.id()), body.clone()).await.is(200);
    s.get.accepts(&put.json);
    for (name, _) in s.create.fields() {
        if !s.get.has(name) {
            continue;
        }
        match body.get(name) {
            Some(sent) => assert!(holds(&put[name], sent), "`{name}` is not replaced\n{put}"),
            // Two new rows agree on it: it is a default.
            None if one[name] == other[name] => {
                assert_eq!(put[name], one[name], "`{name}` stays behind\n{put}");
            }
            None => {}
        }
    }
    assert_eq!(put["id"], row["id"], "{put}");
    assert_eq!(put["version"], 1, "{put}");
    assert_eq!(put["created_at"], row["created_at"], "{put}");
    assert_eq!(put["created_by"], row["created_by"], "{put}");
    assert_ne!(put.etag(), row.etag());
    assert_eq!(
        s.now(&row.id()).await,
        put.json,
        "GET answers another row than PUT"
    );
}

async fn a_replacement_needs_what_a_new_row_needs(s: &Subject<'_>) {
    let row = s.row().await;
    let required = s.create.required();
    if required.is_empty() {
        return;
    }
    let pointers: Vec<_> = required.iter().map(|name| format!("/{name}")).collect();
    let pointers: Vec<_> = pointers.iter().map(String::as_str).collect();
    let put = s.admin.put(&s.one(&row.id()), json!({})).await;
    let _ = put.is_problem(422, "invalid").names(&pointers);
    Subject::same(&row.json, &s.now(&row.id()).await, "a refused PUT");
    let post = s.admin.post(&s.all, json!({})).await;
    let _ = post.is_problem(422, "invalid").names(&pointers);
}

/// Read, write, read, as two callers, by id and in a list: whatever is cached is never old.
async fn reads_after_a_write_are_new(s: &Subject<'_>) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let listed = async || {
        let page = s
            .admin
            .get(&format!("{}?sort=-created_at", s.all))
            .await
            .is(200);
        page.items()
            .iter()
            .find(|item| item["id"] == row["id"])
            .cloned()
    };
    let reads = async || {
        let stranger = s.suite.stranger.get(&path).await;
        (
            s.admin.get(&path).await.is(200).json,
            stranger,
            listed().await,
        )
    };
    let (_, seen, first) = reads().await;
    assert!(first.is_some(), "a new row is not in the list");
    let body = s.changes(&row.json).await;
    let changed = s.admin.patch(&path, body).await.is(200);
    let (by_admin, by_stranger, in_list) = reads().await;
    assert_eq!(by_admin, changed.json, "the row is old");
    let in_list = in_list.unwrap_or(Value::Null);
    for (name, _) in s.list.fields() {
        assert!(
            !s.get.has(name) || in_list[name] == changed[name],
            "`{name}` is old in the list"
        );
    }
    if seen.status == 200 && by_stranger.status == 200 {
        let version = by_stranger
            .json
            .get("version")
            .unwrap_or(&changed.json["version"]);
        assert_eq!(
            *version, changed["version"],
            "the row is old for another caller"
        );
    }
    s.admin.delete(&path).await.is(204);
    s.admin.get(&path).await.is_problem(404, "not_found");
    assert!(listed().await.is_none(), "a deleted row is in the list");
}
