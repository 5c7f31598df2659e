//! PostgreSQL's errors as [`DbError`].
//!
//! Diesel knows eight SQLSTATEs by kind and folds all others into `Unknown`, where only the message is left. Each
//! connection asks for English messages (`lc_messages = C`, if its role may), so those are known by their text.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use super::error::{DbError, from_diesel};

/// Maps an error of a statement.
pub(super) fn from_postgres(error: Error) -> DbError {
    let (kind, info) = match error {
        Error::DatabaseError(kind, info) => (kind, info),
        Error::RollbackErrorOnCommit { commit_error, .. } => return from_postgres(*commit_error),
        other => return from_diesel(other),
    };
    let constraint = info.constraint_name().map(str::to_owned);
    let table = info.table_name().map(str::to_owned);
    match kind {
        DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ExclusionViolation => {
            DbError::Unique {
                constraint,
                table,
                columns: key_columns(info.details()),
            }
        }
        DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => {
            DbError::ForeignKey {
                constraint,
                columns: key_columns(info.details()),
                still_referenced: info.details().map(|d| d.contains("is still referenced")),
                table,
            }
        }
        DatabaseErrorKind::NotNullViolation => DbError::NotNull {
            column: info.column_name().map(str::to_owned),
            table,
        },
        DatabaseErrorKind::CheckViolation => DbError::Check { constraint, table },
        DatabaseErrorKind::SerializationFailure => DbError::Serialization,
        DatabaseErrorKind::UnableToSendCommand => sending(info.message()),
        DatabaseErrorKind::ReadOnlyTransaction => {
            DbError::Unavailable("it takes no writes now (read-only transaction)".into())
        }
        _ => by_message(info),
    }
}

/// Maps an error of opening a connection.
pub(super) fn from_connecting(error: diesel::ConnectionError) -> DbError {
    use diesel::ConnectionError;
    match error {
        ConnectionError::CouldntSetupConfiguration(error) => match from_postgres(error) {
            DbError::Other(source) => DbError::Unavailable(source.to_string()),
            known => known,
        },
        ConnectionError::InvalidConnectionUrl(_) => DbError::Config(
            "DATABASE_URL is no valid PostgreSQL URL: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE".into(),
        ),
        other => DbError::Unavailable(other.to_string()),
    }
}

/// Maps what ended a connection, or kept it from being opened.
pub(super) fn from_wire(error: tokio_postgres::Error) -> DbError {
    match error.as_db_error() {
        Some(said) => from_postgres(Error::DatabaseError(
            DatabaseErrorKind::Unknown,
            Box::new(said.message().to_owned()),
        )),
        None => sending(&error.to_string()),
    }
}

/// What tokio-postgres says without a SQLSTATE: the connection is gone, or a value could not be sent.
fn sending(message: &str) -> DbError {
    if message.starts_with("error serializing parameter") {
        DbError::Value(message.to_owned())
    } else if message.starts_with("invalid connection string")
        || message.starts_with("invalid configuration")
    {
        DbError::Config(format!(
            "DATABASE_URL is no valid PostgreSQL URL ({message})"
        ))
    } else {
        DbError::Unavailable(message.to_owned())
    }
}

/// `Key (a, b)=(x, y) already exists.` names the columns; the values must not leave this function.
fn key_columns(details: Option<&str>) -> Vec<String> {
    let inside = details
        .and_then(|d| d.strip_prefix("Key ("))
        .and_then(|d| d.split_once(")=("))
        .map(|(c, _)| c);
    let clean = |column: &str| column.trim().trim_matches('"').to_owned();
    inside
        .map(|columns| columns.split(',').map(clean).collect())
        .unwrap_or_default()
}

/// A message that stands for a SQLSTATE, and what it means.
type Rule = (Match, fn(&str) -> DbError);

const BY_MESSAGE: &[Rule] = &[
    // 40P01, 55P03, 57014
    (Match::Start("deadlock detected"), |_| {
        DbError::Serialization
    }),
    (Match::Start("could not serialize access"), |_| {
        DbError::Serialization
    }),
    (Match::Start("could not obtain lock"), |_| {
        DbError::LockNotAvailable
    }),
    (
        Match::Start("canceling statement due to lock timeout"),
        |_| DbError::LockNotAvailable,
    ),
    (Match::Start("canceling statement"), |_| DbError::Timeout),
    // 25P02, 25P03
    (Match::Start("current transaction is aborted"), |_| {
        DbError::TransactionFailed("an earlier statement failed")
    }),
    (Match::Has("idle-in-transaction timeout"), |_| {
        DbError::TransactionFailed("it was idle for too long")
    }),
    (Match::Has("idle in transaction"), |_| {
        DbError::TransactionFailed("it was idle for too long")
    }),
    // 22xxx
    (Match::Start("value too long for type"), value),
    (Match::Has("out of range"), value),
    (Match::Start("value overflows numeric format"), value),
    (Match::Start("numeric field overflow"), value),
    (Match::Start("invalid byte sequence for encoding"), |_| {
        DbError::Value("a text holds the character NUL".into())
    }),
    (Match::Start("unsupported Unicode escape sequence"), value),
    (Match::Start("invalid input syntax for"), |_| {
        DbError::Value("a text is not of the column's type".into())
    }),
    (Match::Start("invalid regular expression"), value),
    (Match::Start("division by zero"), value),
    (Match::Start("invalid escape"), value),
    (Match::Start("LIKE pattern must not end"), value),
    // 54xxx
    (Match::Start("stack depth limit exceeded"), |_| {
        DbError::Value("a value is nested too deep".into())
    }),
    (Match::Start("index row size"), |_| {
        DbError::Value("a value is too long for its index".into())
    }),
    (Match::Start("index row requires"), |_| {
        DbError::Value("a value is too long for its index".into())
    }),
    (Match::Start("row is too big"), value),
    // 08xxx, 53xxx, 57Pxx, 28xxx
    (Match::Start("sorry, too many clients already"), gone),
    (Match::Start("remaining connection slots"), gone),
    (Match::Start("too many connections"), gone),
    (Match::Start("terminating connection"), gone),
    (Match::Start("the database system is"), gone),
    (Match::Start("could not extend file"), gone),
    (Match::Start("out of memory"), gone),
    (Match::Start("out of shared memory"), gone),
    (Match::Has("No space left on device"), gone),
    (Match::Start("cannot execute"), gone),
    (Match::Start("password authentication failed"), gone),
    (Match::Start("no pg_hba.conf entry"), gone),
    (Match::Start("role "), gone),
    (Match::Start("database "), gone),
];

enum Match {
    Start(&'static str),
    Has(&'static str),
}

fn value(message: &str) -> DbError {
    DbError::Value(message.to_owned())
}

fn gone(message: &str) -> DbError {
    DbError::Unavailable(message.to_owned())
}

fn by_message(info: Box<dyn DatabaseErrorInformation + Send + Sync>) -> DbError {
    let message = info.message();
    let found = BY_MESSAGE.iter().find(|(rule, _)| match rule {
        Match::Start(text) => message.starts_with(text),
        Match::Has(text) => message.contains(text),
    });
    match found {
        Some((_, make)) => make(message),
        None => DbError::other(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_from_the_details_without_their_values() {
        assert_eq!(
            key_columns(Some("Key (slug)=(secret) already exists.")),
            ["slug"]
        );
        assert_eq!(
            key_columns(Some("Key (a, \"B\")=(1, x)=(y) already exists.")),
            ["a", "B"]
        );
        assert!(key_columns(Some("Failing row contains (x)")).is_empty());
        assert!(key_columns(None).is_empty());
    }
}
