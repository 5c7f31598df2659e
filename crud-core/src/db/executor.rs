//! [`Executor`]: what runs statements, [`Sink`]: where rows go, [`Load`]: rows as values of any Rust type.
//!
//! `Executor` and `Sink` are object safe, so that operations are compiled once; only a sink knows a row's type.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;

use diesel::deserialize::{self, FromSqlRow};
use diesel::pg::Pg;
use diesel::query_builder::AsQuery;
use diesel::sqlite::Sqlite;
use futures_util::future::BoxFuture;

use super::config::DbKind;
use super::error::DbResult;
use super::fragment::{Fragment, Stmt};

pub use super::postgres_row::PgRow;
/// A row of SQLite.
///
/// ```
/// use crud_core::{db::SqliteRow, sql_types::Text};
/// use diesel::{deserialize, row::Row as _};
///
/// /// What a [`Sink`] may do with a row: read the text in its first column.
/// fn first(row: &SqliteRow<'_, '_>) -> deserialize::Result<String> {
///     row.get_value::<Text, _, _>(0)
/// }
/// ```
pub type SqliteRow<'c, 'q> =
    <diesel::SqliteConnection as diesel::connection::LoadConnection>::Row<'c, 'q>;

/// Whether a statement changes rows. SQLite runs reads on its reader threads, which refuse writes.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::{db::{Access, Load as _, Stmt}, sql_types::Text};
///
/// let write = Stmt::new().sql("UPDATE courses SET price = 0 RETURNING title");
/// let titles = app().await.db().load::<String, Text>(Access::Write, write).await;
/// assert!(titles.unwrap().is_empty());
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Changes nothing.
    Read,
    /// Inserts, updates or deletes.
    Write,
}

/// Runs statements: a [`Db`](super::Db) each by itself, a [`Tx`](super::Tx) inside its transaction.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::db::{DbResult, Executor, Stmt};
///
/// /// By itself or in a transaction, as the caller likes.
/// async fn give_away(on: &dyn Executor) -> DbResult<usize> {
///     on.execute(Stmt::new().add(diesel::update(courses::table).set(courses::price.eq(0)))).await
/// }
/// ```
pub trait Executor: Send + Sync {
    /// Runs `stmt` and feeds its rows to `sink`, which comes back with them.
    fn load_into(
        &self,
        access: Access,
        stmt: Stmt,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'_, DbResult<Box<dyn Sink>>>;
    /// Runs `stmt` as a write and says how many rows it touched.
    fn execute(&self, stmt: Stmt) -> BoxFuture<'_, DbResult<usize>>;
    /// Which database this is.
    fn kind(&self) -> DbKind;
}

/// Where rows go. Each row is shown once, in the database's own form, and not copied before that.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::{Access, Executor as _, PgRow, Sink, SqliteRow, Stmt};
/// use diesel::deserialize;
///
/// /// Counts rows and reads none.
/// struct Count(usize);
///
/// impl Sink for Count {
///     fn pg(&mut self, _row: &PgRow) -> deserialize::Result<()> {
///         self.0 += 1;
///         Ok(())
///     }
///     fn sqlite(&mut self, _row: &SqliteRow<'_, '_>) -> deserialize::Result<()> {
///         self.0 += 1;
///         Ok(())
///     }
/// }
///
/// let sql = Stmt::new().sql("SELECT 1 UNION SELECT 2");
/// let sink: Box<dyn std::any::Any> = app().await.db().load_into(Access::Read, sql, Box::new(Count(0))).await?;
/// assert_eq!(sink.downcast::<Count>().unwrap().0, 2);
/// # Ok(())
/// # }
/// ```
pub trait Sink: Send + Any {
    /// Takes a row of PostgreSQL.
    fn pg(&mut self, row: &PgRow) -> deserialize::Result<()>;
    /// Takes a row of SQLite.
    fn sqlite(&mut self, row: &SqliteRow<'_, '_>) -> deserialize::Result<()>;
}

/// A type that a row of the SQL types `ST` can be read into, on both databases.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::{db::{Access, DbResult, FromRow, Stmt}, sql_types::BigInt};
///
/// /// The one row of a statement that always has one.
/// async fn only<R: FromRow<ST>, ST: 'static>(db: &Db, sql: Stmt) -> DbResult<R> {
///     Ok(db.load::<R, ST>(Access::Read, sql).await?.remove(0))
/// }
/// let count: i64 = only::<_, BigInt>(app().await.db(), Stmt::new().sql("SELECT count(*) FROM courses")).await?;
/// assert_eq!(count, 0);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a row of `{ST}` on both databases",
    note = "derive `Queryable` for it, or use a tuple of types that fit the selected columns"
)]
pub trait FromRow<ST>: FromSqlRow<ST, Pg> + FromSqlRow<ST, Sqlite> + Send + 'static {}
impl<R, ST> FromRow<ST> for R where R: FromSqlRow<ST, Pg> + FromSqlRow<ST, Sqlite> + Send + 'static {}

