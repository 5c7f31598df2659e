//! Entities in the short form, with tables of their own beside those of the LMS: what they write keeps the same
//! contract as what is written by hand, and only the routes that they choose are there.

use crud_core::{
    App, Registry,
    auth::{Auth, TokenAuthenticator},
    db::DbKind,
    prelude::*,
    serve::{EdgeConfig, edge},
    testing::{
        Client,
        conformance::{Conformance, check_all},
        on_both,
    },
};
use serde_json::json;
use tests::{TestApp, jwt};

macro_rules! tables {
    ($($table:ident { $($columns:tt)* })*) => {$(
        diesel::table! {
            use crud_core::sql_types::*;

            $table (id) {
                id -> Uuid,
                $($columns)*
                version -> BigInt,
                created_at -> Timestamptz,
                updated_at -> Timestamptz,
                created_by -> Nullable<Uuid>,
                updated_by -> Nullable<Uuid>,
                properties -> Nullable<Jsonb>,
                archived_at -> Nullable<Timestamptz>,
            }
        }
    )*};
}
tables! {
    shelves {
        name -> Text,
        code -> Text,
    }
    readings {
        title -> Text,
        author -> Nullable<Text>,
        level -> Text,
        pages -> Integer,
        held_on -> Nullable<Date>,
        facts -> Nullable<Jsonb>,
        secret -> Nullable<Text>,
        shelf_id -> Nullable<Uuid>,
    }
    notices {
        words -> Text,
    }
}

const COLUMNS: [(&str, &str); 3] = [
    ("shelves", "name text NOT NULL, code text NOT NULL"),
    (
        "readings",
        "title text NOT NULL, author text, level text NOT NULL, pages int NOT NULL, held_on {date}, facts {json}, \
         secret text DEFAULT 'hush', shelf_id {uuid} REFERENCES shelves (id) ON DELETE CASCADE",
    ),
    ("notices", "words text NOT NULL"),
];

/// Both databases' words for the columns of all entities.
fn schema(kind: DbKind) -> String {
    let (id, standard) = match kind {
        DbKind::Postgres => (
            "id uuid PRIMARY KEY DEFAULT gen_random_uuid()",
            "version bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), \
             updated_at timestamptz NOT NULL DEFAULT now(), created_by uuid, updated_by uuid, properties jsonb, \
             archived_at timestamptz",
        ),
        DbKind::Sqlite => (
            "id BLOB NOT NULL PRIMARY KEY DEFAULT (randomblob(16))",
            "version INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL DEFAULT 0, \
             updated_at INTEGER NOT NULL DEFAULT 0, created_by BLOB, updated_by BLOB, properties TEXT, \
             archived_at INTEGER",
        ),
    };
    let [date, json, uuid, text, end] = match kind {
        DbKind::Postgres => ["date", "jsonb", "uuid", "text COLLATE \"C\"", ""],
        DbKind::Sqlite => ["TEXT", "TEXT", "BLOB", "TEXT", "STRICT"],
    };
    let table = |(table, columns): (&str, &str)| {
        let columns = columns.replace(" text", &format!(" {text}"));
        let columns = columns.replace("{date}", date).replace("{json}", json);
        let columns = columns.replace("{uuid}", uuid);
        format!("CREATE TABLE {table} ({id}, {columns}, {standard}) {end};")
    };
    COLUMNS.map(table).concat()
}

text_enum! {
    /// How hard it is.
    pub(crate) enum Level {
        /// Not at all.
        Easy = "easy",
        /// Very.
        Hard = "hard",
    }
}

/// Where readings stand.
#[derive(EntityInterface)]
#[entity(
    endpoint = "shelves", table = shelves, policy = Librarians, archivable, cache_ttl = 60, default_sort = "name",
    before_create = before_create, filter(created_at, created_by, properties, readings),
    relations(readings = has_many(readings::shelf_id -> Reading))
)]
pub(crate) struct Shelf {
    /// What is written on it.
    #[field(all, filter = contains_ci, sort, validate(length(min = 1, max = 40)))]
    pub(crate) name: String,
    /// Made of the name when left out.
    #[field(create, read, optional, filter, validate(length(min = 1, max = 40)))]
    pub(crate) code: String,
}

fn before_create(
    new: &mut ShelfCreate,
    _set: &mut Assignments<shelves::table>,
    _by: &Principal,
) -> Result<()> {
    let name = &new.name;
    new.code.get_or_insert_with(|| name.to_lowercase());
    Ok(())
}

