//! Rows that refer to each other by ids of other types: includes, lists of a parent, filters, batches, policies.

use axum::http::Method;
use crud_core::testing::{Client, on_both};
use serde_json::{Value, json};
use tests::TestApp;

use super::Weather;

/// Two countries, three stations, a tag, and a probe of each station: the ids of stations and probes.
async fn rows(by: &Client) -> (Vec<Value>, Vec<Value>) {
    for id in ["nl", "de"] {
        by.post("/countries", json!({"id": id, "name": id}))
            .await
            .is(201);
    }
    by.post("/tags", json!({"title": "Deep"})).await.is(201);
    let mut stations: Vec<Value> = Vec::new();
    let mut probes = Vec::new();
    for (name, country) in [("One", "nl"), ("Two", "nl"), ("Three", "de")] {
        let body = json!({"name": name, "country_id": country, "main_id": stations.first()});
        let station = by.post("/stations", body).await.is(201);
        stations.push(station["id"].clone());
        let depth = stations.len();
        let body = json!({"station_id": station["id"], "tag_id": "deep", "depth": depth});
        probes.push(by.post("/probes", body).await.is(201)["id"].clone());
    }
    (stations, probes)
}

fn text(id: &Value) -> &str {
    id.as_str().expect("a text")
}

on_both! {
    async fn what_belongs_to_a_row_is_within_it(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let (stations, probes) = rows(&by).await;
        let nl = by.get("/countries/nl?include=stations").await.is(200);
        let own = |row: &Value| nl["stations"].as_array().unwrap().iter().any(|one| one["id"] == *row);
        assert_eq!(stations.iter().map(own).collect::<Vec<_>>(), [true, true, false]);
        let all = by.get("/stations?include=country,main,probes&sort=id").await.is(200);
        let row = &all.items()[1];
        assert_eq!((&row["country"]["id"], &row["main"]["id"]), (&json!("nl"), &stations[0]));
        assert_eq!(row["probes"][0]["id"], probes[1]);
        assert!(all.items()[0]["main"].is_null());
        let probe = by.get(&format!("/probes/{}?include=tag,station.country", text(&probes[2]))).await.is(200);
        assert_eq!((&probe["tag"]["id"], &probe["station"]["country"]["id"]), (&json!("deep"), &json!("de")));
        let list = by.get("/countries/nl/stations?sort=id").await.is(200);
        assert_eq!(list.column("id"), stations[..2]);
        let list = by.get(&format!("/stations/{}/probes", stations[2])).await.is(200);
        assert_eq!(list.column("id"), probes[2..]);
        by.get("/countries/be/stations").await.is_problem(404, "not_found");
        by.get("/stations/nl/probes").await.is_problem(422, "invalid");
    }

    async fn references_are_filters(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let (stations, _) = rows(&by).await;
        let (first, last) = (&stations[0], &stations[2]);
        for (query, expected) in [
            ("stations?country_id=nl".to_owned(), 2),
            ("stations?country_id[in]=nl,de".to_owned(), 3),
            ("stations?country_id[starts_with]=n".to_owned(), 2),
            (format!("stations?main_id={first}"), 2),
            ("stations?main_id[is_null]=true".to_owned(), 1),
            (format!("stations?id[gt]={first}"), 2),
            (format!("stations?id[in]={first},{last}"), 2),
            ("stations?country.name=de".to_owned(), 1),
            ("countries?id=nl".to_owned(), 1),
            ("countries?id[gte]=e".to_owned(), 1),
            ("countries?stations.name=Three".to_owned(), 1),
            (format!("countries?stations.main_id={first}"), 2),
            (format!("probes?station_id={last}"), 1),
            ("probes?tag_id=deep&station.country_id=nl".to_owned(), 2),
            (format!("probes?or=station_id={first}|depth=3"), 2),
        ] {
            let query = query.replace('|', "%7C");
            let list = by.get(&format!("/{query}")).await.is(200);
            assert_eq!(list.total(), expected, "{query}\n{list}");
        }
        by.get("/probes?station_id=nl").await.is_problem(422, "invalid");
    }

    async fn a_reference_is_kept_and_refused_by_the_database(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let (stations, probes) = rows(&by).await;
        let refused = by.post("/stations", json!({"name": "x", "country_id": "be"})).await;
        let _ = refused.is_problem(409, "foreign_key");
        let refused = by.post("/stations", json!({"name": "x", "country_id": 1})).await;
        assert_eq!(refused.is_problem(422, "invalid").faults(), [("/country_id", "type")]);
        by.delete("/countries/nl").await.is_problem(409, "foreign_key");
        by.delete(&format!("/stations/{}", stations[2])).await.is(204);
        // What hung on it went with it.
        by.get(&format!("/probes/{}", text(&probes[2]))).await.is_problem(404, "not_found");
        by.delete("/countries/de").await.is(204);
    }

    async fn a_batch_names_rows_before_they_are_there(lms: TestApp) {
        let weather = Weather::new(&lms).await;
        let by = &weather.admin;
        let batch = async |operations: Value| by.post("/batch", json!({"operations": operations})).await;
        let done = batch(json!([
            {"op": "create", "entity": "countries", "local_id": "c", "body": {"id": "nl", "name": "N"}},
            {"op": "create", "entity": "tags", "local_id": "t", "body": {"title": "Deep"}},
            {"op": "create", "entity": "stations", "local_id": "a", "body": {"name": "A", "country_id": {"$ref": "c"}}},
            {"op": "create", "entity": "stations", "local_id": "b", "body": {"name": "B", "main_id": {"$ref": "a"}}},
            {"op": "create", "entity": "probes", "local_id": "p",
                "body": {"station_id": {"$ref": "b"}, "tag_id": {"$ref": "t"}, "depth": 1}},
            {"op": "update", "entity": "stations", "id": {"$ref": "b"}, "version": 0, "body": {"country_id": "nl"}},
            {"op": "archive", "entity": "probes", "id": {"$ref": "p"}},
            {"op": "update", "entity": "countries", "id": {"$ref": "c"}, "body": {"name": "NL"}},
        ])).await.is(200);
        let of = |n: usize| &done["results"][n];
        assert_eq!((&of(0)["id"], &of(2)["country_id"]), (&json!("nl"), &json!("nl")));
        assert_eq!((&of(3)["main_id"], &of(4)["station_id"]), (&of(2)["id"], &of(3)["id"]));
        assert_eq!((&of(4)["tag_id"], &of(5)["id"]), (&json!("deep"), &of(3)["id"]));
        assert!(of(6)["archived_at"].is_string() && of(7)["name"] == "NL");
        by.get(&format!("/stations/{}", of(3)["id"])).await.is(200);
        for (operations, at, code) in [
            (json!([{"op": "delete", "entity": "stations", "id": "1"}]), "/operations/0/id", "type"),
            (json!([{"op": "delete", "entity": "countries", "id": 1}]), "/operations/0/id", "type"),
            (
                json!([
                    {"op": "create", "entity": "countries", "local_id": "c", "body": {"id": "be", "name": "B"}},
                    {"op": "delete", "entity": "stations", "id": {"$ref": "c"}},
                ]),
                "/operations/1/id",
                "local_id",
            ),
            (
                json!([
                    {"op": "create", "entity": "stations", "local_id": "s", "body": {"name": "S"}},
                    {"op": "create", "entity": "stations", "body": {"name": "T", "country_id": {"$ref": "s"}}},
                ]),
                "/operations/1/body/country_id",
                "local_id",
            ),
            (
                json!([{"op": "create", "entity": "countries", "body": {"id": "bulk", "name": "B"}}]),
                "/operations/0/body/id",
                "reserved",
            ),
            // Only what refers to a row takes a reference.
            (
                json!([
                    {"op": "create", "entity": "countries", "local_id": "c", "body": {"id": "be", "name": "B"}},
                    {"op": "create", "entity": "stations", "body": {"name": {"$ref": "c"}}},
                ]),
                "/operations/1/body/name",
                "type",
            ),
        ] {
            let refused = batch(operations).await.is_problem(422, "invalid");
            assert_eq!(refused.faults(), [(at, code)], "{refused}");
        }
        assert_eq!(by.get("/countries").await.total(), 1);
        assert_eq!(by.get("/stations").await.total(), 2);
        // However the words are written.
        let body = r#"{"operations": [{"op": "cre\u0061te", "entity": "stat\u0069ons", "body": {"name": "S"}}]}"#;
        let send = async |by: &Client| {
            let call = by.request(Method::POST, "/batch").body("application/json", body);
            call.send().await
        };
        send(&weather.student).await.is_problem(403, "forbidden");
        send(by).await.is(200);
    }

    async fn a_policy_goes_by_ids_of_every_type(lms: TestApp) {
        let weather = Weather::new(&lms).await;
        let (by, nl) = (&weather.admin, weather.of("nl"));
        // Everybody's.
        by.post("/stations", json!({"name": "First"})).await.is(201);
        let (stations, probes) = rows(by).await;
        let sees = async |what: &str| {
            // Twice: from the database, and as it is kept.
            let first = nl.get(what).await.status;
            assert_eq!(nl.get(what).await.status, first);
            first == 200
        };
        let station = |n: usize| format!("/stations/{}", stations[n]);
        let probe = |n: usize| format!("/probes/{}", text(&probes[n]));
        assert!(sees("/stations/1").await && sees(&station(0)).await && sees(&probe(1)).await);
        assert!(!sees(&station(2)).await && !sees(&probe(2)).await && !sees("/countries/de").await);
        assert_eq!(nl.get("/stations").await.is(200).total(), 3);
        assert_eq!(nl.get("/probes").await.is(200).total(), 2);
        by.patch(&station(2), json!({"country_id": "nl"})).await.is(200);
        by.patch(&station(0), json!({"country_id": null})).await.is(200);
        assert!(sees(&station(2)).await && sees(&probe(2)).await);
        assert!(!sees(&station(0)).await && !sees(&probe(0)).await);
        let other = nl.get(&format!("/probes/{}?include=station", text(&probes[2]))).await.is(200);
        assert_eq!(other["station"]["id"], stations[2]);
        nl.patch(&station(2), json!({"name": "x"})).await.is_problem(403, "forbidden");
        nl.patch(&station(0), json!({"name": "x"})).await.is_problem(404, "not_found");
    }

    async fn rows_are_changed_by_lists_of_their_ids(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let (stations, _) = rows(&by).await;
        let list: Vec<_> = stations.iter().rev().map(|id| json!({"id": id, "name": "new"})).collect();
        let changed = by.patch("/stations/bulk", json!(list)).await.is(200);
        assert!(changed.json.as_array().unwrap().iter().all(|row| row["name"] == "new"));
        let refused = by.patch("/stations/bulk", json!([{"id": "1", "name": "x"}])).await;
        let refused = refused.is_problem(422, "invalid").says("a whole number of 64 bits");
        assert_eq!(refused.faults(), [("/0/id", "type")]);
        let list = json!([{"id": "de", "name": "D"}, {"id": "nl", "name": "N"}]);
        by.patch("/countries/bulk", list).await.is(200);
        let delete = |path: &'static str, list: Value| by.request(Method::DELETE, path).json(list).send();
        let refused = delete("/stations/bulk", json!([stations[0], stations[0]])).await;
        assert_eq!(refused.is_problem(422, "invalid").faults(), [("/1", "repeated")]);
        delete("/stations/bulk", json!(stations)).await.is(204);
        delete("/countries/bulk", json!(["nl", "de"])).await.is(204);
    }

    async fn children_come_with_a_row_whatever_names_it(lms: TestApp) {
        let by = Weather::new(&lms).await.admin;
        let first = by.post("/stations", json!({"name": "One", "probes": [{"depth": 1}, {"depth": 2}]})).await.is(201);
        let second = by.post("/stations", json!({"name": "Two", "probes": [{"depth": 3}]})).await.is(201);
        assert!(second["id"].as_i64() > first["id"].as_i64());
        let probes = by.get(&format!("/stations/{}/probes?sort=depth", first["id"])).await.is(200);
        assert_eq!(probes.column("depth"), [1, 2]);
        let nl = json!({"id": "nl", "name": "Netherlands", "stations": [{"name": "Three"}, {"name": "Four", "main_id": first["id"]}]});
        let country = by.post("/countries", nl.clone()).await.is(201);
        assert_eq!((&country["id"], &country["version"]), (&json!("nl"), &json!(0)));
        let stations = by.get("/stations?country_id=nl&sort=name").await.is(200);
        assert_eq!(stations.column("name"), ["Four", "Three"]);
        by.post("/countries", nl).await.is_problem(409, "unique");
        // What another child refers to is still asked for.
        let be = json!({"id": "be", "name": "Belgium", "stations": [{"name": "Five"}, {"name": "Six", "main_id": 4711}]});
        let refused = by.post("/countries", be).await.is_problem(409, "foreign_key");
        assert_eq!(refused.faults(), [("/stations/1/main_id", "foreign_key")]);
        let faults = by.post("/countries", json!({"name": "", "stations": [{}, {"name": "Seven", "country_id": "nl"}]})).await;
        let expected = ["/id", "/name", "/stations/0/name", "/stations/1/country_id"];
        let _ = faults.is_problem(422, "invalid").names(&expected);
        assert_eq!((by.get("/countries").await.is(200).total(), by.get("/stations").await.is(200).total()), (1, 4));
    }
}