struct Rows<R, ST>(Vec<R>, PhantomData<fn() -> ST>);

impl<ST: 'static, R: FromRow<ST>> Sink for Rows<R, ST> {
    fn pg(&mut self, row: &PgRow) -> deserialize::Result<()> {
        self.0.push(FromSqlRow::<ST, Pg>::build_from_row(row)?);
        Ok(())
    }
    fn sqlite(&mut self, row: &SqliteRow<'_, '_>) -> deserialize::Result<()> {
        self.0.push(FromSqlRow::<ST, Sqlite>::build_from_row(row)?);
        Ok(())
    }
}

/// A Diesel query, valid on both databases, whose rows can be read into `R`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::{DbResult, QueryFor};
///
/// async fn first<R: Send + 'static>(db: &Db, query: impl QueryFor<R>) -> DbResult<Option<R>> {
///     Ok(db.fetch(query).await?.into_iter().next())
/// }
/// let dearest = courses::table.select(courses::title).order(courses::price.desc()).limit(1);
/// assert_eq!(first::<String>(app().await.db(), dearest).await?, None);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no query that both databases can run into rows of `{R}`",
    note = "the query must be valid on PostgreSQL and SQLite, and `{R}` must fit the selected columns"
)]
pub trait QueryFor<R>: Sized {
    /// The query, erased.
    fn into_stmt(self) -> Stmt;
    /// An empty sink for its rows.
    fn sink() -> Box<dyn Sink>;
    /// The rows of such a sink.
    fn rows(sink: Box<dyn Sink>) -> Vec<R>;
}

impl<R, Q> QueryFor<R> for Q
where
    Q: AsQuery<Query: Fragment + 'static, SqlType: 'static>,
    R: FromRow<Q::SqlType>,
{
    fn into_stmt(self) -> Stmt {
        Stmt::new().add(self.as_query())
    }
    fn sink() -> Box<dyn Sink> {
        Box::new(Rows::<R, Q::SqlType>(Vec::new(), PhantomData))
    }
    fn rows(sink: Box<dyn Sink>) -> Vec<R> {
        take::<R, Q::SqlType>(sink)
    }
}

fn take<R: FromRow<ST>, ST: 'static>(sink: Box<dyn Sink>) -> Vec<R> {
    let sink: Box<dyn Any> = sink;
    sink.downcast::<Rows<R, ST>>()
        .expect("an executor gives back the sink it was given")
        .0
}

fn query<'a, X, R, Q>(
    on: &'a X,
    access: Access,
    query: Q,
) -> impl Future<Output = DbResult<Vec<R>>> + Send + use<'a, X, R, Q>
where
    X: Executor + ?Sized,
    Q: QueryFor<R>,
{
    let rows = on.load_into(access, query.into_stmt(), Q::sink());
    async move { rows.await.map(Q::rows) }
}

/// Rows as Rust values, from statements or from ordinary Diesel queries. For [`Db`](super::Db) and
/// [`Tx`](super::Tx).
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let db = app().await.db().clone();
/// let dear = courses::table.filter(courses::price.gt(100)).select((courses::title, courses::price));
/// let dear: Vec<(String, i32)> = db.fetch(dear).await.map_err(Error::database)?;
/// assert!(dear.is_empty());
/// let changed = db.run(diesel::update(courses::table).set(courses::price.eq(0))).await;
/// assert_eq!(changed.unwrap(), 0);
/// # Ok(())
/// # }
/// ```
pub trait Load: Executor {
    /// The rows of a statement whose columns have the SQL types `ST`.
    fn load<R, ST>(
        &self,
        access: Access,
        stmt: Stmt,
    ) -> impl Future<Output = DbResult<Vec<R>>> + Send
    where
        R: FromRow<ST>,
        ST: 'static,
    {
        let rows = self.load_into(
            access,
            stmt,
            Box::new(Rows::<R, ST>(Vec::new(), PhantomData)),
        );
        async move { rows.await.map(take::<R, ST>) }
    }

    /// The rows of a Diesel query that changes nothing: `db.fetch::<(String, i64)>(query)`.
    fn fetch<R>(&self, query: impl QueryFor<R>) -> impl Future<Output = DbResult<Vec<R>>> + Send
    where
        R: Send + 'static,
    {
        self::query(self, Access::Read, query)
    }

    /// Runs a Diesel insert, update or delete; says how many rows it touched.
    fn run(&self, query: impl Fragment + 'static) -> impl Future<Output = DbResult<usize>> + Send {
        self.execute(Stmt::new().add(query))
    }

    /// Runs a Diesel insert, update or delete with `RETURNING`; gives the rows.
    fn run_returning<R>(
        &self,
        query: impl QueryFor<R>,
    ) -> impl Future<Output = DbResult<Vec<R>>> + Send
    where
        R: Send + 'static,
    {
        self::query(self, Access::Write, query)
    }
}
impl<X: Executor + ?Sized> Load for X {}
