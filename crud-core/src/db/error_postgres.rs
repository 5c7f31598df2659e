//! PostgreSQL's errors as [`DbError`], by their SQLSTATEs
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use tokio_postgres::error::{DbError as Said, Error};

use super::error::DbError;

/// Maps what a statement, or opening a connection, failed with.
pub(super) fn from_postgres(error: Error) -> DbError {
    match error.as_db_error() {
        Some(said) => by_state(said),
        None => sending(&error),
    }
}

fn by_state(said: &Said) -> DbError {
    let state = said.code().code();
    let constraint = said.constraint().map(str::to_owned);
    let table = said.table().map(str::to_owned);
    let message = said.message();
    match state {
        // A duplicate key, or one that an exclusion constraint forbids.
        "23505" | "23P01" => DbError::Unique {
            constraint,
            table,
            columns: key_columns(said.detail()),
        },
        "23503" | "23001" => DbError::ForeignKey {
            constraint,
            columns: key_columns(said.detail()),
            still_referenced: said.detail().map(|d| d.contains("is still referenced")),
            table,
        },
        "23502" => DbError::NotNull {
            column: said.column().map(str::to_owned),
            table,
        },
        "23514" => DbError::Check { constraint, table },
        // Serialization failure, deadlock.
        "40001" | "40P01" => DbError::Serialization,
        "55P03" => DbError::LockNotAvailable,
        "57014" => DbError::Timeout,
        "25006" => DbError::Unavailable("it takes no writes now (read-only transaction)".into()),
        "25P02" => DbError::TransactionFailed("an earlier statement failed"),
        "25P03" => DbError::TransactionFailed("it was idle for too long"),
        "22021" => DbError::Value("a text holds the character NUL".into()),
        "22P02" => DbError::Value("a text is not of the column's type".into()),
        "54001" => DbError::Value("a value is nested too deep".into()),
        "54000" if message.starts_with("index row") => {
            DbError::Value("a value is too long for its index".into())
        }
        _ => match state.get(..2) {
            // Data exceptions, and what is too large.
            Some("22" | "54") => DbError::Value(message.to_owned()),
            // Connection, authorization, no such database, resources, shutdown, input and output.
            Some("08" | "28" | "3D" | "53" | "57" | "58") => {
                DbError::Unavailable(message.to_owned())
            }
            _ => DbError::other(message),
        },
    }
}

/// What fails without a SQLSTATE: the connection is gone, its address is wrong, or a value could not be sent.
fn sending(error: &Error) -> DbError {
    let message = error.to_string();
    if message.starts_with("error serializing parameter") {
        DbError::Value(message)
    } else if message.starts_with("invalid connection string")
        || message.starts_with("invalid configuration")
    {
        DbError::Config(format!(
            "DATABASE_URL is no valid PostgreSQL URL ({message})"
        ))
    } else {
        DbError::Unavailable(message)
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
