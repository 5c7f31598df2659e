//! The cache by ids of other types: in the process, and in Redis; writes of every kind reach it.

use std::time::{Duration, Instant};

use crud_core::{
    Cache, Db, DbConfig,
    cache::control::Permitted,
    db::DbKind,
    testing::{Client, Redis, on_both},
};
use serde_json::json;
use tests::TestApp;

use super::{Weather, registry, schema};
use crate::faults::Statements;

/// What a `GET` answers without a statement, in the end: the first of them fill. On a busy machine Redis may be too slow
/// for a reader, who asks again.
async fn kept(by: &Client, path: &str) -> serde_json::Value {
    for _ in 0..50 {
        let (counted, guard) = Statements::watch();
        let reply = by.get(path).await.is(200);
        drop(guard);
        if counted.count() == 0 {
            return reply.json;
        }
    }
    panic!("{path} is not kept");
}

/// Reads that are kept are new after each write, whoever writes.
async fn follows(weather: &Weather) {
    let by = &weather.admin;
    by.get("/stations/1").await.is_problem(404, "not_found");
    by.get("/countries/a%20b%7D%3A")
        .await
        .is_problem(404, "not_found");
    by.post("/countries", json!({"id": "a b}:", "name": "Odd"}))
        .await
        .is(201);
    let station = by
        .post("/stations", json!({"name": "One", "country_id": "a b}:"}))
        .await
        .is(201);
    assert_eq!(station["id"], 1);
    let paths = [
        "/stations/1",
        "/stations",
        "/countries/a%20b%7D%3A",
        "/countries",
    ];
    for path in paths {
        let _ = kept(by, path).await;
    }
    by.patch("/stations/1", json!({"name": "Two"}))
        .await
        .is(200);
    assert_eq!(kept(by, "/stations/1").await["name"], "Two");
    assert_eq!(kept(by, "/stations").await["items"][0]["name"], "Two");
    by.patch("/countries/a%20b%7D%3A", json!({"name": "New"}))
        .await
        .is(200);
    assert_eq!(kept(by, "/countries/a%20b%7D%3A").await["name"], "New");
    assert_eq!(kept(by, "/countries").await["items"][0]["name"], "New");
    // A write that only its text tells of.
    let sql = "UPDATE stations SET name = 'Raw', version = version + 1";
    weather.app.db().batch(sql).await.expect("it is changed");
    assert_eq!(kept(by, "/stations/1").await["name"], "Raw");
    by.delete("/stations/1").await.is(204);
    by.get("/stations/1").await.is_problem(404, "not_found");
    by.delete("/countries/a%20b%7D%3A").await.is(204);
    by.get("/countries/a%20b%7D%3A")
        .await
        .is_problem(404, "not_found");
    by.post("/countries", json!({"id": "a b}:", "name": "Again"}))
        .await
        .is(201);
    assert_eq!(kept(by, "/countries/a%20b%7D%3A").await["name"], "Again");
}

on_both! {
    async fn what_is_kept_in_the_process_follows_every_write(lms: TestApp) {
        follows(&Weather::new(&lms).await).await;
    }
}

#[tokio::test]
async fn what_is_kept_in_redis_follows_every_write() {
    let redis = Redis::start().expect("Redis is installed");
    let lms = TestApp::new(DbKind::Postgres).await;
    let config = DbConfig {
        pool_size: 3,
        marks_writes: true,
        wait_timeout: Duration::from_secs(30),
        create_timeout: Duration::from_secs(30),
        ..DbConfig::new(lms.database_url())
    };
    let db = Db::connect(&config).await.expect("the database is there");
    let made = db.batch(&schema(DbKind::Postgres)).await;
    made.expect("there are no such tables yet");
    let tables = registry().tables();
    let tables = tables.iter().map(|table| table.name.to_owned()).collect();
    let permitted = Permitted::in_redis(&db, tables, &redis.url(), 1 << 20).await;
    let permitted = permitted.expect("Redis is there");
    db.attach(Cache::new(permitted.clone()));
    let begin = Instant::now();
    while !permitted.is_on() {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "the cache is on in time"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    follows(&Weather::on(&lms, db)).await;
}