/// Something to read.
#[derive(EntityInterface)]
#[entity(
    endpoint = "readings", table = readings, policy = Librarians, archivable, cache_ttl = 60,
    list = ReadingLine, search = search, default_sort = "-pages,title", filter(updated_at, shelf)
)]
pub(crate) struct Reading {
    /// What it is called.
    #[field(write, get, filter = contains_ci, sort, validate(length(min = 1, max = 40)))]
    pub(crate) title: String,
    /// Who wrote it.
    #[field(write, get, filter)]
    pub(crate) author: Option<String>,
    /// How hard it is.
    #[field(write, get, filter, default = Level::Easy)]
    pub(crate) level: Level,
    /// How long it is.
    #[field(write, get, filter, sort, default = 1, validate(range(min = 1)))]
    pub(crate) pages: i32,
    /// The day on which it is read.
    #[field(write, get, filter, sort)]
    pub(crate) held_on: Option<NaiveDate>,
    /// Further facts.
    #[field(write, get, filter)]
    pub(crate) facts: Option<Json>,
    /// Where it stands.
    #[field(write, get, filter, belongs_to(Shelf))]
    pub(crate) shelf_id: Option<Uuid>,
    /// In capitals.
    #[field(get, computed = in_capitals(title))]
    pub(crate) loud: String,
    /// Only those with so many pages at least.
    #[field(filter, not_a_column)]
    pub(crate) longer_than: i32,
    /// Nobody's business.
    pub(crate) secret: Option<String>,
}

/// A list shows little of them: the one DTO that is written by hand.
#[dto(list, table = readings)]
pub(crate) struct ReadingLine {
    /// What it is called.
    pub(crate) title: String,
    /// How long it is.
    pub(crate) pages: i32,
    /// The day on which it is read.
    pub(crate) held_on: Option<NaiveDate>,
    /// When it was archived.
    pub(crate) archived_at: Option<Timestamp>,
}

fn search(search: Search<readings::table>, query: &ReadingQuery) -> Search<readings::table> {
    reading_search(search, query).filter_if(&query.longer_than, |n| readings::pages.gt(n))
}

fn in_capitals(text: &str) -> String {
    text.to_uppercase()
}

/// What the server tells; nobody writes it by a request.
#[derive(EntityInterface)]
#[entity(endpoint = "notices", table = notices, policy = Librarians, routes(get, list), cache_ttl = 60)]
pub(crate) struct Notice {
    /// What it says.
    #[field(create, read, filter = contains_ci)]
    pub(crate) words: String,
}

/// The same, to be added to, and in the explicit form without what no route reads.
#[derive(EntityInterface)]
#[entity(
    endpoint = "protocol", table = notices, get = NoticeGet, list = NoticeList, query = NoticeQuery,
    search = notice_search, create = NoticeCreate, policy = Librarians, routes(list, create)
)]
pub(crate) struct Protocol;

/// Everyone who is signed in reads, administrators write.
pub(crate) struct Librarians;

impl<T> Policy<T> for Librarians {
    fn scope(principal: &Principal, action: Action) -> Scope<T> {
        let reads = action.is_read() && principal.id().is_some();
        Scope::when(reads || principal.has_role("admin"))
    }
}

/// The application of these entities alone, and clients of it.
struct Library {
    app: App,
    admin: Client,
    student: Client,
}

async fn library(lms: &TestApp) -> Library {
    let db = lms.lms.app.db().clone();
    db.batch(&schema(lms.kind))
        .await
        .expect("the tables can be made");
    let registry = Registry::new()
        .entity::<Shelf>()
        .entity::<Reading>()
        .entity::<Notice>()
        .entity::<Protocol>();
    let app = App::new(db, registry, Auth::new(jwt(), TokenAuthenticator));
    let client = Client::new(edge(app.router(), &EdgeConfig::default()));
    let signed_in = |known: &Client, role: &str| {
        let (token, _) = app.auth().jwt().issue(known.id(), role);
        client.signed_in(known.id(), token)
    };
    Library {
        admin: signed_in(&lms.admin(), "admin"),
        student: signed_in(&lms.student(), "student"),
        app,
    }
}

