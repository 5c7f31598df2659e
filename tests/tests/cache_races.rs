//! What happens between a write's mark and its post, when many ask at once, and when somebody else writes the file.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::http::Method;
use crud_core::{
    Cache, Db, DbConfig,
    cache::Deps,
    db::DbKind,
    testing::{Client, on_both},
};
use futures_util::future::join_all;
use lms_server::{Lms, schema::courses};
use serde_json::json;
use tests::TestApp;

use crate::{
    cache::{counted, statements},
    cache_stores::{Gated, Gates},
    faults::Statements,
    steps::{id, lesson, published},
};

/// The same database through another application, whose writers wait at gates; its clients are anonymous.
async fn gated(app: &TestApp) -> (Client, Client, Arc<Gates>) {
    let store = Gated::new();
    let gates = Arc::clone(&store.gates);
    let db = Db::connect(&DbConfig::new(app.database_url()))
        .await
        .expect("the same database");
    let lms = Lms::with_cache(db, tests::jwt(), Cache::new(store));
    let instructor = app.instructor().id();
    let (token, _) = lms.app.auth().jwt().issue(instructor, "instructor");
    let client = Client::new(lms.router()).watched(tests::as_promised);
    (
        client.signed_out(),
        client.signed_in(instructor, token),
        gates,
    )
}

