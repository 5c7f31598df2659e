//! SQLite's errors as [`DbError`].
//!
//! Diesel knows five kinds and keeps SQLite's message, which is stable English: the rest is read from it.

use diesel::result::{DatabaseErrorKind, Error};

use super::error::{DbError, from_diesel};

/// What our own SQL function and row loop say when the statement timeout is over.
pub(super) const TIMED_OUT: &str = "crud: statement timeout";

/// Maps an error of a statement.
pub(super) fn from_sqlite(error: Error) -> DbError {
    let (kind, info) = match error {
        Error::DatabaseError(kind, info) => (kind, info),
        Error::DeserializationError(source) if source.to_string() == TIMED_OUT => {
            return DbError::Timeout;
        }
        other => return from_diesel(other),
    };
    let message = info.message();
    let after = |prefix: &str| message.strip_prefix(prefix).map(str::trim);
    match kind {
        DatabaseErrorKind::UniqueViolation => {
            let (table, columns) =
                qualified(after("UNIQUE constraint failed:").unwrap_or_default());
            DbError::Unique {
                constraint: None,
                table,
                columns,
            }
        }
        DatabaseErrorKind::ForeignKeyViolation => DbError::ForeignKey {
            constraint: None,
            table: None,
            columns: vec![],
            still_referenced: None,
        },
        DatabaseErrorKind::NotNullViolation => {
            let (table, columns) =
                qualified(after("NOT NULL constraint failed:").unwrap_or_default());
            DbError::NotNull {
                column: columns.into_iter().next(),
                table,
            }
        }
        DatabaseErrorKind::CheckViolation => DbError::Check {
            constraint: after("CHECK constraint failed:").map(str::to_owned),
            table: None,
        },
        _ => by_message(message),
    }
}

fn by_message(message: &str) -> DbError {
    match message {
        _ if message.contains(TIMED_OUT) => DbError::Timeout,
        "interrupted" => DbError::Timeout,
        // ON DELETE RESTRICT is carried out as a trigger (SQLITE_CONSTRAINT_TRIGGER), so Diesel has no kind for it.
        "FOREIGN KEY constraint failed" => DbError::ForeignKey {
            constraint: None,
            table: None,
            columns: vec![],
            still_referenced: Some(true),
        },
        // SQLITE_BUSY, SQLITE_LOCKED
        "database is locked" | "database schema is locked: main" => DbError::Serialization,
        _ if message.starts_with("database table is locked") => DbError::Serialization,
        // SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN
        "database or disk is full" | "disk I/O error" | "unable to open database file" => {
            DbError::Unavailable(message.to_owned())
        }
        "attempt to write a readonly database" => DbError::Misuse(
            "a write was run as a read (use Access::Write), or the SQLite file is read-only",
        ),
        // SQLITE_TOOBIG, SQLITE_MISMATCH, SQLITE_CONSTRAINT_DATATYPE of STRICT tables, LIKE, integer overflow
        "string or blob too big" | "datatype mismatch" | "integer overflow" => {
            DbError::Value(message.to_owned())
        }
        _ if message.starts_with("cannot store ") => DbError::Value(message.to_owned()),
        _ if message.starts_with("LIKE or GLOB pattern too complex") => {
            DbError::Value(message.to_owned())
        }
        _ if message.starts_with("malformed JSON") => DbError::Value(message.to_owned()),
        _ => DbError::other(message),
    }
}

/// `courses.org_id, courses.slug` or `index 'name'` (an index on an expression).
fn qualified(text: &str) -> (Option<String>, Vec<String>) {
    let mut table = None;
    let mut columns = Vec::new();
    for part in text.split(',').map(str::trim) {
        if let Some((of, column)) = part.split_once('.') {
            table = Some(of.to_owned());
            columns.push(column.to_owned());
        }
    }
    (table, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_from_the_message() {
        assert_eq!(
            qualified("c.org_id, c.slug"),
            (Some("c".into()), vec!["org_id".into(), "slug".into()])
        );
        assert_eq!(qualified("index 'courses_lower'"), (None, vec![]));
    }
}