on_both! {
    async fn an_entity_in_the_short_form_keeps_the_contract(lms: TestApp) {
        let library = library(&lms).await;
        check_all(&Conformance::new(&library.app, &library.admin, &library.student)).await;
        let tables = library.app.registry().tables();
        let drift = library.app.db().drift(&tables).await.expect("the schema can be read");
        assert_eq!(drift, Vec::<String>::new());
    }

    async fn a_search_of_its_own_adds_to_the_written_one(lms: TestApp) {
        let library = library(&lms).await;
        for (title, pages) in [("Dune", 600), ("Emma", 400), ("Dunes", 20)] {
            library.admin.post("/readings", json!({"title": title, "pages": pages})).await.is(201);
        }
        let found = library.student.get("/readings?title=dune&longer_than=100").await.is(200);
        assert_eq!(found.column("title"), [json!("Dune")]);
        let found = library.student.get("/readings?longer_than=100").await.is(200);
        assert_eq!(found.column("title"), [json!("Dune"), json!("Emma")]);
    }

    async fn filters_of_fields_columns_and_relations_have_operators(lms: TestApp) {
        let library = library(&lms).await;
        let shelf = async |name: &str| {
            let new = library.admin.post("/shelves", json!({"name": name, "properties": {"wood": "oak"}})).await;
            new.is(201).id().to_owned()
        };
        let (novels, _) = (shelf("Novels").await, shelf("Poems").await);
        for (title, pages, on) in [("Dune", 600, Some(&novels)), ("Emma", 400, Some(&novels)), ("Dunes", 20, None)] {
            let new = json!({"title": title, "pages": pages, "shelf_id": on, "facts": {"year": pages}});
            library.admin.post("/readings", new).await.is(201);
        }
        for (query, titles) in [
            ("pages[gte]=400", vec!["Dune", "Emma"]),
            ("title=DUNE&pages[lt]=100", vec!["Dunes"]),
            ("title[starts_with]=dune", vec!["Dune", "Dunes"]),
            ("title[eq]=Dune&longer_than=1", vec!["Dune"]),
            ("author[is_null]=true&level[in]=easy,hard&held_on[is_null]=true", vec!["Dune", "Emma", "Dunes"]),
            ("facts[year]=400", vec!["Emma"]),
            ("shelf.name=novel", vec!["Dune", "Emma"]),
            ("shelf.properties[wood]=oak&pages[gt]=500", vec!["Dune"]),
            ("updated_at[gt]=2020-01-01T00:00:00Z&shelf_id[is_null]=true", vec!["Dunes"]),
            ("or=pages=20%7Ctitle=emma", vec!["Emma", "Dunes"]),
        ] {
            let found = library.student.get(&format!("/readings?{query}")).await.is(200);
            assert_eq!(found.column("title"), titles, "{query}");
        }
        let found = library.student.get("/shelves?readings.title=dune&created_at[gt]=2020-01-01T00:00:00Z").await;
        assert_eq!(found.is(200).column("name"), ["Novels"]);
        let found = library.student.get(&format!("/shelves?created_by={}&sort=name", library.admin.id())).await;
        assert_eq!(found.is(200).column("name"), ["Novels", "Poems"]);
    }

    async fn a_day_is_kept_filtered_and_sorted_by(lms: TestApp) {
        let library = library(&lms).await;
        for day in ["2024-02-29", "1999-12-31", "2024-03-01"] {
            let new = library.admin.post("/readings", json!({"title": day, "held_on": day})).await.is(201);
            assert_eq!(new["held_on"], day);
        }
        library.admin.post("/readings", json!({"title": "never"})).await.is(201);
        let found = library.student.get("/readings?held_on=2024-02-29").await.is(200);
        assert_eq!(found.column("title"), [json!("2024-02-29")]);
        let found = library.student.get("/readings?held_on[gt]=1999-12-31&sort=held_on").await.is(200);
        assert_eq!(found.column("title"), [json!("2024-02-29"), json!("2024-03-01")]);
        let sorted = library.student.get("/readings?sort=held_on").await.is(200);
        let days = ["1999-12-31", "2024-02-29", "2024-03-01", "never"].map(|day| json!(day));
        assert_eq!(sorted.column("title"), days);
        let wrong = library.admin.post("/readings", json!({"title": "x", "held_on": "2023-02-29"})).await;
        let _ = wrong.is_problem(422, "invalid").names(&["/held_on"]);
    }

    async fn what_no_word_exposes_stays_on_the_server(lms: TestApp) {
        let library = library(&lms).await;
        let new = library.admin.post("/readings", json!({"title": "Dune", "secret": "x"})).await;
        let _ = new.is_problem(422, "invalid").names(&["/secret"]);
        let new = library.admin.post("/readings", json!({"title": "Dune"})).await.is(201);
        assert!(new.json.get("secret").is_none(), "{new}");
        assert_eq!(new["loud"], "DUNE");
        for asked in ["secret=hush", "sort=secret", "loud=DUNE"] {
            assert_eq!(library.admin.get(&format!("/readings?{asked}")).await.status, 400);
        }
    }

    async fn only_the_chosen_routes_are_there_and_the_server_writes_still(lms: TestApp) {
        let library = library(&lms).await;
        let by = Principal::system();
        let new = NoticeCreate { words: "Closed on Monday".to_owned(), properties: None };
        let notice = library.app.on_behalf(&by).create::<Notice>(new).await.expect("it can be written");
        let path = format!("/notices/{}", notice.id);
        assert_eq!(library.student.get(&path).await.is(200)["words"], "Closed on Monday");
        assert_eq!(library.student.get("/notices?words=monday").await.is(200).total(), 1);
        let refused = library.admin.post("/notices", json!({"words": "Open"})).await;
        assert_eq!(refused.is_problem(405, "method_not_allowed").header("allow"), Some("GET, HEAD, OPTIONS"));
        library.admin.delete(&path).await.is_problem(405, "method_not_allowed");
        library.admin.patch(&format!("{path}/archive"), json!({})).await.is_problem(404, "not_found");
        library.admin.post("/notices/bulk", json!([{"words": "Open"}])).await.is_problem(405, "method_not_allowed");
        // What may be added is added, and read in lists alone.
        let line = library.admin.post("/protocol", json!({"words": "Begun"})).await.is(201);
        assert_eq!(line.header("location"), None);
        library.admin.get(&format!("/protocol/{}", line.id())).await.is_problem(404, "not_found");
        assert_eq!(library.student.get("/protocol").await.is(200).total(), 2);
    }
}

