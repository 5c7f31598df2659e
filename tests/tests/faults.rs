//! Faults of the system that the design comes from, each shown to be absent. The number is that of
//! the second part of the checklist; faults that a subject's own tests show are listed in docs/CHECKLIST.md.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, header};
use crud_core::{
    db::{Access, DbKind, Load as _, Stmt},
    sql_types::BigInt,
    testing::{Client, on_both},
};
use serde_json::{Value, json};
use tests::TestApp;
use tracing::{Dispatch, Event, Metadata, Subscriber, span, subscriber::DefaultGuard};

use crate::steps::{NOBODY, id, lesson, made, published, run};

/// The ids of a whole list, page by page as its links lead.
async fn walked(by: &Client, first: &str) -> Vec<Value> {
    let mut ids = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        let page = by.get(&path).await.is(200);
        ids.extend(page.column("id"));
        next = page.link("next");
    }
    ids
}

fn distinct(ids: &[Value]) -> usize {
    let ids: std::collections::HashSet<_> = ids.iter().map(Value::to_string).collect();
    ids.len()
}

/// Counts the statements that this thread sends to a database.
#[derive(Clone, Default)]
pub(crate) struct Statements(Arc<AtomicUsize>);

/// With only one subscriber in the process, tracing asks the thread that comes first by a statement whether anyone
/// listens, and believes it for all threads.
static LISTENS: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Statements::default()));

impl Statements {
    /// Counts from here on, until the guard goes.
    pub(crate) fn watch() -> (Self, DefaultGuard) {
        LazyLock::force(&LISTENS);
        let counted = Self::default();
        let guard = tracing::subscriber::set_default(counted.clone());
        (counted, guard)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "crud_core::statements"
    }
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// How many statements a request of an anonymous caller takes that the cache knows nothing of.
async fn statements(app: &TestApp, path: &str) -> usize {
    statements_of(app, &app.anonymous(), path).await
}

/// How many statements a request takes that the cache knows nothing of.
pub(crate) async fn statements_of(app: &TestApp, by: &Client, path: &str) -> usize {
    let cache = app.lms.app.db().cache().expect("there is a cache");
    cache.forget().await.expect("it can forget");
    statements_again(by, path).await
}

/// How many statements a request takes.
pub(crate) async fn statements_again(by: &Client, path: &str) -> usize {
    let (counted, guard) = Statements::watch();
    by.get(path).await.is(200);
    drop(guard);
    counted.0.load(Ordering::Relaxed)
}

on_both! {
    // Fault 6: a list has each row once, whatever refers to it
    async fn a_list_is_not_multiplied_by_what_hangs_on_its_rows(app: TestApp) {
        for n in 0..3 {
            let course = published(&app.instructor(), &format!("Course {n}")).await;
            for order in 0..10 {
                lesson(&app.instructor(), &course, order).await;
            }
        }
        for client in [app.anonymous(), app.student(), app.instructor(), app.admin()] {
            for (list, rows) in [("/courses?page_size=2", 3), ("/lessons?page_size=7", 30)] {
                let first = client.get(list).await.is(200);
                assert_eq!(first.total(), rows, "{list}");
                assert_eq!(first.header("x-total-count"), Some(rows.to_string().as_str()));
                let ids = walked(&client, list).await;
                assert_eq!((ids.len() as u64, distinct(&ids) as u64), (rows, rows), "{list}");
            }
        }
    }

    // Fault 7: pages never overlap and leave nothing out, though all rows are equal
    async fn pages_are_stable_where_the_sort_keys_are_equal(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        for _ in 0..23 {
            lesson(&app.instructor(), &course, 1).await;
        }
        run(&app, "UPDATE lessons SET created_at = (SELECT min(created_at) FROM lessons)", NOBODY)
            .await.unwrap();
        for order in ["", "&sort=title", "&sort=-title", "&sort=-created_at", "&sort=content_type,order"] {
            for size in [1, 4, 23] {
                let ids = walked(&app.student(), &format!("/lessons?page_size={size}{order}")).await;
                assert_eq!((ids.len(), distinct(&ids)), (23, 23), "{size} {order}");
                let by_offset = walked(&app.student(), &format!("/lessons?limit={size}{order}")).await;
                assert_eq!(ids, by_offset, "{size} {order}");
            }
        }
    }

    // Faults 7 and 8: a page is one statement and its total another, however many rows it has
    async fn a_list_takes_two_statements_whatever_it_holds(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        for rows in [0, 1, 30] {
            for order in 0..rows {
                lesson(&app.instructor(), &course, order).await;
            }
            for list in ["/courses", "/lessons?page_size=100", "/modules"] {
                assert_eq!(statements(&app, list).await, 2, "{list} with {rows}");
            }
            assert_eq!(statements(&app, "/lessons?total=none&page_size=100").await, 1);
        }
        assert_eq!(statements(&app, &course).await, 1);
    }

    // Fault 9: while one statement runs, others are served
    async fn a_slow_statement_stops_nobody_else(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let slow = match app.kind {
            DbKind::Postgres => "SELECT count(*) FROM pg_sleep(2)",
            DbKind::Sqlite => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
                 SELECT count(*) FROM n"
            }
        };
        let slow = app.lms.app.db().load::<i64, BigInt>(Access::Read, Stmt::new().sql(slow));
        let others = async {
            // This test has one thread: if the statement held it, nothing here would run.
            tokio::time::sleep(Duration::from_millis(50)).await;
            for _ in 0..5 {
                app.anonymous().get("/courses").await.is(200);
                app.instructor().patch(&course, json!({})).await.is(200);
            }
        };
        tokio::select! {
            biased;
            done = slow => panic!("the slow statement came first: {done:?}"),
            () = others => {}
        }
    }

