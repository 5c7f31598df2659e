//! `POST /things`.

use serde_json::{Value, json};

use super::{
    rules,
    subject::{Size, Subject, holds, nothing},
};
use crate::{App, IdKind};

rules![
    a_new_row_is_answered_with_its_address_and_tag,
    a_new_row_is_signed_and_dated,
    every_field_that_is_sent_comes_back,
    texts_are_trimmed,
    a_row_that_is_there_already_is_a_conflict,
    a_reference_to_nothing_is_refused,
];

async fn a_new_row_is_answered_with_its_address_and_tag(s: &Subject<'_>) {
    let row = s.row().await;
    s.get.accepts(&row.json);
    assert_eq!(
        row.header("content-type"),
        Some("application/json"),
        "{row}"
    );
    let location = row
        .header("location")
        .map(str::to_owned)
        .unwrap_or_default();
    assert_eq!(
        location,
        format!("{}{}", App::PREFIX, s.one(&row.id())),
        "{row}"
    );
    let read = s.admin.get(&location).await.is(200);
    assert_eq!(read.json, row.json, "GET answers another row than POST");
    assert_eq!(read.etag(), row.etag(), "GET answers another tag than POST");
}

async fn a_new_row_is_signed_and_dated(s: &Subject<'_>) {
    let row = s.row().await;
    let by = json!(s.admin.id().to_string());
    assert_eq!(row["version"], 0, "{row}");
    assert_eq!(row["created_by"], by, "{row}");
    assert_eq!(row["updated_by"], by, "{row}");
    assert_eq!(row["created_at"], row["updated_at"], "{row}");
    assert!(
        row["created_at"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z')),
        "{row}"
    );
}

async fn every_field_that_is_sent_comes_back(s: &Subject<'_>) {
    let plain = s.row().await;
    let body = s.body(Size::Full, &plain.json).await;
    let row = s.admin.post(&s.all, body.clone()).await.is(201);
    s.get.accepts(&row.json);
    for (name, sent) in body.as_object().into_iter().flatten() {
        assert!(
            !s.get.has(name) || holds(&row[name], sent),
            "`{name}` is lost\n{row}"
        );
    }
}

async fn texts_are_trimmed(s: &Subject<'_>) {
    let trimmed = s.r.create_shape.fields.iter().filter(|f| f.trimmed);
    let body = s.body(Size::Full, &Value::Null).await;
    let mut sent = body.clone();
    for field in trimmed {
        // A choice of values is no text, whatever its type is.
        let schema = s
            .create
            .fields()
            .into_iter()
            .find(|(name, _)| *name == field.name);
        if let (Some(text), Some((_, schema))) = (body[field.name].as_str(), schema)
            && s.create.is_free_text(schema)
        {
            sent[field.name] = format!(" \t{text}\n ").into();
        }
    }
    let row = s.admin.post(&s.all, sent.clone()).await.is(201);
    for (name, value) in body.as_object().into_iter().flatten() {
        assert!(
            !s.get.has(name) || holds(&row[name], value),
            "`{name}` is not trimmed\n{row}"
        );
    }
    for name in s.create.required() {
        let schema = s
            .create
            .fields()
            .into_iter()
            .find(|(field, _)| *field == name);
        let is_free = schema.is_some_and(|(_, schema)| {
            s.create.is_free_text(schema) && schema["minLength"].as_u64() > Some(0)
        });
        if is_free {
            let mut blank = s.body(Size::Required, &Value::Null).await;
            blank[name] = " \t ".into();
            let reply = s.admin.post(&s.all, blank).await.is_problem(422, "invalid");
            let _ = reply.names(&[&format!("/{name}")]).says("empty");
        }
    }
}

async fn a_row_that_is_there_already_is_a_conflict(s: &Subject<'_>) {
    let body = s.body(Size::Full, &Value::Null).await;
    s.admin.post(&s.all, body.clone()).await.is(201);
    let before = s.count().await;
    let again = s.admin.post(&s.all, body.clone()).await;
    if again.status == 201 {
        return;
    }
    let again = again.is_problem(409, "unique");
    assert_eq!(s.count().await, before, "a refused row was written");
    let named = again.faults();
    assert!(!named.is_empty(), "the conflict names no field\n{again}");
    let other = s.row().await;
    let mut change = json!({});
    for (pointer, _) in named {
        let name = pointer.trim_start_matches('/');
        if !s.update.has(name) {
            return;
        }
        change[name] = body[name].clone();
    }
    s.admin
        .patch(&s.one(&other.id()), change)
        .await
        .is_problem(409, "unique");
    Subject::same(&other.json, &s.now(&other.id()).await, "a conflict");
}

async fn a_reference_to_nothing_is_refused(s: &Subject<'_>) {
    let before = s.count().await;
    let parents = super::parents::parents(s.suite.app.db(), s.r.shape.name).await;
    for (name, table) in parents.iter().filter(|(name, _)| s.create.has(name)) {
        let mut body = s.body(Size::Full, &Value::Null).await;
        let made = s.count().await;
        let mut resources = s.suite.app.registry().resources().iter();
        let parent = resources.find(|r| r.shape.name == *table);
        body[name] = json!(nothing(parent.map_or(IdKind::Uuid, |parent| parent.ids)));
        let reply = s.admin.post(&s.all, body).await;
        // Where the row's scope hangs on the reference, the answer must not tell what exists.
        let refused = [403, 404, 409, 422].contains(&reply.status.as_u16());
        assert!(refused, "`{name}` may refer to nothing\n{reply}");
        if reply.status == 409 {
            let reply = reply.is_problem(409, "foreign_key");
            let _ = reply.names(&[&format!("/{name}")]);
        }
        assert_eq!(s.count().await, made, "a refused row was written");
    }
    assert!(s.count().await >= before);
}
