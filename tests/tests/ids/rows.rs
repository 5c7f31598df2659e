//! Single rows and lists of them: how an id is given, said, refused and ordered.

use std::collections::BTreeSet;

use axum::http::{Method, header};
use crud_core::{Principal, testing::on_both};
use serde_json::{Value, json};
use tests::TestApp;

use super::{Country, CountryCreate, Station, StationCreate, StationUpdate, Weather, stations};
use crate::once::KEY;

fn country(id: &str) -> Value {
    json!({"id": id, "name": format!("Name of {id}")})
}

fn station(name: &str) -> Value {
    json!({"name": name})
}

on_both! {
    async fn a_number_is_given_by_the_database(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let row = by.post("/stations", station("One")).await.is(201);
        let id = row["id"].as_i64().expect("a number");
        assert_eq!(row.header("location"), Some(&*format!("/api/v1/stations/{id}")));
        assert_eq!(row.etag(), format!("\"0-{id}\""));
        let refused = by.post("/stations", json!({"id": 7, "name": "Two"})).await;
        assert_eq!(refused.is_problem(422, "invalid").faults(), [("/id", "unknown_field")]);
        let refused = by.get("/stations/one").await.is_problem(422, "invalid");
        let _ = refused.names(&["id"]).says("whole numbers of 64 bits");
        by.get("/stations/-1").await.is_problem(404, "not_found");
    }

    async fn a_number_is_nobody_elses_whoever_inserts(lms: TestApp) {
        let weather = Weather::new(&lms).await;
        let by = &weather.admin;
        for (endpoint, table, columns) in [
            ("/stations", "stations", "name"),
            ("/tickets", "tickets", "words"),
        ] {
            let mut seen = BTreeSet::new();
            let mut add = |id: Option<i64>| {
                let id = id.expect("a number");
                assert!(seen.insert(id), "{id} came twice");
            };
            let body = json!({columns: "x"});
            let many = (0..8).map(|_| by.post(endpoint, body.clone()));
            for row in futures_util::future::join_all(many).await {
                add(row.is(201)["id"].as_i64());
            }
            let list = json!(vec![body.clone(); 5]);
            let rows = by.post(&format!("{endpoint}/bulk"), list).await.is(201);
            let rows = rows.json.as_array().expect("a list").clone();
            rows.iter().for_each(|row| add(row["id"].as_i64()));
            // Someone who knows nothing of the framework.
            let sql = match lms.kind {
                crud_core::db::DbKind::Postgres => format!("INSERT INTO {table} ({columns}) VALUES ('raw'), ('raw')"),
                crud_core::db::DbKind::Sqlite => format!(
                    "INSERT INTO {table} ({columns}, created_at, updated_at) VALUES ('raw', 0, 0), ('raw', 0, 0)"
                ),
            };
            weather.app.db().batch(&sql).await.expect("it is inserted");
            by.post(endpoint, body.clone()).await.is(201);
            assert_eq!(by.get(endpoint).await.is(200).total(), 16);
            let mut there: Vec<_> = by.get(&format!("{endpoint}?page_size=100&sort=created_at")).await.column("id");
            there.sort_unstable_by_key(Value::as_i64);
            there.dedup();
            assert_eq!(there.len(), 16);
            // Not even that of the last row, when it is gone.
            let last = there.last().cloned().expect("a row");
            by.delete(&format!("{endpoint}/{last}")).await.is(204);
            let next = by.post(endpoint, body).await.is(201);
            assert!(next["id"].as_i64() > last.as_i64(), "{next}");
        }
    }

    async fn a_text_is_given_by_the_client_and_addressed_whatever_is_in_it(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        for (id, path) in [
            ("nl", "nl"),
            ("a b/ü?#%", "a%20b%2F%C3%BC%3F%23%25"),
            ("1", "1"),
            ("…", "%E2%80%A6"),
            ("x\"y, \"z", "x%22y%2C%20%22z"),
        ] {
            let row = by.post("/countries", country(id)).await.is(201);
            assert_eq!((&row["id"], row.header("location")), (&json!(id), Some(&*format!("/api/v1/countries/{path}"))));
            let path = format!("/countries/{path}");
            let read = by.get(&path).await.is(200);
            assert_eq!((&read.json, read.etag()), (&row.json, row.etag()));
            let call = by.request(Method::PATCH, &path).header(header::IF_MATCH, row.etag());
            let changed = call.json(json!({"name": format!("New {id}")})).send().await.is(200);
            let call = by.request(Method::PATCH, &path).header(header::IF_MATCH, row.etag());
            call.json(json!({"name": "Old"})).send().await.is_problem(412, "precondition_failed");
            let call = by.request(Method::GET, &path).header(header::IF_NONE_MATCH, changed.etag());
            call.send().await.is(304);
            assert_eq!(by.get(&format!("{path}/history")).await.is(200).total(), 2);
            by.request(Method::DELETE, &path).header(header::IF_MATCH, changed.etag()).send().await.is(204);
        }
    }

    async fn an_id_that_cannot_be_is_refused(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let faults = async |body: Value| {
            let refused = by.post("/countries", body).await.is_problem(422, "invalid");
            refused.faults().iter().map(|(at, code)| format!("{at} {code}")).collect::<Vec<_>>()
        };
        assert_eq!(faults(json!({"name": "N"})).await, ["/id required"]);
        assert_eq!(faults(json!({"id": 1, "name": "N"})).await, ["/id type"]);
        assert_eq!(faults(json!({"id": " ", "name": "N"})).await, ["/id length"]);
        for id in [".", "..", "a\tb"] {
            assert_eq!(faults(json!({"id": id, "name": "N"})).await, ["/id format"], "{id}");
        }
        for id in ["bulk", "aggregate", "import", "by-name"] {
            assert_eq!(faults(json!({"id": id, "name": "N"})).await, ["/id reserved"], "{id}");
        }
        by.post("/countries", country("nl")).await.is(201);
        let again = by.post("/countries", json!({"id": "nl", "name": "Other"})).await;
        assert_eq!(again.is_problem(409, "unique").faults(), [("/id", "unique")]);
        let bulk = by.post("/countries/bulk", json!([country("be"), {"id": "nl", "name": "Other"}])).await;
        assert_eq!(bulk.is_problem(409, "unique").faults(), [("/1/id", "unique")]);
        let bulk = by.post("/countries/bulk", json!([country("be"), {"id": "..", "name": "N"}])).await;
        assert_eq!(bulk.is_problem(422, "invalid").faults(), [("/1/id", "format")]);
        assert_eq!(by.get("/countries").await.is(200).total(), 1);
    }

    async fn an_id_does_not_change(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        by.post("/countries", country("nl")).await.is(201);
        let put = by.put("/countries/nl", json!({"id": "be", "name": "Belgium"})).await;
        let put = put.is_problem(422, "invalid").names(&["/id"]);
        assert_eq!(put.faults(), [("/id", "path")]);
        let put = by.put("/countries/nl", json!({"id": "nl", "name": "Netherlands"})).await.is(200);
        assert_eq!((&put["id"], &put["name"]), (&json!("nl"), &json!("Netherlands")));
        let patch = by.patch("/countries/nl", json!({"id": "nl"})).await;
        assert_eq!(patch.is_problem(422, "invalid").faults(), [("/id", "unknown_field")]);
        let put = by.put("/countries/by-name/Netherlands", json!({"id": "be"})).await;
        assert_eq!(put.is_problem(422, "invalid").faults(), [("/id", "path")]);
        by.put("/countries/by-name/Netherlands", json!({"id": "nl"})).await.is(200);
        let made = by.put("/countries/by-name/Belgium", json!({"id": "be"})).await.is(201);
        assert_eq!(made.header("location"), Some("/api/v1/countries/be"));
        assert_eq!(by.get("/countries/by-name/Belgium").await.is(200)["id"], "be");
    }

    async fn an_id_is_made_by_a_function(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let tag = by.post("/tags", json!({"title": "Deep Water"})).await.is(201);
        assert_eq!(tag["id"], "deep-water");
        let put = by.put("/tags/deep-water", json!({"title": "Shallow"})).await.is(200);
        assert_eq!((&put["id"], &put["title"]), (&json!("deep-water"), &json!("Shallow")));
        let again = by.post("/tags", json!({"title": "deep WATER"})).await;
        assert_eq!(again.is_problem(409, "unique").faults(), [("/id", "unique")]);
    }

    async fn a_key_makes_a_row_once(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let send = async |path: &str, body: Value| {
            let call = by.request(Method::POST, path).header(KEY, "k");
            call.json(body).send().await
        };
        let first = send("/stations", station("One")).await.is(201);
        let again = send("/stations", station("One")).await.is(201);
        assert_eq!((&again.json, again.header("idempotent-replayed")), (&first.json, Some("true")));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(by.get("/stations").await.total(), 1);
    }

    async fn lists_are_walked_in_the_order_of_ids(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let texts = ["a", "B", "é", "z", "Z", "10", "9", "a-b", "a b"];
        for id in texts {
            by.post("/countries", country(id)).await.is(201);
        }
        let stations: Vec<_> = (0..12).map(|n| station(if n % 2 == 0 { "even" } else { "odd" })).collect();
        by.post("/stations/bulk", json!(stations)).await.is(201);
        let mut bytes = texts.map(str::to_owned);
        bytes.sort_unstable();
        let bytes = json!(bytes);
        let numbers = json!((1..=12).collect::<Vec<_>>());
        for (path, expected) in [
            ("/countries?sort=id", &bytes),
            ("/countries?sort=created_at", &json!(texts)),
            ("/stations?sort=id", &numbers),
            ("/stations?sort=name", &json!([1, 3, 5, 7, 9, 11, 2, 4, 6, 8, 10, 12])),
        ] {
            let mut there = Vec::new();
            let mut last = None;
            let mut next = Some(format!("{path}&page_size=2"));
            while let Some(page) = next {
                let page = by.get(&page).await.is(200);
                there.extend(page.column("id"));
                let cursor = page["next_cursor"].as_str().map(str::to_owned);
                next = cursor.map(|cursor| format!("{path}&page_size=2&cursor={cursor}"));
                last = page["prev_cursor"].as_str().map(str::to_owned);
            }
            assert_eq!(&json!(there), expected, "{path}");
            let last = last.expect("it has more than one page");
            let back = by.get(&format!("{path}&page_size=100&cursor={last}")).await.is(200).column("id");
            assert_eq!(there[..back.len()], back[..], "{path} backward");
            let down = path.replace("sort=", "sort=-");
            let mut down = by.get(&format!("{down}&page_size=100")).await.is(200).column("id");
            down.reverse();
            assert_eq!(down, there, "{path} turned round");
        }
    }

    async fn an_export_has_every_row_in_the_order_of_ids(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let texts: Vec<_> = (0..250).map(|n| format!("{}{n}", ["a", "B", "é"][n % 3])).collect();
        let bodies: Vec<_> = texts.iter().map(|id| country(id)).collect();
        by.post("/countries/bulk", json!(bodies)).await.is(201);
        by.post("/stations/bulk", json!(vec![station("x"); 250])).await.is(201);
        let mut bytes = texts;
        bytes.sort_unstable();
        for (endpoint, expected) in [("countries", json!(bytes)), ("stations", json!((1..=250).collect::<Vec<_>>()))] {
            let export = by.get(&format!("/{endpoint}?format=ndjson")).await.is(200);
            let text = String::from_utf8(export.bytes.to_vec()).expect("it is text");
            let row = |line: &str| serde_json::from_str::<Value>(line).expect("a row")["id"].clone();
            assert_eq!(json!(text.lines().map(row).collect::<Vec<_>>()), expected);
            let csv = by.get(&format!("/{endpoint}?format=csv")).await.is(200);
            assert_eq!(String::from_utf8_lossy(&csv.bytes).lines().count(), 251);
        }
    }

    async fn history_follows_an_id(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        by.post("/countries", country("nl")).await.is(201);
        by.patch("/countries/nl", json!({"name": "Holland"})).await.is(200);
        by.delete("/countries/nl").await.is(204);
        let versions = async |path: &str| {
            let page = by.get(&format!("{path}/history?page_size=100")).await.is(200);
            let told = page.items().iter().map(|v| format!("{} {}", v["version"], v["action"].as_str().unwrap()));
            told.collect::<Vec<_>>()
        };
        // Another row under the same id goes on where the first one ended.
        let again = by.post("/countries", country("nl")).await.is(201);
        assert_eq!(again["version"], 3);
        by.patch("/countries/nl", json!({"name": "Netherlands"})).await.is(200);
        let told = versions("/countries/nl").await;
        assert_eq!(told, ["4 update", "3 create", "2 delete", "1 update", "0 create"]);
        let list = json!([station("a"), station("b"), station("c")]);
        let rows = by.post("/stations/bulk", list).await.is(201);
        let ids: Vec<_> = rows.json.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        let changes: Vec<_> = ids.iter().map(|id| json!({"id": id, "name": "new"})).collect();
        by.patch("/stations/bulk", json!(changes)).await.is(200);
        by.patch(&format!("/stations/{}/archive", ids[1]), json!({})).await.is(200);
        by.request(Method::DELETE, "/stations/bulk").json(json!(ids)).send().await.is(204);
        let path = |n: usize| format!("/stations/{}", ids[n]);
        assert_eq!(versions(&path(0)).await, ["2 delete", "1 update", "0 create"]);
        assert_eq!(versions(&path(1)).await, ["3 delete", "2 archive", "1 update", "0 create"]);
        assert_eq!(versions(&path(2)).await, ["2 delete", "1 update", "0 create"]);
    }

    async fn rust_has_ids_of_their_own_types(lms: TestApp) {
        let weather = Weather::new(&lms).await;
        let system = Principal::system();
        let cx = weather.app.on_behalf(&system);
        let of = |name: &str| StationCreate { name: name.to_owned(), country_id: None, main_id: None, properties: None };
        let one = cx.create::<Station>(of("one")).await.expect("it is made");
        let id: i64 = one.id;
        assert_eq!(cx.get::<Station>(id).await.expect("it is there").name, "one");
        let change = StationUpdate { name: Some("two".to_owned()), ..serde_json::from_value(json!({})).expect("a body") };
        assert_eq!(cx.update::<Station>(id, change).await.expect("it is changed").version, 1);
        let rows = ["a", "b"].map(|name| {
            let mut set = crud_core::dto::Assignments::default();
            set.set(stations::name, name.to_owned());
            set
        });
        let ids = cx.insert_many::<Station>(rows.into()).await.expect("they are inserted");
        assert_eq!(ids.len(), 2);
        assert_eq!(cx.get::<Station>(ids[1]).await.expect("it is there").name, "b");
        cx.delete_many::<Station>(&ids).await.expect("they are removed");
        let new = CountryCreate { id: "nl".to_owned(), name: "N".to_owned(), properties: None };
        cx.create_many::<Country>(vec![new]).await.expect("it is made");
        assert_eq!(cx.get::<Country>("nl".to_owned()).await.expect("it is there").id, "nl");
    }
}
