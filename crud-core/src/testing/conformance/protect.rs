//! Mass assignment: what no DTO names can't be set by anyone.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    body::BodySchema,
    rules,
    subject::{Size, Subject},
};
use crate::db::{ColumnKind, ColumnShape, Scaled};

rules![
    columns_outside_of_the_dto_cannot_be_set,
    fields_that_are_only_read_cannot_be_set
];

async fn columns_outside_of_the_dto_cannot_be_set(s: &Subject<'_>) {
    let columns: Vec<_> =
        s.r.shape
            .columns
            .iter()
            .map(|c| (c.name, value(c)))
            .collect();
    refused(s, &columns).await;
}

/// Computed fields, and whatever else is in an answer.
async fn fields_that_are_only_read_cannot_be_set(s: &Subject<'_>) {
    let is_column = |name: &str| s.r.shape.columns.iter().any(|c| c.name == name);
    let fields = [&s.get, &s.list].into_iter().flat_map(BodySchema::fields);
    let fields: Vec<_> = fields
        .filter(|(name, _)| !is_column(name))
        .map(|(name, schema)| (name, s.get.value(name, schema, 1, &Value::Null)))
        .collect();
    refused(s, &fields).await;
}

/// Sends each name that a DTO does not have to each route that reads it.
async fn refused(s: &Subject<'_>, names: &[(&str, Value)]) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let valid = s.body(Size::Required, &Value::Null).await;
    let change = s.changes(&row.json).await;
    let before = s.count().await;
    let writes = [
        (Method::POST, &s.all, &s.create, valid.clone()),
        (Method::PUT, &path, &s.create, valid),
        (Method::PATCH, &path, &s.update, change),
    ];
    for (method, path, schema, body) in writes {
        for (name, value) in names.iter().filter(|(name, _)| !schema.has(name)) {
            for value in [value, &Value::Null] {
                let mut body = body.clone();
                body[*name] = value.clone();
                let reply = s
                    .admin
                    .request(method.clone(), path)
                    .json(body)
                    .send()
                    .await;
                let _ = reply
                    .is_problem(422, "invalid")
                    .names(&[&format!("/{name}")]);
            }
        }
    }
    Subject::same(
        &row.json,
        &s.now(&row.id()).await,
        "a field that is only read",
    );
    assert_eq!(s.count().await, before, "a refused row was written");
}

fn value(column: &ColumnShape) -> Value {
    match column.kind {
        ColumnKind::Uuid => json!(crate::Uuid::now_v7().to_string()),
        ColumnKind::Text | ColumnKind::Binary => json!("text"),
        ColumnKind::Bool => json!(true),
        ColumnKind::Int2 | ColumnKind::Int4 | ColumnKind::Int8 => json!(7),
        ColumnKind::Float4 | ColumnKind::Float8 => json!(7.5),
        ColumnKind::Decimal { scale, .. } => json!(Scaled::new(7, scale).to_string()),
        ColumnKind::Timestamptz => json!("2001-02-03T04:05:06.000000Z"),
        ColumnKind::Date => json!("2001-02-03"),
        ColumnKind::Jsonb => json!({"a": 1}),
    }
}
