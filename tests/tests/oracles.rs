//! Reliability §2: whoever may not see a field learns nothing of it by any parameter. Each is answered as for a field that
//! does not exist, to the letter.

use crud_core::{
    App, Registry,
    auth::{Auth, TokenAuthenticator},
    db::DbKind,
    prelude::*,
    serve::{EdgeConfig, edge},
    testing::{Client, Reply, on_both},
};
use serde_json::json;
use tests::{TestApp, jwt};

diesel::table! {
    use crud_core::sql_types::*;
    staff (id) {
        id -> Uuid,
        name -> Text,
        salary -> Integer,
        chief_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
    }
}

/// Who works here.
#[derive(EntityInterface)]
#[entity(endpoint = "staff", table = staff, policy = Payroll, cache_ttl = 60, history, filter(chief),
    aggregates(salary), groups(name, salary), relations(reports = has_many(staff::chief_id -> Worker)))]
pub(crate) struct Worker {
    /// What the worker is called.
    #[field(all, filter, sort)]
    pub(crate) name: String,
    /// What the worker earns.
    #[field(all, filter, sort)]
    pub(crate) salary: i32,
    /// Whom the worker reports to.
    #[field(all, filter, belongs_to(Worker))]
    pub(crate) chief_id: Option<Uuid>,
}

/// Everyone sees everyone, and administrators what they earn and whom they report to.
pub(crate) struct Payroll;

impl Policy<staff::table> for Payroll {
    fn scope(by: &Principal, action: Action) -> Scope<staff::table> {
        Scope::when(by.has_role("admin") || action.is_read())
    }

    fn fields(by: &Principal) -> Fields<staff::table> {
        match by.has_role("admin") {
            true => Fields::all(),
            false => Fields::all().hide(staff::salary).hide(staff::chief_id),
        }
    }
}

fn schema(kind: DbKind) -> &'static str {
    match kind {
        DbKind::Postgres => {
            "CREATE TABLE staff (id uuid PRIMARY KEY, name text NOT NULL, salary integer NOT NULL, chief_id uuid REFERENCES staff,
             version bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
             created_by uuid, updated_by uuid, properties jsonb)"
        }
        DbKind::Sqlite => {
            "CREATE TABLE staff (id BLOB PRIMARY KEY, name TEXT NOT NULL, salary INTEGER NOT NULL, chief_id BLOB REFERENCES staff,
             version INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
             created_by BLOB, updated_by BLOB, properties TEXT) STRICT"
        }
    }
}

async fn office(lms: &TestApp) -> (Client, Client) {
    let db = lms.lms.app.db().clone();
    db.batch(schema(lms.kind))
        .await
        .expect("there is no such table yet");
    let registry = Registry::new().entity::<Worker>();
    let app = App::new(db, registry, Auth::new(jwt(), TokenAuthenticator));
    let anonymous = Client::new(edge(app.router(), &EdgeConfig::default()));
    let anonymous = anonymous.watched(Reply::well_formed);
    let (token, _) = app.auth().jwt().issue(lms.admin().id(), "admin");
    let admin = anonymous.signed_in(lms.admin().id(), token);
    (admin, anonymous)
}

on_both! {
    // Kills: a filter, order, group, number, field or relation that knows of the mask of others only
    async fn a_hidden_field_is_answered_as_one_that_is_not_there(lms: TestApp) {
        let (admin, nobody) = office(&lms).await;
        let chief = admin.post("/staff", json!({"name": "A", "salary": 9000})).await.is(201).id();
        let other = json!({"name": "B", "salary": 10, "chief_id": chief});
        let row = format!("/staff/{}", admin.post("/staff", other).await.is(201).id());
        // What the administrator read is in the cache.
        for path in ["/staff?sort=salary", "/staff?salary[gte]=100", "/staff/aggregate?avg=salary", "/staff?include=chief", &row] {
            admin.get(path).await.is(200);
        }
        let asked = [
            "/staff?sort=FIELD", "/staff?sort=-FIELD", "/staff?sort=name,FIELD", "/staff?FIELD=10", "/staff?FIELD[gte]=100", "/staff?FIELD[in]=1,2",
            "/staff?FIELD[is_null]=true", "/staff?or=FIELD=10|name=B", "/staff?fields=FIELD", "/staff?fields=name,FIELD",
            "/staff?format=csv&FIELD=10", "/staff?format=ndjson&FIELD[gt]=1", "/staff/aggregate?avg=FIELD", "/staff/aggregate?sum=FIELD",
            "/staff/aggregate?min=FIELD", "/staff/aggregate?count&group_by=FIELD", "/staff/aggregate?count&FIELD[lt]=5", "ROW?fields=FIELD",
        ];
        for path in asked {
            let path = path.replace("ROW", &row);
            let ask = async |field: &str| {
                let refused = nobody.get(&path.replace("FIELD", field)).await;
                assert_eq!(refused.status, 400, "{refused}");
                let mut told = refused.json;
                told.as_object_mut().unwrap().remove("request_id");
                let told = told.to_string();
                // The name that was sent, and no other.
                told.replace(field, "FIELD")
            };
            let none = ask("nonsense").await;
            assert_eq!((ask("salary").await, ask("chief_id").await), (none.clone(), none), "{path}");
        }
        for relation in ["chief", "reports"] {
            let told = |reply: Reply, name: &str| reply.is_problem(400, "unknown_include")["detail"].to_string().replace(name, "RELATION");
            let hidden = nobody.get(&format!("/staff?include={relation}")).await;
            assert_eq!(told(hidden, relation), told(nobody.get("/staff?include=nonsense").await, "nonsense"));
        }
        let through = nobody.get("/staff?chief.name=A").await.is_problem(400, "unknown_parameter");
        assert!(!through["detail"].to_string().replace("chief.name", "").contains("chief"), "{through}");
        for path in ["/staff", &row, &format!("{row}/history"), "/staff?format=csv", "/staff?format=ndjson", "/staff?page_size=1"] {
            let reply = nobody.get(path).await.is(200);
            let text = String::from_utf8_lossy(&reply.bytes).into_owned();
            assert!(!text.contains("salary") && !text.contains("chief") && !text.contains("9000"), "{reply}");
        }
        let etag = admin.get(&row).await.is(200).etag().to_owned();
        let call = nobody.request(axum::http::Method::GET, &row).header(axum::http::header::IF_NONE_MATCH, etag);
        call.send().await.is(200);
    }
}
