//! An entity of the tests' own that demands `If-Match`, has a unique value, and a route of its own that writes.

use axum::{
    Router,
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use crud_core::{
    App, Context, Registry,
    auth::{Auth, TokenAuthenticator},
    db::DbKind,
    extract::EntityRequest,
    openapi::{self, Info},
    prelude::*,
    serve::{EdgeConfig, edge},
    testing::{Client, Reply, on_both},
};
use serde_json::{Value, json};
use tests::{TestApp, jwt};

use crate::{once::KEY, steps::count};

diesel::table! {
    use crud_core::sql_types::*;
    gauges (id) {
        id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
        code -> Text,
        reading -> Integer,
    }
}

const POSTGRES: &str = "CREATE TABLE gauges (id uuid NOT NULL PRIMARY KEY, version bigint NOT NULL DEFAULT 0, \
     created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, created_by uuid, updated_by uuid, \
     properties jsonb, archived_at timestamptz, code text COLLATE \"C\" NOT NULL, reading integer NOT NULL); \
     CREATE UNIQUE INDEX uq_gauges_code ON gauges (code) WHERE archived_at IS NULL";
const SQLITE: &str = "CREATE TABLE gauges (id BLOB NOT NULL PRIMARY KEY, version INTEGER NOT NULL DEFAULT 0, \
     created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, created_by BLOB, updated_by BLOB, \
     properties TEXT, archived_at INTEGER, code TEXT NOT NULL, reading INTEGER NOT NULL) STRICT; \
     CREATE UNIQUE INDEX uq_gauges_code ON gauges (code) WHERE archived_at IS NULL";

/// What is read off.
#[derive(EntityInterface)]
#[entity(
    endpoint = "gauges", table = gauges, create = GaugeCreate, get = GaugeGet, list = GaugeList,
    update = GaugeUpdate, query = GaugeQuery, search = search, policy = Anyone,
    unique(code), if_match = required, cache_ttl = 60
)]
struct Gauge;

#[dto(create, table = gauges)]
pub struct GaugeCreate {
    #[validate(length(min = 1, max = 20))]
    pub code: String,
    #[dto(default)]
    pub reading: i32,
}

#[dto(get, table = gauges)]
pub struct GaugeGet {
    pub code: String,
    pub reading: i32,
}

#[dto(list, table = gauges)]
pub struct GaugeList {
    pub code: String,
    pub reading: i32,
    #[dto(computed = label(code, reading))]
    pub label: String,
}

fn label(code: &str, reading: i32) -> String {
    format!("{code} {reading}")
}

#[dto(update, table = gauges)]
pub struct GaugeUpdate {
    pub reading: Option<i32>,
}

#[dto(query)]
pub struct GaugeQuery {
    pub code: Option<String>,
}

fn search(search: Search<gauges::table>, query: &GaugeQuery) -> Search<gauges::table> {
    search.filter_if(&query.code, |code| gauges::code.eq(code))
}

struct Anyone;

impl Policy<gauges::table> for Anyone {
    fn scope(by: &Principal, _: Action) -> Scope<gauges::table> {
        Scope::when(!by.is_anonymous())
    }
}

async fn both(request: EntityRequest<Gauge>) -> Result<Response> {
    request
        .write(Action::Create, |cx, body| Box::pin(made(cx, body)))
        .await
}

/// A gauge for each letter.
async fn made(cx: Context<'_>, body: GaugeCreate) -> Result<Response> {
    let mut rows = Vec::new();
    for code in body.code.chars() {
        let new = serde_json::from_value(json!({ "code": code })).expect("a body");
        rows.push(cx.create::<Gauge>(new).await?.id);
    }
    Ok((StatusCode::CREATED, axum::Json(rows)).into_response())
}

/// The entity, served.
async fn gauges(app: &TestApp) -> Client {
    let db = app.lms.app.db().clone();
    let ddl = match app.kind {
        DbKind::Postgres => POSTGRES,
        DbKind::Sqlite => SQLITE,
    };
    db.batch(ddl).await.expect("there is no such table yet");
    let app = App::new(
        db,
        Registry::new().entity::<Gauge>(),
        Auth::new(jwt(), TokenAuthenticator),
    );
    let own = Router::new()
        .route("/api/v1/gauges/both", post(both))
        .with_state(app.clone());
    let router = edge(app.router().merge(own), &EdgeConfig::default());
    let id = Uuid::now_v7();
    let (token, _) = app.auth().jwt().issue(id, "anyone");
    Client::new(router)
        .watched(Reply::well_formed)
        .signed_in(id, token)
}

fn document() -> Value {
    let registry = Registry::new().entity::<Gauge>();
    openapi::document(
        &registry,
        &Info {
            title: "Gauges",
            version: "1",
            ..Info::default()
        },
        &[],
    )
}

#[test]
fn the_document_says_what_is_demanded() {
    let document = document();
    assert_eq!(openapi::check(&document), Vec::<String>::new());
    let paths = &document["paths"];
    for (path, method) in [
        ("/api/v1/gauges/{id}", "patch"),
        ("/api/v1/gauges/{id}", "put"),
        ("/api/v1/gauges/{id}", "delete"),
        ("/api/v1/gauges/{id}/archive", "patch"),
        ("/api/v1/gauges/{id}/restore", "patch"),
    ] {
        let operation = &paths[path][method];
        assert!(operation["responses"]["428"].is_object(), "{method} {path}");
        let parameters = operation["parameters"].as_array().expect("parameters");
        let found = |name: &str| {
            parameters
                .iter()
                .map(|p| openapi::followed(&document, p))
                .find(|p| p["name"] == name)
                .expect("it is there")
        };
        assert_eq!(found("If-Match")["required"], true, "{method} {path}");
        assert_eq!(found("Idempotency-Key")["required"], Value::Null);
    }
    assert_eq!(
        document["components"]["schemas"]["GaugeChange"]["required"],
        json!(["id", "version"])
    );
    assert!(paths["/api/v1/gauges/by-code/{code}"]["put"]["responses"]["428"].is_object());
    assert!(paths["/api/v1/gauges/bulk"]["delete"]["responses"]["428"].is_object());
}

