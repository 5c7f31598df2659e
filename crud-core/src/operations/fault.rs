//! Why an operation failed, in the client's terms: refusals of the policy, and every fault of the
//! database mapped on purpose. What is not listed here is an internal error.

use super::{Context, integers::Integers, key::only_bind};
use crate::{
    Error,
    db::{DbError, Stmt},
    dto::Assignment,
    error::FieldError,
    policy::{Action, Rule},
    principal::Principal,
    registry::Resource,
};

/// The answer to a caller who is outside the scope of what he wants.
pub(super) fn refused(r: &Resource, by: &Principal, action: Action, rule: &Rule) -> Error {
    if by.is_anonymous() {
        return Error::Unauthenticated("Sign in to do this".into());
    }
    match rule.refusal {
        Some(reason) => Error::Forbidden(reason.into()),
        None => {
            let (verb, things) = (action.as_str(), r.endpoint.replace('-', " "));
            Error::Forbidden(format!("Not allowed to {verb} {things}").into())
        }
    }
}

/// The answer for a row that is there, may be written, and is not in the state for it.
pub(super) fn state(r: &Resource, action: Action, archived: bool) -> Error {
    let code = match action {
        Action::Archive if archived => "unchanged",
        Action::Restore if !archived => "unchanged",
        _ if archived => "archived",
        // It changed between the write and the diagnosis.
        _ => "changed",
    };
    let detail = match code {
        "archived" => format!("This {} is archived: restore it first", r.noun),
        _ => format!("This {} was changed at the same moment: try again", r.noun),
    };
    Error::Conflict {
        code,
        detail,
        errors: Vec::new(),
    }
}

/// The database's fault in the client's terms.
pub(super) async fn database(
    r: &Resource,
    cx: &Context<'_>,
    error: DbError,
    set: &[Assignment],
) -> Error {
    match error {
        DbError::Unique { columns, .. } => conflict("unique", &columns, |field| {
            format!("Another {} has this {field}", r.noun)
        }),
        // A write that sets nothing is a delete.
        DbError::ForeignKey { .. } if set.is_empty() => Error::Conflict {
            code: "foreign_key",
            detail: format!("Other rows still refer to this {}", r.noun),
            errors: Vec::new(),
        },
        DbError::ForeignKey { columns, .. } => {
            let columns = match columns.is_empty() {
                true => Box::pin(dangling(r, cx, set)).await,
                false => columns,
            };
            conflict("foreign_key", &columns, |field| {
                format!("`{field}` refers to a row that does not exist")
            })
        }
        DbError::NotNull { column, .. } => {
            let column = column.unwrap_or_default();
            let detail = format!("`{column}` is required");
            Error::Invalid(vec![FieldError::at(
                format!("/{column}"),
                "required",
                detail,
            )])
        }
        DbError::Check { constraint, .. } => check(r, constraint.as_deref().unwrap_or_default()),
        DbError::Value(_) => {
            let detail = "A value is out of range or holds characters that cannot be stored";
            Error::Invalid(vec![FieldError::at("", "value", detail)])
        }
        DbError::Serialization | DbError::LockNotAvailable => Error::Conflict {
            code: "contention",
            detail: format!("This {} was changed at the same moment: try again", r.noun),
            errors: Vec::new(),
        },
        error @ (DbError::Timeout | DbError::Busy(_) | DbError::Unavailable(_)) => {
            Error::Unavailable(Some(error.into()))
        }
        error => Error::internal(error),
    }
}

fn conflict(code: &'static str, columns: &[String], sentence: impl Fn(&str) -> String) -> Error {
    let errors: Vec<_> = columns
        .iter()
        .map(|column| FieldError::at(format!("/{column}"), code, sentence(column)))
        .collect();
    let detail = match &errors[..] {
        [] => sentence("reference"),
        [one] => one.detail.clone(),
        _ => sentence(&columns.join(", ")),
    };
    Error::Conflict {
        code,
        detail,
        errors,
    }
}

/// `ck_courses_difficulty_level` is a fault of `difficulty_level`.
fn check(r: &Resource, constraint: &str) -> Error {
    let name = constraint.strip_prefix("ck_").unwrap_or(constraint);
    let name = name.strip_prefix(r.shape.name).unwrap_or(name);
    let name = name.trim_start_matches('_');
    let column = r
        .shape
        .columns
        .iter()
        .map(|c| c.name)
        .filter(|column| name.starts_with(column))
        .max_by_key(|column| column.len());
    let fault = match column {
        Some(column) => FieldError::at(
            format!("/{column}"),
            "check",
            format!("`{column}` has a value that is not accepted"),
        ),
        None => FieldError::at("", "check", "The values do not go together"),
    };
    Error::Invalid(vec![fault])
}

/// Which of the written columns refers to nothing. SQLite does not say, so it is asked: for each
/// foreign key of the table, whether the value that was to be written is there.
async fn dangling(r: &Resource, cx: &Context<'_>, set: &[Assignment]) -> Vec<String> {
    let Some(db) = cx.beside else {
        return Vec::new();
    };
    let Ok(keys) = db.foreign_keys(r.shape.name).await else {
        return Vec::new();
    };
    let fresh = cx.fresh.map(|id| only_bind(&*id.bound()));
    let mut columns = Vec::new();
    for key in keys {
        let Some(assignment) = set.iter().find(|a| a.column == key.column) else {
            continue;
        };
        if fresh.is_some() && fresh == Some(only_bind(&*assignment.value)) {
            continue;
        }
        let sql = Stmt::new()
            .sql("SELECT CASE WHEN ")
            .frag(assignment.value.clone())
            .sql(" IS NULL OR EXISTS (SELECT 1 FROM ")
            .text(quoted(&key.target_table))
            .sql(" WHERE ")
            .text(quoted(&key.target_column))
            .sql(" = ")
            .frag(assignment.value.clone())
            .sql(") THEN 1 ELSE 0 END");
        let sink = Box::new(Integers::default());
        let found = crate::db::Executor::load_into(db, crate::db::Access::Read, sql, sink).await;
        if let Ok(found) = found.map(super::recover::<Integers>)
            && found.is_ok_and(|found| found.first() == Some(0))
        {
            columns.push(key.column);
        }
    }
    columns
}

/// A name from the database's own catalogue, as SQL.
fn quoted(name: &str) -> std::sync::Arc<str> {
    format!("\"{}\"", name.replace('"', "\"\"")).into()
}
