//! What was answered to a request with an `Idempotency-Key`, kept in the transaction of what the request did.
//!
//! So the answer is there exactly if its effect is. Called by `router::once`; knows no HTTP and no entity. A key is one caller's. Who writes the row of a key first holds it until his transaction ends: others who come with
//! the key wait in their own `INSERT` on PostgreSQL, and for the one writer on SQLite.

use diesel::prelude::*;

use self::schema::crud_idempotency;
use crate::{
    Db, Error, Result, Timestamp, Tx, Uuid,
    db::{ColumnList, DbError, DbResult, Effect, Executor as _, Load as _, Stmt, TableShape},
    sql_types as st,
};

mod schema {
    diesel::table! {
        use crate::db::sql_types::*;

        /// Answers that were given. Only this module touches it.
        crud_idempotency (principal, key) {
            principal -> Uuid,
            key -> Text,
            request -> Binary,
            status -> Nullable<Integer>,
            location -> Nullable<Text>,
            etag -> Nullable<Text>,
            content_type -> Nullable<Text>,
            body -> Nullable<Binary>,
            expires_at -> Timestamptz,
        }
    }
}

/// How long an answer is kept: a day.
const LIFETIME_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The table that an application's migrations must have, for [`Db::drift`].
///
/// ```
/// assert_eq!(crud_core::once::tables()[0].name, "crud_idempotency");
/// ```
pub fn tables() -> Vec<TableShape> {
    fn shape<T: diesel::Table<AllColumns: ColumnList>>(name: &'static str) -> TableShape {
        TableShape::of::<T>(name)
    }
    vec![shape::<crud_idempotency::table>("crud_idempotency")]
}

/// Removes the answers that nobody can ask for any more; says how many.
///
/// # Errors
/// Those of the database.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let app = app().await;
/// # let table = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite/0022_idempotency/up.sql"));
/// # app.db().batch(table).await?;
/// // Once an hour, in a job.
/// let removed = crud_core::once::purge_expired(app.db(), Timestamp::now()).await?;
/// assert_eq!(removed, 0);
/// # Ok(())
/// # }
/// ```
pub async fn purge_expired(db: &Db, now: Timestamp) -> DbResult<usize> {
    let expired = crud_idempotency::table.filter(crud_idempotency::expires_at.le(now));
    db.execute(unseen(Stmt::new().add(diesel::delete(expired))))
        .await
}

/// A request, as far as another one is the same.
pub(crate) struct Request<'a> {
    pub(crate) principal: Uuid,
    pub(crate) key: &'a str,
    /// Of all that the request says.
    pub(crate) hash: [u8; 32],
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Takes the key for this transaction, or gives what was answered before; waits for whoever holds it.
///
/// # Errors
/// 422 if the key is another request's; 503 if whoever holds it takes too long.
pub(crate) async fn claim(tx: &Tx, request: &Request<'_>) -> Result<Option<Answer>> {
    let now = Timestamp::now();
    let expires_at = Timestamp::from_micros(now.micros().saturating_add(LIFETIME_MICROS));
    let sql = Stmt::new()
        .sql("INSERT INTO crud_idempotency (principal, key, request, expires_at) VALUES (")
        .bind::<st::Uuid, _>(request.principal)
        .sql(", ")
        .bind::<st::Text, _>(request.key.to_owned())
        .sql(", ")
        .bind::<st::Binary, _>(request.hash.to_vec())
        .sql(", ")
        .bind::<st::Timestamptz, _>(expires_at.unwrap_or(now))
        // The key of an answer that has expired is free, whether or not its row has been removed.
        .sql(
            ") ON CONFLICT (principal, key) DO UPDATE SET request = excluded.request, \
             expires_at = excluded.expires_at, status = NULL, location = NULL, etag = NULL, \
             content_type = NULL, body = NULL WHERE crud_idempotency.expires_at <= ",
        )
        .bind::<st::Timestamptz, _>(now);
    if tx.execute(unseen(sql)).await.map_err(failed)? == 1 {
        return Ok(None);
    }
    type Row = (
        Vec<u8>,
        Option<i32>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<Vec<u8>>,
    );
    let query = crud_idempotency::table
        .filter(crud_idempotency::principal.eq(request.principal))
        .filter(crud_idempotency::key.eq(request.key.to_owned()))
        .select((
            crud_idempotency::request,
            crud_idempotency::status,
            crud_idempotency::location,
            crud_idempotency::etag,
            crud_idempotency::content_type,
            crud_idempotency::body,
        ));
    let found: Vec<Row> = tx.fetch(query).await.map_err(failed)?;
    let Some((hash, Some(status), location, etag, content_type, body)) = found.into_iter().next()
    else {
        return Err(Error::internal("a key is taken and has no answer"));
    };
    if hash != request.hash {
        return Err(Error::KeyReused);
    }
    Ok(Some(Answer {
        status: u16::try_from(status).map_err(Error::internal)?,
        location,
        etag,
        content_type,
        body: body.unwrap_or_default(),
    }))
}

/// Keeps the answer under the key that this transaction holds.
///
/// # Errors
/// Those of the database.
pub(crate) async fn keep(tx: &Tx, request: &Request<'_>, answer: Answer) -> Result<()> {
    let row = crud_idempotency::table
        .filter(crud_idempotency::principal.eq(request.principal))
        .filter(crud_idempotency::key.eq(request.key.to_owned()));
    let query = diesel::update(row).set((
        crud_idempotency::status.eq(i32::from(answer.status)),
        crud_idempotency::location.eq(answer.location),
        crud_idempotency::etag.eq(answer.etag),
        crud_idempotency::content_type.eq(answer.content_type),
        crud_idempotency::body.eq(answer.body),
    ));
    let kept = tx.execute(unseen(Stmt::new().add(query))).await;
    kept.map(drop).map_err(failed)
}

/// Nothing that is cached can be made of the table: only this module names it.
fn unseen(sql: Stmt) -> Stmt {
    sql.touching(Effect::Nothing)
}

/// A fault of the database that is none of the request's.
pub(crate) fn failed(error: DbError) -> Error {
    match error.is_transient() {
        true => Error::Unavailable(Some(error.into())),
        false => Error::internal(error),
    }
}
