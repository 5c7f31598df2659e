//! Requests that are wrong in themselves: paths, methods, types and bodies.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{
    body::BodySchema,
    rules,
    subject::{Size, Subject},
};
use crate::IdKind;

rules![
    an_unknown_id_is_not_found,
    an_id_of_another_type_is_refused,
    a_wrong_method_is_told_the_right_ones,
    a_body_of_another_type_is_refused,
    a_body_that_is_no_json_is_refused,
    all_wrong_types_are_told_at_once,
    all_broken_rules_are_told_at_once,
    an_unknown_field_is_refused,
    a_character_that_cannot_be_stored_is_refused,
];

async fn an_unknown_id_is_not_found(s: &Subject<'_>) {
    let id = s.nothing().to_string();
    let reply = s.admin.get(&s.one(&id)).await.is_problem(404, "not_found");
    assert_eq!(reply["detail"], format!("{} {id} not found", s.r.title()));
    for (method, path, body) in s.writes(&id).await {
        let mut call = s.admin.request(method, &path);
        if !body.is_null() {
            call = call.json(body);
        }
        let write = call.send().await.is_problem(404, "not_found");
        assert_eq!(write["detail"], reply["detail"]);
    }
}

async fn an_id_of_another_type_is_refused(s: &Subject<'_>) {
    let long = "x".repeat(256);
    let wrong: &[&str] = match s.r.ids {
        IdKind::Uuid => &[
            "1",
            "no-id",
            "%00",
            "018f0000-0000-7000-8000-00000000000g",
            "%27%20OR%201=1--",
        ],
        IdKind::Int => &[
            "no-id",
            "%00",
            "01",
            "+1",
            "1.0",
            "9223372036854775808",
            "%27%20OR%201=1--",
        ],
        IdKind::Text => &["%00", "a%0Ab", &long],
    };
    for id in wrong {
        let get = s.admin.get(&s.one(id)).await.is_problem(422, "invalid");
        let _ = get.names(&["id"]);
        for (method, path, body) in s.writes(id).await {
            let call = s.admin.request(method, &path).json(body);
            let _ = call.send().await.is_problem(422, "invalid").names(&["id"]);
        }
    }
}

async fn a_wrong_method_is_told_the_right_ones(s: &Subject<'_>) {
    let one = s.one(&s.nothing().to_string());
    let mut wrong = vec![
        (Method::PUT, s.all.clone(), "GET"),
        (Method::PATCH, s.all.clone(), "POST"),
        (Method::DELETE, s.all.clone(), "GET"),
        (Method::POST, one.clone(), "PATCH"),
    ];
    if s.r.archivable {
        wrong.push((Method::GET, format!("{one}/archive"), "PATCH"));
        wrong.push((Method::POST, format!("{one}/restore"), "PATCH"));
    }
    for (method, path, right) in wrong {
        let call = s.admin.request(method.clone(), &path).json(json!({}));
        let reply = call.send().await.is_problem(405, "method_not_allowed");
        let allow = reply.header("allow").unwrap_or_default();
        let allowed: Vec<_> = allow.split(',').map(str::trim).collect();
        assert!(allowed.contains(&right), "{reply}");
        assert!(!allowed.contains(&method.as_str()), "{reply}");
        for name in &allowed {
            assert!(
                reply["detail"].as_str().is_some_and(|d| d.contains(name)),
                "no {name}\n{reply}"
            );
        }
    }
}

async fn a_body_of_another_type_is_refused(s: &Subject<'_>) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let before = s.count().await;
    let body = s.body(Size::Required, &Value::Null).await.to_string();
    let made = s.count().await;
    let writes = [
        (Method::POST, &s.all),
        (Method::PUT, &path),
        (Method::PATCH, &path),
    ];
    for (method, path) in writes {
        let types = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "",
        ];
        for kind in types {
            let call = s
                .admin
                .request(method.clone(), path)
                .body(kind, body.clone());
            call.send().await.is_problem(415, "unsupported_media_type");
        }
    }
    let merge = "application/merge-patch+json";
    for (method, path) in [(Method::POST, &s.all), (Method::PUT, &path)] {
        let call = s.admin.request(method, path).body(merge, body.clone());
        call.send().await.is_problem(415, "unsupported_media_type");
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "a refused body");
    assert!(
        made >= before && s.count().await == made,
        "a refused body was written"
    );
}