on_both! {
    async fn every_change_of_what_demands_it_needs_if_match(app: TestApp) {
        let by = gauges(&app).await;
        let row = by.post("/gauges", json!({"code": "a"})).await.is(201);
        let path = format!("/gauges/{}", row.id());
        let (archive, restore) = (format!("{path}/archive"), format!("{path}/restore"));
        for (method, path, body) in [
            (Method::PATCH, &path, Some(json!({"reading": 1}))),
            (Method::PUT, &path, Some(json!({"code": "a"}))),
            (Method::PATCH, &archive, None),
            (Method::PATCH, &restore, None),
            (Method::DELETE, &path, None),
        ] {
            let call = by.request(method, path);
            let call = match body {
                Some(body) => call.json(body),
                None => call,
            };
            call.send().await.is_problem(428, "precondition_required");
        }
        assert_eq!(by.get(&path).await.is(200).json, row.json);
        let call = by.request(Method::PATCH, &path).header(header::IF_MATCH, row.etag());
        let row = call.json(json!({"reading": 1})).send().await.is(200);
        let call = by.request(Method::PATCH, &archive).header(header::IF_MATCH, "*");
        call.send().await.is(200);
        let call = by.request(Method::PATCH, &restore).header(header::IF_MATCH, row.etag());
        call.send().await.is_problem(412, "precondition_failed");
    }

    async fn a_bulk_of_what_demands_it_needs_versions(app: TestApp) {
        let by = gauges(&app).await;
        let rows = by.post("/gauges/bulk", json!([{"code": "a"}, {"code": "b"}])).await.is(201);
        let (a, b) = (&rows.json[0]["id"], &rows.json[1]["id"]);
        let change = |list: Value| by.patch("/gauges/bulk", list);
        let refused = change(json!([{"id": a, "version": 0, "reading": 1}, {"id": b, "reading": 1}])).await;
        assert_eq!(refused.is_problem(422, "invalid").faults(), [("/1/version", "required")]);
        change(json!([{"id": a, "version": 0, "reading": 1}, {"id": b, "version": 0}])).await.is(200);
        let gone = by.request(Method::DELETE, "/gauges/bulk").json(json!([a, b])).send().await;
        gone.is_problem(428, "precondition_required");
        assert_eq!(count(&app, "gauges").await, 2);
    }

    // Kills: a page that is kept under its statement alone, which is the same with and without what is computed
    async fn pages_of_the_same_columns_are_not_mistaken_for_each_other(app: TestApp) {
        let by = gauges(&app).await;
        by.post("/gauges", json!({"code": "a"})).await.is(201);
        for _ in 0..2 {
            for (fields, row) in [
                ("code,reading", json!({"code": "a", "reading": 0})),
                ("code,reading,label", json!({"code": "a", "reading": 0, "label": "a 0"})),
                ("label", json!({"label": "a 0"})),
            ] {
                let list = by.get(&format!("/gauges?fields={fields}")).await.is(200);
                assert_eq!(list.items(), [row]);
            }
        }
    }

    async fn a_row_that_is_put_by_its_key_is_new_or_the_one_that_was_seen(app: TestApp) {
        let by = gauges(&app).await;
        let put = async |name: header::HeaderName, value: &str| {
            let call = by.request(Method::PUT, "/gauges/by-code/a").header(name, value);
            call.json(json!({"reading": 7})).send().await
        };
        // Its create DTO must have the code, and the path says it.
        by.put("/gauges/by-code/a", json!({"reading": 1})).await.is_problem(428, "precondition_required");
        let row = put(header::IF_NONE_MATCH, "*").await.is(201);
        assert_eq!((&row["code"], &row["reading"]), (&json!("a"), &json!(7)));
        put(header::IF_NONE_MATCH, "\"other\"").await.is_problem(428, "precondition_required");
        put(header::IF_MATCH, &row.etag()).await.is(200);
        put(header::IF_MATCH, &row.etag()).await.is_problem(412, "precondition_failed");
    }

    async fn a_route_of_ones_own_is_done_once_too(app: TestApp) {
        let by = gauges(&app).await;
        let send = async |key: &str, code: &str| {
            let call = by.request(Method::POST, "/gauges/both").header(KEY, key);
            call.json(json!({"code": code})).send().await
        };
        let first = send("k", "ab").await.is(201);
        let again = send("k", "ab").await.is(201);
        assert_eq!((again.header("idempotent-replayed"), &again.json), (Some("true"), &first.json));
        // With a key everything is in one transaction.
        send("l", "ca").await.is_problem(409, "unique");
        send("k", "c").await.is_problem(422, "idempotency_key");
        assert_eq!(count(&app, "gauges").await, 2);
        by.post("/gauges/both", json!({"code": "da"})).await.is_problem(409, "unique");
        assert_eq!(count(&app, "gauges").await, 3);
    }
}