on_both! {
    // Kills: readers who hit or fill while a write is in doubt
    async fn between_mark_and_post_everyone_asks_the_database(app: TestApp) {
        let course = published(&app.instructor(), "Old").await;
        let (reader, writer, gates) = gated(&app).await;
        let list = "/courses?total=none";
        let title = async |path: &str| {
            let row = reader.get(path).await.is(200).json;
            if path == list { row["items"][0]["title"].clone() } else { row["title"].clone() }
        };
        for path in [&*course, list] {
            assert_eq!(title(path).await, "Old");
            assert_eq!(statements(&reader, path).await, 0);
        }
        let write = tokio::spawn({
            let course = course.clone();
            async move { writer.patch(&course, json!({"title": "New"})).await }
        });
        gates.waiting(1).await;
        for _ in 0..2 {
            for path in [&*course, list] {
                assert_eq!(statements(&reader, path).await, 1, "marked: not cached, and not filled");
                assert_eq!(title(path).await, "Old", "not committed");
            }
        }
        gates.commit.add_permits(1);
        while title(&course).await == "Old" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        gates.waiting(1).await;
        for _ in 0..2 {
            for path in [&*course, list] {
                assert_eq!(title(path).await, "New", "nobody goes back");
                assert_eq!(statements(&reader, path).await, 1, "not yet posted");
            }
        }
        assert!(!write.is_finished(), "a write is not answered before it is posted");
        gates.post.add_permits(1);
        write.await.unwrap().is(200);
        for path in [&*course, list] {
            assert_eq!(title(path).await, "New");
            assert_eq!(statements(&reader, path).await, 0);
        }
    }

    async fn a_client_who_hangs_up_leaves_nothing_in_doubt(app: TestApp) {
        let course = published(&app.instructor(), "Old").await;
        let (reader, writer, gates) = gated(&app).await;
        let write = tokio::spawn({
            let course = course.clone();
            async move { writer.patch(&course, json!({"title": "New"})).await }
        });
        gates.waiting(1).await;
        write.abort();
        assert!(write.await.is_err());
        gates.commit.add_permits(1);
        gates.post.add_permits(1);
        loop {
            let title = reader.get(&course).await.is(200)["title"].clone();
            if title == "New" && statements(&reader, &course).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    // Kills (on PostgreSQL): a write that marks the part in which it has found its row, and finds it in another
    async fn a_row_that_moves_while_it_is_written_is_written_where_it_is(app: TestApp) {
        let by = app.instructor();
        let (a, b) = (published(&by, "A").await, published(&by, "B").await);
        let moving = lesson(&by, &b, 1).await;
        let (reader, writer, gates) = gated(&app).await;
        let write = tokio::spawn({
            let moving = moving.clone();
            async move { writer.patch(&moving, json!({"title": "New"})).await }
        });
        gates.waiting(1).await;
        by.patch(&moving, json!({"course_id": id(&a)})).await.is(200);
        let list = format!("/lessons?course_id={}", id(&a));
        assert_eq!(reader.get(&list).await.is(200).items()[0]["title"], "Lesson 1");
        // Nothing that this cache knows of has touched it.
        reader.get(&list).await.is(200);
        // The write's two tries, and what a file that somebody else has written asks for.
        gates.commit.add_permits(9);
        gates.post.add_permits(9);
        assert_eq!(write.await.unwrap().is(200)["course_id"], id(&a));
        assert_eq!(reader.get(&list).await.is(200).items()[0]["title"], "New");
    }

    // Kills: a look for the part of a row when no list is kept
    async fn without_a_cache_a_write_does_not_look_where_its_row_is(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let lesson = lesson(&app.instructor(), &course, 1).await;
        let db = Db::connect(&DbConfig::new(app.database_url())).await.expect("the same database");
        let uncached = Lms::with_cache(db, tests::jwt(), Cache::off());
        let instructor = app.instructor().id();
        let (token, _) = uncached.app.auth().jwt().issue(instructor, "instructor");
        let uncached = Client::new(uncached.router()).watched(tests::as_promised).signed_in(instructor, token);
        // The caller, and the row: nothing else.
        let call = uncached.request(Method::PATCH, &lesson).json(json!({"title": "New"}));
        let (reply, statements) = counted(call).await;
        reply.is(200);
        assert_eq!(statements, 2);
    }

    // Kills: loads that are not shared; a look at the store that is older than the flight
    async fn ten_thousand_who_ask_at_once_are_one_question(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let client = Client::new(app.lms.router()).watched(tests::as_promised);
        for (path, expected) in [(&*course, 1), ("/courses", 2)] {
            let (asked, guard) = Statements::watch();
            for reply in join_all((0..10_000).map(|_| client.get(path))).await {
                reply.is(200);
            }
            drop(guard);
            assert_eq!(asked.count(), expected, "{path}");
        }
    }

    async fn while_a_write_is_in_doubt_two_questions_serve_everyone(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let (reader, writer, gates) = gated(&app).await;
        let write = tokio::spawn({
            let course = course.clone();
            async move { writer.patch(&course, json!({"title": "New"})).await }
        });
        gates.waiting(1).await;
        let (asked, guard) = Statements::watch();
        for reply in join_all((0..1_000).map(|_| reader.get(&course))).await {
            reply.is(200);
        }
        drop(guard);
        assert!(asked.count() <= 2, "{} statements", asked.count());
        gates.commit.add_permits(1);
        gates.post.add_permits(1);
        write.await.unwrap().is(200);
    }

    // Checklist 3.41, 3.44: a value of one's own, under its own key
    async fn a_value_of_ones_own_is_computed_once_until_its_tables_are_written(app: TestApp) {
        let runs = Arc::new(AtomicUsize::new(0));
        let db = app.lms.app.db();
        let titles = async |key: &str| -> usize {
            let (db_of_load, runs) = (db.clone(), Arc::clone(&runs));
            let load = async move {
                runs.fetch_add(1, SeqCst);
                let query = diesel::QueryDsl::select(courses::table, courses::title);
                let titles: Vec<String> = crud_core::db::Load::fetch(&db_of_load, query).await.unwrap();
                Ok(titles)
            };
            let deps = Deps::none().table(courses::table);
            let titles: Vec<String> = db.cached("titles", key, Duration::from_secs(60), deps, load).await.unwrap();
            titles.len()
        };
        assert_eq!((titles("a").await, titles("a").await, runs.load(SeqCst)), (0, 0, 1));
        assert_eq!((titles("b").await, runs.load(SeqCst)), (0, 2));
        let course = published(&app.instructor(), "Course").await;
        assert_eq!((titles("a").await, titles("a").await, runs.load(SeqCst)), (1, 1, 3));
        app.instructor().delete(&course).await.is(204);
        assert_eq!((titles("a").await, runs.load(SeqCst)), (0, 4));
        // A failure is told, and not kept.
        for _ in 0..2 {
            let failed = db.cached::<u8, _>("fails", "", Duration::from_secs(60), Deps::none(), async {
                Err(crud_core::Error::NotFound("Nothing here".to_owned()))
            });
            assert_eq!(failed.await.unwrap_err().to_string(), "Nothing here");
        }
    }
}

/// Another process writes the SQLite file: seen within 250 ms, whatever is asked.
#[tokio::test]
async fn a_write_of_another_process_shows_within_a_quarter_of_a_second() {
    let app = TestApp::new(DbKind::Sqlite).await;
    let course = published(&app.instructor(), "Old").await;
    // A cache of its own is what another process has.
    let db = Db::connect(&DbConfig::new(app.database_url()))
        .await
        .unwrap();
    db.attach(Cache::in_process(1 << 20));
    let reader = app.anonymous();
    reader.get(&course).await.is(200);
    assert_eq!(statements(&reader, &course).await, 0);
    db.batch("UPDATE courses SET title = 'New'").await.unwrap();
    let written = std::time::Instant::now();
    while reader.get(&course).await.is(200)["title"] == "Old" {
        let waited = written.elapsed();
        assert!(waited < Duration::from_millis(350), "{waited:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A change found when a transaction begins counts at once.
    reader.get(&course).await.is(200);
    db.batch("UPDATE courses SET title = 'Newer'")
        .await
        .unwrap();
    app.instructor()
        .post("/enrollments", json!({"course_id": id(&course)}))
        .await
        .is(201);
    assert_eq!(reader.get(&course).await.is(200)["title"], "Newer");
    let (reply, _) = counted(reader.request(Method::GET, &course)).await;
    reply.is(200);
}