#[tokio::test]
async fn the_document_has_the_chosen_routes_alone() {
    let lms = TestApp::new(DbKind::Sqlite).await;
    let library = library(&lms).await;
    let document = crud_core::openapi::document(
        library.app.registry(),
        &crud_core::openapi::Info::default(),
        &[],
    );
    let methods = |path: &str| {
        let path = document["paths"][format!("/api/v1/{path}")].as_object();
        path.into_iter()
            .flatten()
            .map(|(method, _)| method.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(methods("notices"), ["get"]);
    assert_eq!(methods("notices/{id}"), ["get"]);
    assert_eq!(methods("notices/bulk"), [""; 0]);
    assert_eq!(methods("notices/{id}/archive"), [""; 0]);
    assert_eq!(methods("protocol"), ["get", "post"]);
    assert_eq!(methods("protocol/{id}"), [""; 0]);
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("there are schemas");
    assert!(!schemas.contains_key("Nothing") && !schemas.contains_key("ReadingQuery"));
    let faults = crud_core::openapi::check(&document);
    // The smallest document has no title and no version.
    assert!(
        faults.iter().all(|fault| fault.starts_with("/info/")),
        "{faults:?}"
    );
}

fn refused(build: fn() -> Registry) -> String {
    let panic = std::panic::catch_unwind(build)
        .err()
        .expect("it is refused");
    let text = panic.downcast_ref::<String>().cloned();
    text.unwrap_or_default()
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start_in_one_sentence() {
    let twice = refused(|| Registry::new().entity::<Shelf>().entity::<Shelf>());
    assert_eq!(
        twice,
        "`Shelf` and `Shelf` both declare the endpoint `shelves`: give one of them another"
    );
    let file = refused(|| {
        let render = |_: &NoticeGet| Ok(Vec::new());
        Registry::new()
            .entity::<Protocol>()
            .file::<Protocol>("txt", "text/plain", render)
    });
    assert_eq!(
        file,
        "`Protocol` has no route `get`, and so no file of a row"
    );
}

#[tokio::test]
#[should_panic(
    expected = "`Shelf` has the relation `readings` to `readings`, which is not registered: add its entity"
)]
async fn a_relation_that_leads_nowhere_is_refused_at_the_start() {
    let lms = TestApp::new(DbKind::Sqlite).await;
    let registry = Registry::new().entity::<Shelf>();
    let auth = Auth::new(jwt(), TokenAuthenticator);
    let _ = App::new(lms.lms.app.db().clone(), registry, auth);
}

/// The README counts them.
#[test]
fn the_course_of_the_lms_takes_15_lines_of_attributes_beyond_its_fields() {
    let declared = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .skip_while(|line| *line != "#[derive(EntityInterface)]");
        let lines = lines.take_while(|line| *line != "}");
        let is_doc = |line: &&str| line.trim_start().starts_with("///");
        lines
            .filter(|line| !is_doc(line))
            .map(str::to_owned)
            .collect()
    };
    let course = declared(include_str!("../../lms-server/src/entities/course/mod.rs"));
    let readme = declared(include_str!("../../README.md"));
    assert_eq!(course, readme);
    let attributes = course
        .iter()
        .filter(|line| !line.trim_start().starts_with("pub "));
    assert_eq!(attributes.count(), 15);
}