    // Fault 12: a write answers what a read does
    async fn every_write_answers_with_the_whole_row(app: TestApp) {
        let by = app.instructor();
        let body = json!({"title": "T", "metadata": {"a": 1}, "is_published": true});
        let created = by.post("/courses", body.clone()).await.is(201);
        let path = format!("/courses/{}", created.id());
        assert_eq!(created.json, by.get(&path).await.is(200).json);
        for (method, body) in [(Method::PATCH, json!({"title": "U"})), (Method::PUT, body)] {
            let written = by.request(method, &path).json(body).send().await.is(200);
            let read = by.get(&path).await.is(200);
            assert_eq!(written.json, read.json);
            assert_eq!(written.etag(), read.etag());
        }
        let archived = by.patch(&format!("{path}/archive"), json!({})).await.is(200);
        let read = by.get(&format!("{path}?archived=any")).await.is(200);
        assert_eq!(archived.json, read.json);
    }

    // Fault 12: archived is archived, everywhere, in UTC, and can be taken back
    async fn an_archived_row_is_out_of_reach_until_it_is_restored(app: TestApp) {
        let admin = app.admin();
        let course = published(&app.instructor(), "Course").await;
        let part = json!({"title": "P", "course_id": id(&course)});
        let exam = json!({"title": "E", "course_id": id(&course), "assessment_type": "Exam"});
        for path in [
            made(&admin, "/organizations", json!({"name": "Org"})).await,
            made(&admin, "/users", json!({"email": "a@b.example", "full_name": "A"})).await,
            made(&admin, "/modules", part).await,
            made(&admin, "/assessments", exam).await,
            lesson(&admin, &course, 1).await,
            course,
        ] {
            let list = &path[..path.rfind('/').expect("a path")];
            let before = admin.get(list).await.is(200).total();
            let archived = admin.patch(&format!("{path}/archive"), json!({})).await.is(200);
            let at = archived["archived_at"].as_str().expect("a time");
            assert!(at.ends_with('Z') && at == archived["updated_at"], "{at}");
            admin.get(&path).await.is_problem(404, "not_found");
            admin.patch(&path, json!({})).await.is_problem(409, "archived");
            assert_eq!(admin.get(list).await.is(200).total(), before - 1, "{path}");
            admin.patch(&format!("{path}/restore"), json!({})).await.is(200);
            admin.get(&path).await.is(200);
            assert_eq!(admin.get(list).await.is(200).total(), before, "{path}");
        }
    }

    // Fault 20: no page of another origin may read answers
    async fn no_origin_may_read_unless_it_is_configured(app: TestApp) {
        for method in [Method::GET, Method::OPTIONS] {
            let anonymous = app.anonymous();
            let call = anonymous.request(method, "/courses");
            let call = call.header(header::ORIGIN, "https://evil.example");
            let answer = call.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET").send().await;
            let allowed: Vec<_> = answer.headers.keys()
                .filter(|name| name.as_str().starts_with("access-control")).collect();
            assert!(allowed.is_empty(), "{answer}");
        }
    }
}
