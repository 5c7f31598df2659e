//! The statements of history, the same for both databases. Pure, as `operations::statement` is.

use super::Kept;
use crate::{
    Timestamp, Uuid,
    db::{Effect, Frag, Stmt, bind},
    id::{Id, IdKind},
    operations::statement,
    policy::Rule,
    query::{Archived, Page},
    registry::Resource,
    sql_types as st,
};

const INTO: &str =
    "INSERT INTO crud_history (entity, row_id, version, changed_at, changed_by, content) SELECT ";

/// Keeps rows as they are, locked until the transaction ends.
pub(super) fn keep(
    r: &Resource,
    kept: &Kept,
    ids: &[Id],
    archived: Archived,
    rule: &Rule,
    versions: Option<&[i64]>,
) -> Stmt {
    let sql = Stmt::with_capacity(2 * ids.len() + 48).sql(INTO);
    let sql = sql.bind::<st::Text, _>(r.shape.name).sql(", ");
    let sql = name(r, sql, ids);
    let sql = current(r, sql, kept);
    let sql = match ids {
        [id] => statement::by_id(r, sql, id),
        ids => statement::by_ids(r, sql, ids),
    };
    let sql = statement::within(statement::live(r, sql, archived), rule);
    let sql = statement::at_version(sql, versions).per_backend(" FOR UPDATE", "");
    // Nothing that is cached is made of it.
    sql.touching(Effect::Nothing)
}

/// Keeps that rows are gone.
pub(super) fn end(r: &Resource, ids: &[Id], by: Option<Uuid>) -> Stmt {
    let sql = Stmt::with_capacity(2 * ids.len() + 24).sql(INTO);
    let sql = sql
        .bind::<st::Text, _>(r.shape.name)
        .sql(", row_id, max(version) + 1, ")
        .bind::<st::Timestamptz, _>(Timestamp::now())
        .sql(", ")
        .bind::<diesel::sql_types::Nullable<st::Uuid>, _>(by)
        .sql(", NULL FROM crud_history WHERE entity = ")
        .bind::<st::Text, _>(r.shape.name)
        .sql(" AND row_id IN ");
    let sql = sql.add(among(ids)).sql(" GROUP BY row_id");
    sql.touching(Effect::Nothing)
}

/// The name under which a row is kept: its id, if that is a UUID; else it is known here, not there.
fn name(r: &Resource, sql: Stmt, ids: &[Id]) -> Stmt {
    match (r.ids, ids) {
        (IdKind::Uuid, _) => statement::id(r, sql),
        (IdKind::Int | IdKind::Text, [id]) => sql.frag(kept_as(id)),
        (IdKind::Int | IdKind::Text, ids) => {
            let sql = statement::id(r, sql.sql("CASE "));
            let sql = ids.iter().fold(sql, |sql, id| {
                let sql = sql.sql(" WHEN ").frag(id.bound());
                sql.sql(" THEN ").frag(kept_as(id))
            });
            sql.sql(" END").uncached()
        }
    }
}

fn kept_as(id: &Id) -> Frag {
    bind::<st::Uuid, _>(id.kept_as())
}

fn among(ids: &[Id]) -> Stmt {
    let ids: Vec<_> = ids.iter().map(Id::kept_as).map(Id::Uuid).collect();
    IdKind::Uuid.among(&ids)
}

/// The version of a row under an id that may have been another row's: that of a new row, or what follows the end of the
/// other one, so that the history of an id is one.
pub(in crate::operations) fn first_version(r: &Resource, id: &Id) -> Stmt {
    let sql = Stmt::with_capacity(8)
        .sql("coalesce((SELECT max(version) + 1 FROM crud_history WHERE entity = ")
        .bind::<st::Text, _>(r.shape.name)
        .sql(" AND row_id = ");
    sql.frag(kept_as(id)).sql("), 0)")
}

/// As `statement::get`, of the version that was the row's at a time.
pub(super) fn as_of(
    r: &Resource,
    kept: &Kept,
    select: &Frag,
    id: &Id,
    at: Timestamp,
    archived: Archived,
    rule: &Rule,
) -> Stmt {
    let sql = Stmt::with_capacity(64).sql("SELECT ").frag(select.clone());
    let sql = statement::version(r, sql.sql(", ")).sql(" FROM (");
    let sql = sql.frag(kept.columns.clone()).sql(" FROM (SELECT * FROM (");
    let sql = entries(r, sql, kept, id)
        .sql(") AS v WHERE v.\"crud at\" <= ")
        .bind::<st::Timestamptz, _>(at)
        .sql(" ORDER BY v.\"crud version\" DESC LIMIT 1")
        .frag(kept.source.clone());
    let sql = sql.sql(") AS ").ident(r.shape.name);
    let sql = statement::live(r, statement::by_id(r, sql, id), archived);
    visible(r, statement::within(sql, rule), id, rule)
}

