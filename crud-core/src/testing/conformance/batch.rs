//! `POST /batch`: an entity's part in it.

use serde_json::{Value, json};

use super::{
    rules,
    subject::{Size, Subject},
};
use crate::testing::{Reply, reply::id_of};

rules![
    a_batch_does_what_the_single_routes_do,
    a_batch_that_is_refused_does_nothing,
    a_batch_is_no_way_around_the_policy,
];

async fn send(s: &Subject<'_>, by: &crate::testing::Client, operations: &[Value]) -> Reply {
    let mut operations = operations.to_vec();
    for operation in &mut operations {
        operation["entity"] = s.r.endpoint.into();
    }
    by.post("/batch", json!({ "operations": operations })).await
}

async fn a_batch_does_what_the_single_routes_do(s: &Subject<'_>) {
    let body = s.body(Size::Full, &Value::Null).await;
    let (new, row) = (s.row().await, s.row().await);
    let change = s.changes(&new.json).await;
    let operations = [
        json!({ "op": "create", "body": body }),
        json!({ "op": "update", "id": new["id"], "version": 0, "body": change }),
        json!({ "op": "delete", "id": row["id"], "version": 0 }),
    ];
    let done = send(s, s.admin, &operations).await.is(200);
    let results = done["results"].as_array().expect("a list");
    assert_eq!(results.len(), 3, "{done}");
    s.get.accepts(&results[0]);
    for result in &results[..2] {
        let id = id_of(result).unwrap_or_default();
        Subject::same(result, &s.now(&id).await, "GET after a batch");
    }
    assert_eq!(
        (&results[1]["version"], &results[2]),
        (&json!(1), &Value::Null),
        "{done}"
    );
    let path = s.one(&row.id());
    s.admin.get(&path).await.is_problem(404, "not_found");
    if s.r.archivable {
        let away = |op: &str, version: u8| json!({ "op": op, "id": new["id"], "version": version });
        let moved = [away("archive", 1), away("restore", 2), away("archive", 3)];
        let done = send(s, s.admin, &moved).await.is(200);
        assert!(done["results"][2]["archived_at"].is_string(), "{done}");
        s.admin
            .get(&s.one(&new.id()))
            .await
            .is_problem(404, "not_found");
    } else {
        let operation = json!({ "op": "archive", "id": new["id"] });
        let refused = send(s, s.admin, &[operation]).await;
        let _ = refused
            .is_problem(422, "invalid")
            .names(&["/operations/0/op"]);
    }
}

async fn a_batch_that_is_refused_does_nothing(s: &Subject<'_>) {
    let row = s.row().await;
    let body = s.body(Size::Required, &Value::Null).await;
    let operations = [
        json!({ "op": "create", "body": body }),
        json!({ "op": "update", "id": row["id"], "body": s.changes(&row.json).await }),
        json!({ "op": "delete", "id": row["id"], "version": 7 }),
    ];
    let before = s.count().await;
    let refused = send(s, s.admin, &operations)
        .await
        .is_problem(412, "precondition_failed");
    assert_eq!(refused.faults(), [("/operations/2", "precondition_failed")]);
    assert_eq!(s.count().await, before);
    Subject::same(&row.json, &s.now(&row.id()).await, "a refused batch");
}

async fn a_batch_is_no_way_around_the_policy(s: &Subject<'_>) {
    let row = s.row().await;
    let body = s.changes(&Value::Null).await;
    let operation = json!({ "op": "update", "id": row["id"], "body": body });
    let single = s.suite.stranger.patch(&s.one(&row.id()), body).await;
    let batch = send(s, &s.suite.stranger, std::slice::from_ref(&operation)).await;
    assert_eq!(
        (batch.status, &batch["code"]),
        (single.status, &single["code"]),
        "{batch}"
    );
    send(s, &s.anonymous, &[operation])
        .await
        .is_problem(401, "unauthenticated");
}
