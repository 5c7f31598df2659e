//! The document of a small application, looked at as a client would.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    App, Db, DbConfig, Registry,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    prelude::*,
};

diesel::table! {
    use crate::sql_types::*;

    boxes (id) {
        id -> Uuid,
        label -> Text,
        size -> Nullable<Text>,
        weight -> Integer,
        secret -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

text_enum! {
    enum Size { Small = "small", Large = "large" }
}

/// Things to put things in.
#[derive(EntityInterface)]
#[entity(
    endpoint = "big-boxes",
    table = boxes,
    create = BoxCreate,
    get = BoxGet,
    list = BoxList,
    update = BoxUpdate,
    query = BoxQuery,
    search = search,
    policy = BoxPolicy,
    cache_ttl = 60,
    sort(label, weight)
)]
struct BigBox;

#[dto(create, table = boxes)]
struct BoxCreate {
    /// What is written on it.
    #[validate(length(min = 1, max = 20))]
    label: String,
    size: Option<Size>,
    #[validate(range(min = 0))]
    weight: i32,
}

#[dto(update, table = boxes)]
struct BoxUpdate {
    #[validate(length(min = 1, max = 20))]
    label: Option<String>,
    size: Option<Option<Size>>,
    weight: Option<i32>,
}

#[dto(get, table = boxes)]
struct BoxGet {
    label: String,
    size: Option<Size>,
    weight: i32,
    secret: Option<String>,
}

#[dto(list, table = boxes)]
struct BoxList {
    label: String,
}

#[dto(query)]
struct BoxQuery {
    /// A part of the label.
    label: Option<String>,
    size: Option<Size>,
    weight: Option<i32>,
}

fn search(search: Search<boxes::table>, query: &BoxQuery) -> Search<boxes::table> {
    search
        .filter_if(&query.label, |label| boxes::label.eq(label))
        .filter_if(&query.size, |size| boxes::size.eq(size))
        .filter_if(&query.weight, |weight| boxes::weight.eq(weight))
}

struct BoxPolicy;

