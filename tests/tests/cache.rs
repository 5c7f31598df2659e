//! The cache as readers see it: not at all, except that a second read asks the database nothing.

use axum::http::{Method, header};
use crud_core::testing::{Client, Reply, on_both};
use tests::TestApp;

use crate::{
    faults::Statements,
    steps::{lesson, published},
};

/// An answer, and how many statements it took.
async fn counted(call: crud_core::testing::Call<'_>) -> (Reply, usize) {
    let counted = Statements::default();
    let guard = tracing::subscriber::set_default(counted.clone());
    let reply = call.send().await;
    drop(guard);
    (reply, counted.count())
}

/// How many statements a `GET` takes.
async fn statements(by: &Client, path: &str) -> usize {
    let (reply, statements) = counted(by.request(Method::GET, path)).await;
    reply.is(200);
    statements
}

on_both! {
    async fn a_second_read_asks_the_database_nothing(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let lesson = lesson(&app.instructor(), &course, 1).await;
        for by in [app.anonymous(), app.student(), app.instructor(), app.admin()] {
            for path in [&*course, &lesson, "/courses", "/lessons?page_size=3&sort=-title"] {
                let first = by.get(path).await.is(200);
                assert_eq!(statements(&by, path).await, 0, "{path}");
                let again = by.get(path).await.is(200);
                assert_eq!((first.json, first.headers.get("etag")), (again.json, again.headers.get("etag")));
            }
            let tag = by.get(&lesson).await.is(200).etag();
            let call = by.request(Method::GET, &lesson).header(header::IF_NONE_MATCH, &tag);
            let (reply, statements) = counted(call).await;
            assert_eq!((reply.status.as_u16(), statements), (304, 0));
            let (reply, statements) = counted(by.request(Method::HEAD, &lesson)).await;
            assert_eq!((reply.status.as_u16(), statements), (200, 0));
        }
    }
}