async fn a_body_that_is_no_json_is_refused(s: &Subject<'_>) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let before = s.count().await;
    let writes = [
        (Method::POST, &s.all),
        (Method::PUT, &path),
        (Method::PATCH, &path),
    ];
    for (method, path) in writes {
        for broken in [
            "",
            "  ",
            "{",
            "{\"a\":}",
            "nonsense",
            "{} {}",
            "\u{feff}{}",
            "{'a': 1}",
        ] {
            let call = s
                .admin
                .request(method.clone(), path)
                .body("application/json", broken);
            call.send().await.is_problem(400, "malformed_json");
        }
        let call = s.admin.request(method.clone(), path);
        let latin = call.body("application/json", b"{\"title\":\"\xe9\"}".to_vec());
        latin.send().await.is_problem(400, "malformed_json");
        for no_object in ["[]", "null", "1", "\"text\"", "true"] {
            let call = s
                .admin
                .request(method.clone(), path)
                .body("application/json", no_object);
            call.send().await.is_problem(422, "invalid");
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let call = s
            .admin
            .request(method.clone(), path)
            .body("application/json", deep);
        let deep = call.send().await;
        assert!(deep.status.is_client_error(), "{}", deep.status);
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "a broken body");
    assert_eq!(s.count().await, before, "a broken body was written");
}

/// A list where there should be none, in every field, and a field too many.
async fn all_wrong_types_are_told_at_once(s: &Subject<'_>) {
    let wrong = |schema: &BodySchema| -> Map<String, Value> {
        let value = |field: &Value| {
            if schema.is_list(field) {
                json!(true)
            } else {
                json!([])
            }
        };
        let fields = schema.fields().into_iter();
        fields
            .map(|(name, field)| (name.to_owned(), value(field)))
            .collect()
    };
    everywhere(s, wrong(&s.create), wrong(&s.update), true).await;
}

async fn all_broken_rules_are_told_at_once(s: &Subject<'_>) {
    for nth in 0..3 {
        let broken = async |schema: &BodySchema| -> Map<String, Value> {
            let fields = schema.fields().into_iter().filter_map(|(name, field)| {
                let values = schema.breaking(field);
                Some((
                    name.to_owned(),
                    values.get(nth.min(values.len().checked_sub(1)?))?.clone(),
                ))
            });
            fields.collect()
        };
        everywhere(s, broken(&s.create).await, broken(&s.update).await, false).await;
    }
}

/// Sends wrong fields to every route that reads a body; each of them, and nothing else, must be named.
async fn everywhere(
    s: &Subject<'_>,
    create: Map<String, Value>,
    update: Map<String, Value>,
    with_unknown: bool,
) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let valid = s.body(Size::Required, &Value::Null).await;
    let before = s.count().await;
    let writes = [
        (Method::POST, &s.all, &valid, create.clone()),
        (Method::PUT, &path, &valid, create),
        (Method::PATCH, &path, &Value::Null, update),
    ];
    for (method, path, valid, mut wrong) in writes {
        if with_unknown {
            wrong.insert("no~such/field".to_owned(), json!(1));
        }
        if wrong.is_empty() {
            continue;
        }
        let escape = |name: &String| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let pointers: Vec<_> = wrong.keys().map(escape).collect();
        let pointers: Vec<_> = pointers.iter().map(String::as_str).collect();
        let mut body = valid.as_object().cloned().unwrap_or_default();
        body.extend(wrong.clone());
        let reply = s.admin.request(method, path).json(body.into()).send().await;
        let _ = reply.is_problem(422, "invalid").names(&pointers);
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "a wrong body");
    assert_eq!(s.count().await, before, "a wrong body was written");
}

async fn an_unknown_field_is_refused(s: &Subject<'_>) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let valid = s.body(Size::Required, &Value::Null).await;
    let change = s.changes(&row.json).await;
    let writes = [
        (Method::POST, &s.all, valid.clone()),
        (Method::PUT, &path, valid),
        (Method::PATCH, &path, change),
    ];
    for (method, path, mut body) in writes {
        body["no_such"] = json!(1);
        let reply = s.admin.request(method, path).json(body).send().await;
        let reply = reply
            .is_problem(422, "invalid")
            .names(&["/no_such"])
            .says("no_such");
        assert_eq!(reply.faults(), [("/no_such", "unknown_field")], "{reply}");
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "an unknown field");
}

/// PostgreSQL cannot keep NUL, so neither may SQLite.
async fn a_character_that_cannot_be_stored_is_refused(s: &Subject<'_>) {
    let row = s.row().await;
    for (name, field) in s.update.fields() {
        if s.update.is_free_text(field) {
            let path = s.one(&row.id());
            let reply = s.admin.patch(&path, json!({name: "a\u{0}b"})).await;
            reply.is_problem(422, "invalid");
        }
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "a NUL");
}