impl Policy<boxes::table> for BoxPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<boxes::table> {
        Scope::when(action.is_read() || principal.has_role("admin"))
    }

    fn fields(principal: &Principal) -> Fields<boxes::table> {
        match principal.has_role("admin") {
            true => Fields::all(),
            false => Fields::all().hide(boxes::secret),
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Settings {
    theme: String,
    #[serde(default)]
    wide: bool,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Look {
    /// How big.
    size: Option<Size>,
    depth: Option<i32>,
    exact: bool,
}

async fn settings(State(app): State<App>) -> String {
    app.registry().resources().len().to_string()
}

fn routes() -> Routes<App> {
    let change = Operation::put("/big-boxes/settings/{user}", "change_settings")
        .tag("big-boxes")
        .path::<Uuid>("user", "Whose settings.")
        .body::<Settings>()
        .returns::<Settings>(200, "The settings as they are now.")
        .errors(&[404]);
    let read = Operation::get("/big-boxes/settings/{user}", "get_settings")
        .summary("Read settings")
        .public()
        .query::<Look>()
        .returns::<Settings>(200, "The settings.");
    Routes::new()
        .route(change, settings)
        .merge(Routes::new().route(read, settings))
}

fn registry() -> Registry {
    Registry::new().entity::<BigBox>()
}

fn boxes_document() -> Value {
    let info = Info {
        title: "Boxes & <more>",
        version: "1",
        description: "",
        roles: &["admin"],
    };
    document(&registry(), &info, routes().operations())
}

fn operation(id: &str) -> Value {
    let document = boxes_document();
    let paths = document["paths"].as_object().expect("there are paths");
    let mut operations = paths
        .values()
        .flat_map(|item| item.as_object().expect("is an item").values());
    let found = operations.find(|operation| operation["operationId"] == id);
    let mut found = found.unwrap_or_else(|| panic!("there is no {id}")).clone();
    let follow = |one: &mut Value| *one = followed(&document, one).clone();
    if let Some(parameters) = found["parameters"].as_array_mut() {
        parameters.iter_mut().for_each(follow);
    }
    if let Some(answers) = found["responses"].as_object_mut() {
        answers.values_mut().for_each(follow);
    }
    found
}

fn parameter(operation: &Value, name: &str) -> Value {
    let all = operation["parameters"]
        .as_array()
        .expect("there are parameters");
    let found = all.iter().find(|parameter| parameter["name"] == name);
    found
        .unwrap_or_else(|| panic!("there is no {name}"))
        .clone()
}

fn statuses(operation: &Value) -> Vec<u16> {
    let responses = operation["responses"]
        .as_object()
        .expect("there are responses");
    responses
        .keys()
        .map(|status| status.parse().expect("is a status"))
        .collect()
}

#[test]
fn a_document_has_no_fault() {
    let faults = check(&boxes_document());
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_document_is_the_same_every_time() {
    assert_eq!(boxes_document().to_string(), boxes_document().to_string());
}

#[test]
fn every_route_of_an_entity_is_documented() {
    let document = boxes_document();
    let methods = |path: &str| {
        let item = document["paths"][path]
            .as_object()
            .expect("there is such a path");
        item.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(methods("/api/v1/big-boxes"), ["get", "post"]);
    assert_eq!(
        methods("/api/v1/big-boxes/{id}"),
        ["get", "patch", "put", "delete"]
    );
    assert_eq!(methods("/api/v1/big-boxes/{id}/archive"), ["patch"]);
    assert_eq!(methods("/api/v1/big-boxes/{id}/restore"), ["patch"]);
    operation("list_big_boxes");
    operation("get_big_box");
}

#[test]
fn statuses_are_those_that_the_route_answers() {
    assert_eq!(
        statuses(&operation("list_big_boxes")),
        [200, 400, 403, 422, 500, 503]
    );
    assert_eq!(
        statuses(&operation("get_big_box")),
        [200, 304, 400, 404, 422, 500, 503]
    );
    assert_eq!(
        statuses(&operation("update_big_box")),
        [
            200, 400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 500, 503
        ]
    );
    assert_eq!(
        statuses(&operation("delete_big_box")),
        [204, 400, 401, 403, 404, 409, 412, 422, 500, 503]
    );
}

#[test]
fn a_token_is_optional_where_anyone_may_act() {
    assert_eq!(
        operation("list_big_boxes")["security"],
        json!([{}, { "bearer": [] }])
    );
    assert!(operation("create_big_box").get("security").is_none());
}

#[test]
fn what_some_callers_may_not_see_is_not_required() {
    let document = boxes_document();
    let required = &document["components"]["schemas"]["BoxGet"]["required"];
    let required: Vec<String> = serde_json::from_value(required.clone()).expect("is a list");
    assert!(required.iter().any(|name| name == "label"));
    assert!(!required.iter().any(|name| name == "secret"));
}

#[test]
fn a_body_takes_what_the_server_takes() {
    let document = boxes_document();
    let at = "/components/schemas/BoxCreate";
    let faults = |body: Value| faults(&document, at, &body).len();
    assert_eq!(
        faults(json!({ "label": " a ", "weight": 1, "size": "small" })),
        0
    );
    assert_eq!(faults(json!({ "label": "   ", "weight": 1 })), 1);
    assert_eq!(faults(json!({ "label": "a\u{0}", "weight": 1 })), 1);
    assert_eq!(
        faults(json!({ "label": "a", "weight": 2_147_483_648_i64 })),
        1
    );
    assert_eq!(faults(json!({ "label": "a", "weight": 1, "colour": 1 })), 1);
    let at = "/components/schemas/BoxUpdate";
    assert!(super::faults(&document, at, &json!({ "size": null })).is_empty());
    assert_eq!(
        super::faults(&document, at, &json!({ "label": null })).len(),
        1
    );
}

#[test]
fn what_operations_have_alike_stands_once() {
    let document = boxes_document();
    let one = &document["paths"]["/api/v1/big-boxes/{id}"];
    for method in ["get", "patch", "put", "delete"] {
        let id = &one[method]["parameters"][0];
        assert_eq!(*id, json!({ "$ref": "#/components/parameters/id" }));
        assert_eq!(followed(&document, id)["in"], "path");
    }
    let changed = json!({ "$ref": "#/components/responses/update_big_box.200" });
    assert_eq!(one["patch"]["responses"]["200"], changed);
    assert_eq!(one["put"]["responses"]["200"], changed);
    let mut seen = std::collections::BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("an item").values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let is_new = seen.insert(parameter.to_string());
                assert!(is_new || parameter.get("$ref").is_some(), "{parameter}");
            }
        }
    }
}

#[test]
fn a_sort_names_no_column_twice() {
    let sort = parameter(&operation("list_big_boxes"), "sort")["schema"].clone();
    let accepts = |value: Value| jsonschema::is_valid(&sort, &value);
    assert!(accepts(json!(["-created_at", "label"])));
    assert!(!accepts(json!(["label", "label"])));
    assert!(!accepts(json!(["label", "-label"])));
    assert!(!accepts(json!(["secret"])));
    assert!(!accepts(json!([])));
}

#[test]
fn filters_are_parameters_without_null() {
    let list = operation("list_big_boxes");
    let label = parameter(&list, "label");
    assert_eq!(label["schema"]["type"], "string");
    assert_eq!(label["description"], "A part of the label.");
    let size = parameter(&list, "size");
    assert_eq!(
        size["schema"],
        json!({ "$ref": "#/components/schemas/Size" })
    );
    assert_eq!(parameter(&list, "weight")["schema"]["maximum"], i32::MAX);
}

#[test]
fn an_option_in_a_query_is_left_out_but_never_null() {
    let read = operation("get_settings");
    let (size, depth) = (parameter(&read, "size"), parameter(&read, "depth"));
    assert_eq!(
        size["schema"],
        json!({ "$ref": "#/components/schemas/Size" })
    );
    assert_eq!(size["description"], "How big.");
    assert_eq!(depth["schema"]["type"], "integer");
    assert!(size.get("required").is_none());
    assert_eq!(parameter(&read, "exact")["required"], true);
}

#[test]
fn a_default_may_be_left_out_of_a_body_but_not_of_an_answer() {
    let document = boxes_document();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Settings"]["required"], json!(["theme"]));
    assert_eq!(
        schemas["SettingsAnswer"]["required"],
        json!(["theme", "wide"])
    );
    let change = operation("change_settings");
    let body = &change["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/Settings");
    let answer = &change["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(answer["$ref"], "#/components/schemas/SettingsAnswer");
    assert!(schemas.get("SizeAnswer").is_none());
}

#[test]
fn every_error_fits_the_schema_of_problems() {
    let problem = json!({
        "type": "about:blank", "title": "Invalid request", "status": 422, "detail": "No.",
        "code": "invalid", "errors": [{ "pointer": "/label", "code": "type", "detail": "No." }],
    });
    let at = "/components/schemas/Problem";
    assert_eq!(
        faults(&boxes_document(), at, &problem),
        Vec::<String>::new()
    );
    assert!(!faults(&boxes_document(), at, &json!({ "title": 1 })).is_empty());
}

#[test]
fn check_finds_what_is_wrong() {
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 7] = [
        ("is not there", |d| {
            d["components"]["schemas"]["BoxGet"]["properties"]["x"] =
                json!({ "$ref": "#/nowhere" });
        }),
        ("has the operation id of another", |d| {
            d["paths"]["/api/v1/big-boxes"]["post"]["operationId"] = "list_big_boxes".into();
        }),
        ("is no JSON Schema", |d| {
            d["components"]["schemas"]["BoxGet"]["type"] = "thing".into()
        }),
        ("is no schema", |d| {
            d["components"]["schemas"]["BoxGet"]["properties"]["label"]["pattern"] = "(".into();
        }),
        ("does not declare exactly", |d| {
            d["paths"]["/api/v1/big-boxes/{id}"]["get"]["parameters"] = json!([]);
        }),
        ("has no successful answer", |d| {
            d["paths"]["/api/v1/big-boxes"]["get"]["responses"] = json!({});
        }),
        ("is the same as", |d| {
            d["paths"]["/api/v1/big-boxes/{other}"] = d["paths"]["/api/v1/big-boxes/{id}"].clone();
        }),
    ];
    for (sentence, spoil) in breaks {
        let mut document = boxes_document();
        spoil(&mut document);
        let faults = check(&document);
        assert!(
            faults.iter().any(|fault| fault.contains(sentence)),
            "{sentence}: {faults:#?}"
        );
    }
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, header::HeaderMap, String) {
    let answer = router
        .clone()
        .oneshot(request)
        .await
        .expect("a router never fails");
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("the body is whole");
    (
        head.status,
        head.headers,
        String::from_utf8_lossy(&body).into_owned(),
    )
}

fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .body(Body::empty())
        .expect("is a request")
}

#[tokio::test]
async fn the_document_is_served_and_asked_for_once() {
    let router = docs::router(&boxes_document());
    let (status, headers, body) = ask(&router, get("/openapi.json")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        serde_json::from_str::<Value>(&body).expect("is JSON"),
        boxes_document()
    );
    let mut again = get("/openapi.json");
    again
        .headers_mut()
        .insert(header::IF_NONE_MATCH, headers[header::ETAG].clone());
    let (status, _, body) = ask(&router, again).await;
    assert_eq!((status, &*body), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let router = docs::router(&boxes_document());
    let (status, headers, page) = ask(&router, get("/docs")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("is text")
            .starts_with("default-src 'none'")
    );
    assert!(
        page.contains("<title>Boxes &amp; &lt;more></title>"),
        "{page}"
    );
    assert!(!page.contains("//"), "{page}");
    let named = page.split('"').filter(|part| part.starts_with("docs/"));
    let mut files = 0;
    for file in named {
        let (status, _, body) = ask(&router, get(&format!("/{file}"))).await;
        assert_eq!(status, StatusCode::OK, "{file}");
        let outside = ["@import", "url(http", "url(//", "sourceMappingURL=http"];
        let styles = file.ends_with(".css");
        assert!(
            !styles || !outside.iter().any(|text| body.contains(text)),
            "{file}"
        );
        files += 1;
    }
    assert_eq!(files, 4);
    let (status, ..) = ask(&router, get("/docs/index.html")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_custom_route_answers_with_the_application_as_its_state() {
    let db = Db::connect(&DbConfig::new("sqlite::memory:"))
        .await
        .expect("opens");
    let jwt = Jwt::new(JwtConfig::new([7; 32])).expect("the secret is long enough");
    let app = App::new(db, registry(), Auth::new(jwt, TokenAuthenticator));
    let router = routes().mount(app);
    let path = "/api/v1/big-boxes/settings/x";
    let (status, _, body) = ask(&router, get(path)).await;
    assert_eq!((status, &*body), (StatusCode::OK, "1"));
    let asked = Request::options(path)
        .body(Body::empty())
        .expect("is a request");
    let (status, headers, _) = ask(&router, asked).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(headers[header::ALLOW], "PUT, GET, HEAD, OPTIONS");
    let wrong = Request::delete(path)
        .body(Body::empty())
        .expect("is a request");
    let (status, headers, body) = ask(&router, wrong).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers[header::ALLOW], "PUT, GET, HEAD, OPTIONS");
    let problem = serde_json::from_str(&body).expect("is JSON");
    let found = faults(&boxes_document(), "/components/schemas/Problem", &problem);
    assert_eq!(found, Vec::<String>::new());
}
