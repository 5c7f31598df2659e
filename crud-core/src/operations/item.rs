//! What is refused of one of many items, with its place among them. For [`many`](super::many) and
//! [`bulk`](super::bulk), and for the routes that read lists of bodies; runs no statement of its own.

use super::Context;
use crate::{Error, Result, db::Tx, error::FieldError, registry::Resource};

impl Context<'_> {
    /// The refusal of an item in a transaction, which does not outlive it: all or none.
    pub(super) fn refused_item(&self, index: usize, error: Error) -> Error {
        if let Some(tx) = self.tx() {
            tx.doom();
        }
        indexed(index, error)
    }

    /// Commits what was done, or undoes what was begun.
    pub(super) async fn ended<T>(&self, r: &Resource, tx: Tx, done: Result<T>) -> Result<T> {
        match done {
            Ok(done) => self.committed(r, tx, done).await,
            Err(error) => {
                // The refusal is what the caller must know; a rollback that fails closes the connection.
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }
}

/// Whether an error is about an item, and so would be the same if the items were written one by one.
pub(super) fn is_of_an_item(error: &Error) -> bool {
    error.status().is_client_error() && error.code() != "contention"
}

/// An error of one of many items, with its place among them: `/title` becomes `/3/title`.
pub(crate) fn indexed(index: usize, error: Error) -> Error {
    let at = format!("/{index}");
    placed(&at, &at, error)
}

/// An error of one of some items that stand on these lines of a file: `/3/title` becomes `/17/title`.
pub(super) fn on_lines(lines: &[u64], mut error: Error) -> Error {
    let (Error::Invalid(faults)
    | Error::ForbiddenFields(faults)
    | Error::Conflict { errors: faults, .. }
    | Error::Item { errors: faults, .. }) = &mut error
    else {
        return error;
    };
    for fault in faults {
        let Some(at) = fault.pointer.as_deref().and_then(|at| at.strip_prefix('/')) else {
            continue;
        };
        let (index, rest) = at.split_at(at.find('/').unwrap_or(at.len()));
        let line = index
            .parse::<usize>()
            .ok()
            .and_then(|index| lines.get(index));
        if let Some(line) = line {
            fault.pointer = Some(format!("/{line}{rest}"));
        }
    }
    error
}

/// An error of a part of a request: its fields stand at `fields`, and it as a whole is about what stands at `whole`.
pub(crate) fn placed(fields: &str, whole: &str, error: Error) -> Error {
    let place = |mut fault: FieldError| {
        let within = fault.pointer.take().unwrap_or_default();
        fault.pointer = Some(format!("{fields}{within}"));
        fault
    };
    let all = |faults: Vec<FieldError>| faults.into_iter().map(place).collect::<Vec<_>>();
    match error {
        Error::Invalid(faults) => Error::Invalid(all(faults)),
        Error::ForbiddenFields(faults) => Error::ForbiddenFields(all(faults)),
        Error::Conflict {
            code,
            detail,
            errors,
        } => {
            let mut errors = all(errors);
            if errors.is_empty() {
                errors.push(FieldError::at(whole, code, detail.clone()));
            }
            Error::Conflict {
                code,
                detail,
                errors,
            }
        }
        Error::Item { error, errors } => Error::Item {
            error,
            errors: all(errors),
        },
        error @ (Error::Forbidden(_)
        | Error::NotFound(_)
        | Error::PreconditionFailed { .. }
        | Error::PreconditionRequired
        | Error::BadRequest { .. }) => Error::Item {
            errors: vec![FieldError::at(whole, error.code(), error.to_string())],
            error: Box::new(error),
        },
        // Of the request as a whole.
        other => other,
    }
}

/// All items, or why not: the first that is refused decides, with the faults of its kind of all others.
pub(crate) fn all<T>(items: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut accepted, mut refused) = (Vec::new(), None);
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Ok(item) => accepted.push(item),
            Err(error) => refused = Some(joined(refused, indexed(index, error))),
        }
    }
    refused.map_or(Ok(accepted), Err)
}

/// The first error, with the faults of its kind of the next.
pub(crate) fn joined(first: Option<Error>, next: Error) -> Error {
    match (first, next) {
        (Some(Error::Invalid(mut faults)), Error::Invalid(more)) => {
            faults.extend(more);
            Error::Invalid(faults)
        }
        (Some(Error::ForbiddenFields(mut faults)), Error::ForbiddenFields(more)) => {
            faults.extend(more);
            Error::ForbiddenFields(faults)
        }
        (Some(first), _) => first,
        (None, next) => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(error: &Error) -> Vec<&str> {
        let (Error::Invalid(errors)
        | Error::ForbiddenFields(errors)
        | Error::Conflict { errors, .. }
        | Error::Item { errors, .. }) = error
        else {
            panic!("{error:?} has no faults");
        };
        errors.iter().filter_map(|e| e.pointer.as_deref()).collect()
    }

    #[test]
    fn an_error_keeps_its_status_and_gets_its_place() {
        let missing = indexed(3, Error::NotFound("Course 1 not found".to_owned()));
        assert_eq!(
            (missing.status().as_u16(), missing.code()),
            (404, "not_found")
        );
        assert_eq!(missing.to_string(), "Course 1 not found");
        assert_eq!(pointers(&missing), ["/3"]);
        assert_eq!(pointers(&indexed(2, missing)), ["/2/3"]);
        let invalid = indexed(3, Error::invalid("/title", "required", "Title is required"));
        assert_eq!(pointers(&invalid), ["/3/title"]);
        assert_eq!(indexed(3, Error::Timeout).code(), "timeout");
        let on_line = on_lines(&[5, 17], indexed(1, Error::invalid("/a/b", "type", "No")));
        assert_eq!(pointers(&on_line), ["/17/a/b"]);
        let on_line = on_lines(&[5, 17], indexed(0, Error::Forbidden("No".into())));
        assert_eq!(pointers(&on_line), ["/5"]);
    }

    #[test]
    fn the_first_refused_item_decides_and_its_kind_is_told_of_all() {
        let invalid = || Err::<u8, _>(Error::invalid("/a", "type", "A must be text"));
        let forbidden = || Err(Error::Forbidden("No".into()));
        assert_eq!(all([Ok(1), Ok(2)]).expect("both pass"), [1, 2]);
        let refused = all([Ok(1), invalid(), forbidden(), invalid()]).expect_err("refused");
        assert_eq!(pointers(&refused), ["/1/a", "/3/a"]);
        let refused = all([Ok(1), forbidden(), invalid()]).expect_err("refused");
        assert_eq!(
            (refused.status().as_u16(), pointers(&refused)),
            (403, vec!["/1"])
        );
    }
}