/// The versions of a row: its columns, and behind them number, time, author and action of each.
pub(super) fn versions(
    r: &Resource,
    kept: &Kept,
    select: &Frag,
    id: &Id,
    page: Page,
    rule: &Rule,
) -> Stmt {
    let sql = Stmt::with_capacity(64).sql("SELECT ").frag(select.clone());
    let sql = ["crud version", "crud at", "crud by", "crud action"]
        .into_iter()
        .fold(sql, |sql, name| {
            sql.sql(", ").ident(r.shape.name).sql(".").ident(name)
        });
    let sql = sql.sql(" FROM (SELECT u.*, ").sql(ACTION);
    let sql = match r.archivable {
        true => sql.sql(ARCHIVED),
        false => sql,
    };
    let sql = sql
        .sql(" ELSE 'update' END AS \"crud action\" FROM (")
        .frag(kept.columns.clone())
        .sql(" FROM (");
    let sql = entries(r, sql, kept, id).frag(kept.source.clone());
    let sql = sql.sql(") AS u) AS ").ident(r.shape.name);
    let sql = statement::within(sql.sql(" WHERE 1 = 1"), rule);
    let sql = visible(r, sql, id, rule).sql(" ORDER BY \"crud version\" DESC LIMIT ");
    let sql = statement::bounded(sql, page.limit + 1).sql(" OFFSET ");
    statement::bounded(sql, page.offset)
}

/// What led to a version, as far as the version before it is known. Each version differs from it in its number.
const ACTION: &str = "CASE WHEN u.\"crud content\" IS NULL THEN 'delete' \
    WHEN u.\"crud version\" = 0 \
    OR lag(u.\"crud version\") OVER (ORDER BY u.\"crud version\") IS NOT NULL \
    AND lag(u.\"crud content\") OVER (ORDER BY u.\"crud version\") IS NULL THEN 'create' \
    WHEN lag(u.\"crud version\") OVER (ORDER BY u.\"crud version\") IS NULL THEN 'update'";
const ARCHIVED: &str = " WHEN u.archived_at IS NOT NULL \
    AND lag(u.archived_at) OVER (ORDER BY u.\"crud version\") IS NULL THEN 'archive' \
    WHEN u.archived_at IS NULL \
    AND lag(u.archived_at) OVER (ORDER BY u.\"crud version\") IS NOT NULL THEN 'restore'";

/// How many versions the caller may see.
pub(super) fn count(r: &Resource, kept: &Kept, id: &Id, rule: &Rule) -> Stmt {
    let sql = Stmt::with_capacity(64).sql("SELECT count(*) FROM (");
    let sql = sql.frag(kept.columns.clone()).sql(" FROM (");
    let sql = entries(r, sql, kept, id).frag(kept.source.clone());
    let sql = sql.sql(") AS ").ident(r.shape.name).sql(" WHERE 1 = 1");
    visible(r, statement::within(sql, rule), id, rule)
}

/// All versions of a row: those that are kept, and the one of now.
fn entries(r: &Resource, sql: Stmt, kept: &Kept, id: &Id) -> Stmt {
    let sql = sql
        .sql(
            "SELECT version AS \"crud version\", changed_at AS \"crud at\", changed_by AS \"crud by\", \
             content AS \"crud content\" FROM crud_history WHERE entity = ",
        )
        .bind::<st::Text, _>(r.shape.name)
        .sql(" AND row_id = ")
        .frag(kept_as(id))
        .sql(" UNION ALL SELECT ");
    statement::by_id(r, current_columns(r, sql, kept), id)
}

/// The row as it is, behind its id.
fn current(r: &Resource, sql: Stmt, kept: &Kept) -> Stmt {
    current_columns(r, sql.sql(", "), kept)
}

fn current_columns(r: &Resource, sql: Stmt, kept: &Kept) -> Stmt {
    let of = |sql: Stmt, name| sql.ident(r.shape.name).sql(".").ident(name).sql(", ");
    let sql = of(of(of(sql, "version"), "updated_at"), "updated_by");
    sql.frag(kept.image.clone())
        .sql(" FROM ")
        .frag(r.table.clone())
}

/// Only if the caller sees the row as it is now.
fn visible(r: &Resource, sql: Stmt, id: &Id, rule: &Rule) -> Stmt {
    if rule.is_always() {
        return sql;
    }
    let sql = sql.sql(" AND EXISTS (SELECT 1 FROM ").frag(r.table.clone());
    statement::within(statement::by_id(r, sql, id), rule).sql(")")
}
