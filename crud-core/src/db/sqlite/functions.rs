//! `crud_contains_ci(text, part)`: case-insensitive search that knows more letters than ASCII, as ILIKE does.

use diesel::QueryResult;
use diesel::SqliteConnection;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Bool, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::statement;
use crate::db::error_sqlite::TIMED_OUT;

#[diesel::declare_sql_function]
extern "SQL" {
    fn crud_contains_ci(haystack: Nullable<Text>, needle: Nullable<Text>) -> Nullable<Bool>;
}

/// Makes the function known to a connection.
pub(super) fn register(conn: &mut SqliteConnection) -> QueryResult<()> {
    crud_contains_ci_utils::register_impl(
        conn,
        |haystack: Option<String>, needle: Option<String>| {
            if statement::is_over() {
                return Answer::TimedOut;
            }
            match (haystack, needle) {
                (Some(haystack), Some(needle)) => Answer::Is(contains_ci(&haystack, &needle)),
                _ => Answer::Null,
            }
        },
    )
}

/// What the function says. An error is the only way to end a statement from inside.
#[derive(Debug)]
enum Answer {
    Is(bool),
    Null,
    TimedOut,
}

impl ToSql<Nullable<Bool>, Sqlite> for Answer {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        match self {
            Self::Is(yes) => {
                out.set_value(i32::from(*yes));
                Ok(IsNull::No)
            }
            Self::Null => Ok(IsNull::Yes),
            Self::TimedOut => Err(TIMED_OUT.into()),
        }
    }
}

/// Folds each letter for itself, as PostgreSQL's ILIKE does: `ß` is not `ss`.
fn contains_ci(haystack: &str, needle: &str) -> bool {
    if haystack.is_ascii() && needle.is_ascii() {
        let (haystack, needle) = (haystack.as_bytes(), needle.as_bytes());
        return needle.is_empty()
            || haystack
                .windows(needle.len())
                .any(|part| part.eq_ignore_ascii_case(needle));
    }
    let fold = |text: &str| text.chars().map(fold).collect::<String>();
    fold(haystack).contains(&fold(needle))
}

fn fold(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_beyond_ascii_are_found_in_either_case() {
        assert!(contains_ci("Einführung in die ÖKOLOGIE", "ökolo"));
        assert!(contains_ci("ΑΘΗΝΑ", "αθη"));
        assert!(contains_ci("abc", ""));
        assert!(contains_ci("xABCx", "abc"));
        assert!(!contains_ci("Straße", "STRASSE"));
        assert!(!contains_ci("ab", "abc"));
    }
}
