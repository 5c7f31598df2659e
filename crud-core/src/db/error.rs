//! What can go wrong in the database, in words that are alike on both: [`DbError`].
//!
//! The mapping of each backend's own errors is in `error_postgres` and `error_sqlite`. A `DbError` never carries a
//! value of a row; the HTTP layer decides what of it a client sees.

use std::error::Error as StdError;

/// The result of everything in the database layer.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::{DbResult, Load};
///
/// /// On a database or in a transaction.
/// async fn count(on: &impl Load) -> DbResult<i64> {
///     Ok(on.fetch::<i64>(courses::table.count()).await?[0])
/// }
/// assert_eq!(count(app().await.db()).await?, 0);
/// # Ok(())
/// # }
/// ```
pub type DbResult<T> = Result<T, DbError>;

/// An error of the database layer, alike on PostgreSQL and SQLite.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::db::DbError;
///
/// let twice = "CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (1), (1)";
/// assert!(matches!(app().await.db().batch(twice).await, Err(DbError::Unique { .. })));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// A unique constraint, a unique index or a primary key. PostgreSQL also names the constraint; both name columns.
    #[error("a row with the same {} exists already", names(columns, constraint))]
    Unique {
        /// The constraint's name (PostgreSQL only).
        constraint: Option<String>,
        /// The table, if the database names it.
        table: Option<String>,
        /// The columns that must be unique together.
        columns: Vec<String>,
    },
    /// A foreign key. SQLite says no more than that one failed.
    #[error("a foreign key is broken ({})", constraint.as_deref().unwrap_or("not named by the database"))]
    ForeignKey {
        /// The constraint's name (PostgreSQL only).
        constraint: Option<String>,
        /// The table that holds the foreign key (PostgreSQL only).
        table: Option<String>,
        /// The columns of the foreign key (PostgreSQL only).
        columns: Vec<String>,
        /// True: the row is still referenced and cannot go. False: the row pointed to does not exist. Only PostgreSQL
        /// tells.
        still_referenced: Option<bool>,
    },
    /// NULL in a column that takes none.
    #[error("the column {} must have a value", column.as_deref().unwrap_or("(not named by the database)"))]
    NotNull {
        /// The column.
        column: Option<String>,
        /// The table.
        table: Option<String>,
    },
    /// A check constraint. On SQLite the name is the expression's text if the check has no name.
    #[error("the check {} does not hold", constraint.as_deref().unwrap_or("(not named by the database)"))]
    Check {
        /// The constraint's name.
        constraint: Option<String>,
        /// The table (PostgreSQL only).
        table: Option<String>,
    },
    /// A value that the column's type cannot hold: too long, out of range, NUL in a text.
    #[error("the database refuses a value: {0}")]
    Value(String),
    /// Another transaction was in the way (40001, 40P01, `SQLITE_BUSY)`: the same transaction may work if repeated.
    #[error("another transaction changed the same rows; try again")]
    Serialization,
    /// A lock was not to be had (55P03).
    #[error("the row is locked by another transaction; try again")]
    LockNotAvailable,
    /// The statement took longer than the statement timeout allows, or was cancelled.
    #[error("the database statement took too long and was ended")]
    Timeout,
    /// All connections are busy, or the queue is full: the database works, but not for this request.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The database cannot be reached, refuses connections, is full or shuts down.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The transaction is over: an earlier statement of it failed, it was idle too long, or it was given up.
    #[error("the transaction is lost and rolled back: {0}")]
    TransactionFailed(&'static str),
    /// The program uses the database in a way that cannot work.
    #[error("wrong use of the database: {0}")]
    Misuse(&'static str),
    /// A setting that cannot work; says which, its value and what is accepted.
    #[error("{0}")]
    Config(String),
    /// A migration that cannot be applied; says which and why.
    #[error("{0}")]
    Migration(String),
    /// A row that does not fit the type it is read into.
    #[error("a row cannot be read: {0}")]
    Decode(#[source] Box<dyn StdError + Send + Sync>),
    /// Anything else.
    #[error("the database failed: {0}")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
}

impl DbError {
    /// True if the same work may succeed when it is tried again.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Serialization
                | Self::LockNotAvailable
                | Self::Timeout
                | Self::Busy(_)
                | Self::Unavailable(_)
        )
    }

    pub(super) fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into().into())
    }
}

fn names(columns: &[String], constraint: &Option<String>) -> String {
    match constraint {
        _ if !columns.is_empty() => columns.join(", "),
        Some(constraint) => format!("values ({constraint})"),
        None => "values".to_owned(),
    }
}

/// The errors of Diesel itself, which come from neither database.
pub(super) fn from_diesel(error: diesel::result::Error) -> DbError {
    use diesel::result::Error;
    match error {
        Error::InvalidCString(_) => DbError::Value("a text holds the character NUL".into()),
        Error::DeserializationError(source) => DbError::Decode(source),
        Error::SerializationError(source) => DbError::Value(source.to_string()),
        Error::AlreadyInTransaction | Error::NotInTransaction | Error::BrokenTransactionManager => {
            DbError::TransactionFailed("the connection's transaction state is broken")
        }
        other => DbError::Other(Box::new(other)),
    }
}
