//! Steps that many tests take: rows made through the API, and statements beside it.

use crud_core::{
    Uuid,
    db::{Access, DbResult, Executor as _, Load as _, Stmt},
    sql_types as st,
    testing::Client,
};
use serde_json::{Value, json};
use tests::TestApp;

/// An id that no row has.
pub(crate) const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

/// Creates a row; gives its path.
pub(crate) async fn made(by: &Client, endpoint: &str, body: Value) -> String {
    let row = by.post(endpoint, body).await.is(201);
    format!("{endpoint}/{}", row.id())
}

/// The path of a new draft.
pub(crate) async fn draft(by: &Client, title: &str) -> String {
    made(by, "/courses", json!({"title": title})).await
}

/// The path of a new course that everyone sees.
pub(crate) async fn published(by: &Client, title: &str) -> String {
    made(
        by,
        "/courses",
        json!({"title": title, "is_published": true}),
    )
    .await
}

/// The path of a new lesson.
pub(crate) async fn lesson(by: &Client, course: &str, order: i32) -> String {
    made(by, "/lessons", lesson_body(id(course), order)).await
}

/// What a new lesson needs.
pub(crate) fn lesson_body(course: &str, order: i32) -> Value {
    let title = format!("Lesson {order}");
    json!({"course_id": course, "title": title, "content_type": "video", "order": order})
}

/// The id at the end of a path.
pub(crate) fn id(path: &str) -> &str {
    path.rsplit('/').next().expect("a path has an end")
}

/// Runs a statement beside the API; `?` stands for the id.
pub(crate) async fn run(app: &TestApp, sql: &str, id: &str) -> DbResult<usize> {
    let id: Uuid = id.parse().expect("a UUID");
    let (before, after) = sql.split_once('?').unwrap_or((sql, ""));
    let mut statement = Stmt::new().text(before.into());
    if sql.contains('?') {
        statement = statement.bind::<st::Uuid, _>(id).text(after.into());
    }
    app.lms.app.db().execute(statement.uncached()).await
}

/// The first column of a query, which is text.
pub(crate) async fn texts(app: &TestApp, sql: &str) -> Vec<String> {
    let statement = Stmt::new().text(sql.into()).uncached();
    let rows = app
        .lms
        .app
        .db()
        .load::<_, st::Text>(Access::Read, statement);
    rows.await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// How many rows a table has.
pub(crate) async fn count(app: &TestApp, table: &str) -> i64 {
    let statement = Stmt::new().text(format!("SELECT count(*) FROM {table}").into());
    let rows = app
        .lms
        .app
        .db()
        .load::<i64, st::BigInt>(Access::Read, statement);
    rows.await.expect("the table can be counted")[0]
}
