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
    fields_that_are_only_read_cannot_be_set,
    fields_in_other_letters_are_unknown,
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
    together(s, names, &row.id(), &valid, &change).await;
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

/// Sends all of them at once to each route that reads such bodies among others.
async fn together(
    s: &Subject<'_>,
    names: &[(&str, Value)],
    id: &str,
    valid: &Value,
    change: &Value,
) {
    let id = json!(s.r.ids.parse(id));
    let with = |body: &Value, schema: &BodySchema, passed_over: &dyn Fn(&str) -> bool| {
        let (mut body, mut sent) = (body.clone(), Vec::new());
        for (name, value) in names.iter().filter(|(name, _)| !schema.has(name)) {
            if !passed_over(name) {
                body[*name] = value.clone();
                sent.push(*name);
            }
        }
        (body, sent)
    };
    let none = |_: &str| false;
    let create = |at: &str| (with(valid, &s.create, &none), at.to_owned());
    let entity = s.r.endpoint;
    let ((new, added), at) = create("/operations/0/body");
    let batch = json!({"operations": [{"op": "create", "entity": entity, "body": new}]});
    let mut all = vec![("/batch".to_owned(), Method::POST, batch, added, at)];
    let ((new, added), at) = create("/0");
    let bulk = format!("{}/bulk", s.all);
    all.push((bulk.clone(), Method::POST, json!([new]), added, at));
    // There they name the row and its version.
    let own = |name: &str| matches!(name, "id" | "version");
    let (mut changed, added) = with(change, &s.update, &own);
    changed["id"] = id.clone();
    all.push((bulk, Method::PATCH, json!([changed]), added, "/0".into()));
    let (changed, added) = with(change, &s.update, &none);
    let batch = json!({"operations": [
        {"op": "update", "entity": entity, "id": id, "version": 0, "body": changed}
    ]});
    let at = "/operations/0/body".to_owned();
    all.push(("/batch".into(), Method::POST, batch, added, at));
    // What an export has is passed over.
    let (new, added) = with(valid, &s.create, &|name| s.list.has(name));
    let import = format!("{}/import", s.all);
    all.push((import, Method::POST, new, added, "/1".into()));
    for (path, method, body, added, at) in all.into_iter().filter(|sent| !sent.3.is_empty()) {
        let call = s.admin.request(method, &path);
        let call = match path.ends_with("/import") {
            true => call.body("application/x-ndjson", body.to_string()),
            false => call.json(body),
        };
        let added: Vec<_> = added.iter().map(|name| format!("{at}/{name}")).collect();
        let added: Vec<_> = added.iter().map(String::as_str).collect();
        let reply = call.send().await.is_problem(422, "invalid");
        let _ = reply.names(&added);
    }
}

/// A field is known by its own letters only.
async fn fields_in_other_letters_are_unknown(s: &Subject<'_>) {
    let (mut body, mut names) = (s.body(Size::Required, &Value::Null).await, Vec::new());
    for (name, _) in s.create.fields() {
        let shouted = name.to_uppercase();
        body[&shouted] = body[name].clone();
        names.push(format!("/{shouted}"));
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let reply = s.admin.post(&s.all, body).await;
    let _ = reply.is_problem(422, "invalid").names(&names);
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
