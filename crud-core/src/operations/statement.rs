//! The seven statements of an entity, built from parts for both databases at once. Pure: given an
//! entity and what is asked, they return SQL with its binds and nothing else.

use std::sync::Arc;

use diesel::expression::AsExpression;

use crate::{
    Uuid,
    cache::Dep,
    db::{Effect, Frag, NoPeek, Part, Stmt, bind},
    dto::Assignment,
    policy::Rule,
    query::{Archived, ListRequest, SortKey},
    registry::Resource,
    sql_types as st,
};

/// `SELECT … WHERE id = … AND <live> AND <scope>`, with the version behind the columns.
pub(super) fn get(r: &Resource, select: &Frag, id: Uuid, archived: Archived, rule: &Rule) -> Stmt {
    let sql = Stmt::new().sql("SELECT ").frag(select.clone()).sql(", ");
    let sql = version(r, sql).sql(" FROM ").frag(r.table.clone());
    within(live(r, by_id(r, sql, id), archived), rule)
}

/// A row with all its fields, its version and whether it is live, for the cache.
pub(super) fn whole(r: &Resource, id: Uuid) -> Stmt {
    by_id(r, whole_of(r), id)
}

/// The same without the id: what it is made of.
pub(crate) fn whole_of(r: &Resource) -> Stmt {
    let sql = Stmt::new()
        .sql("SELECT ")
        .frag(r.get.select.clone())
        .sql(", ");
    let sql = version(r, sql);
    let sql = match r.archivable {
        true => {
            let sql = sql.sql(", (").ident(r.shape.name).sql(".");
            sql.ident("archived_at").sql(" IS NULL)")
        }
        false => sql,
    };
    sql.sql(" FROM ").frag(r.table.clone())
}

/// As [`get`], by any condition, with the id behind the version; a second row shows that it is not unique.
pub(super) fn find(r: &Resource, select: &Frag, condition: Frag, rule: &Rule) -> Stmt {
    let sql = Stmt::new().sql("SELECT ").frag(select.clone()).sql(", ");
    let sql = id(r, version(r, sql).sql(", "))
        .sql(" FROM ")
        .frag(r.table.clone());
    let sql = sql.sql(" WHERE (").frag(condition).sql(")");
    within(live(r, sql, Archived::Hidden), rule).sql(" LIMIT 2")
}

/// The whole row that a write is about to change, locked until the transaction ends.
pub(super) fn lock(r: &Resource, id: Uuid, archived: Archived, rule: &Rule) -> Stmt {
    get(r, &r.get.select, id, archived, rule)
        .per_backend(" FOR UPDATE", "")
        .touching(Effect::Rows(Vec::new()))
}

/// What became of a row that a write did not touch: its version, whether it is archived, whether the
/// write's scope covers it. No row: it does not exist, or the caller may not see it.
pub(super) fn diagnose(r: &Resource, id: Uuid, visible: &Rule, writable: &Rule) -> Stmt {
    let sql = version(r, Stmt::new().sql("SELECT "));
    let sql = match r.archivable {
        true => sql.sql(", CAST(CASE WHEN archived_at IS NULL THEN 0 ELSE 1 END AS bigint)"),
        false => sql.sql(", CAST(0 AS bigint)"),
    };
    let sql = writable.predicate.render(sql.sql(", CAST(CASE WHEN "));
    let sql = sql
        .sql(" THEN 1 ELSE 0 END AS bigint) FROM ")
        .frag(r.table.clone());
    within(by_id(r, sql, id), visible)
}

/// `INSERT … RETURNING …`; with the verdict of `check` on the new row, if one is asked for.
pub(super) fn insert(
    r: &Resource,
    id: Uuid,
    set: &[Assignment],
    select: &Frag,
    check: Option<&Rule>,
) -> Stmt {
    let mut sql = Stmt::with_capacity(2 * set.len() + 16)
        .sql("INSERT INTO ")
        .frag(r.table.clone())
        .text(columns(set))
        .sql(" VALUES (");
    for (i, assignment) in set.iter().enumerate() {
        sql = sql.sql(comma(i)).frag(assignment.value.clone());
    }
    // A new id may have been asked for before it was there.
    let sql = returning(r, sql.sql(")"), select, check);
    sql.touching(Effect::Rows(touched(r, id)))
}

/// `UPDATE … SET …, version = version + 1 WHERE … RETURNING …`.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one statement, for one caller"
)]
pub(super) fn update(
    r: &Resource,
    id: Uuid,
    set: &[Assignment],
    archived: Archived,
    rule: &Rule,
    versions: Option<&[i64]>,
    select: &Frag,
    check: Option<&Rule>,
) -> Stmt {
    let mut sql = Stmt::with_capacity(4 * set.len() + 32)
        .sql("UPDATE ")
        .frag(r.table.clone())
        .sql(" SET ");
    for assignment in set {
        sql = sql
            .ident(assignment.column)
            .sql(" = ")
            .frag(assignment.value.clone())
            .sql(", ");
    }
    sql = sql.ident("version").sql(" = ").ident("version").sql(" + 1");
    let sql = within(live(r, by_id(r, sql, id), archived), rule);
    let sql = returning(r, at_version(sql, versions), select, check);
    sql.touching(Effect::Rows(touched(r, id)))
}

/// `DELETE … WHERE …`.
pub(super) fn delete(r: &Resource, id: Uuid, rule: &Rule, versions: Option<&[i64]>) -> Stmt {
    let sql = Stmt::new().sql("DELETE FROM ").frag(r.table.clone());
    let sql = at_version(within(by_id(r, sql, id), rule), versions);
    sql.touching(Effect::Delete(touched(r, id)))
}

/// What the write of a row touches.
fn touched(r: &Resource, id: Uuid) -> Vec<Dep> {
    let table = || r.shape.name.into();
    vec![Dep::Row(table(), id), Dep::List(table())]
}

/// From this offset on, a page's ids are found before its rows are read.
const DEEP: i64 = 1000;

/// `SELECT … ORDER BY … LIMIT … OFFSET …`; one row more than the page, to know whether there is a next.
///
/// Deep in a list the ids come from a subquery, which an index alone can answer: the rows that are
/// only skipped are then never read.
pub(super) fn list(r: &Resource, select: &Frag, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = Stmt::new()
        .sql("SELECT ")
        .frag(select.clone())
        .sql(" FROM ");
    let sql = sql.frag(r.table.clone());
    if request.page.offset < DEEP {
        return page(r, sql, request, rule);
    }
    let sql = id(r, id(r, sql.sql(" WHERE ")).sql(" IN (SELECT ")).sql(" FROM ");
    let sql = page(r, sql.frag(r.table.clone()), request, rule);
    order(r, sql.sql(")"), &request.order)
}

fn page(r: &Resource, sql: Stmt, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = order(r, filtered(r, sql, request, rule), &request.order);
    let sql = bounded(sql.sql(" LIMIT "), request.page.limit + 1);
    if request.page.offset == 0 {
        return sql;
    }
    bounded(sql.sql(" OFFSET "), request.page.offset)
}

fn bounded(sql: Stmt, number: i64) -> Stmt {
    sql.add(NoPeek(AsExpression::<st::BigInt>::as_expression(number)))
}

/// The rows whose id is among `ids`.
pub(super) fn all_of(r: &Resource, select: &Frag, ids: Stmt, rule: &Rule) -> Stmt {
    let sql = Stmt::new()
        .sql("SELECT ")
        .frag(select.clone())
        .sql(" FROM ");
    let sql = id(r, sql.frag(r.table.clone()).sql(" WHERE ")).sql(" IN ");
    within(live(r, sql.add(ids), Archived::Hidden), rule)
}

/// The first rows, in their order, of each value of `column` that is among `values`.
pub(super) fn first_of_each(
    r: &Resource,
    select: &Frag,
    column: &'static str,
    values: Stmt,
    keys: &[SortKey],
    most: i64,
    rule: &Rule,
) -> Stmt {
    const PLACE: &str = "place in its list";
    let named = |sql: Stmt| sql.ident(r.shape.name).sql(".").ident(column);
    let sql = Stmt::new().sql("SELECT ").frag(select.clone());
    let sql = sql.sql(" FROM (SELECT ").ident(r.shape.name);
    let sql = named(sql.sql(".*, row_number() OVER (PARTITION BY "));
    let sql = order(r, sql, keys).sql(") AS ").ident(PLACE);
    let sql = named(sql.sql(" FROM ").frag(r.table.clone()).sql(" WHERE "));
    let sql = within(live(r, sql.sql(" IN ").add(values), Archived::Hidden), rule);
    // Named as the table, so that its columns are found in it.
    let sql = sql.sql(") AS ").ident(r.shape.name).sql(" WHERE ");
    let sql = bounded(sql.ident(PLACE).sql(" <= "), most);
    sql.sql(" ORDER BY ").ident(PLACE)
}

/// `SELECT count(*) …`.
pub(super) fn count(r: &Resource, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = Stmt::new()
        .sql("SELECT count(*) FROM ")
        .frag(r.table.clone());
    filtered(r, sql, request, rule)
}

/// `NULL`, for an assignment.
pub(super) fn null() -> Frag {
    Arc::new(Stmt::new().sql("NULL"))
}

/// ` ("a", "b")`, as one piece: a statement is walked three times before it is sent.
fn columns(set: &[Assignment]) -> Arc<str> {
    let mut text = String::with_capacity(20 * set.len());
    for (i, assignment) in set.iter().enumerate() {
        text.push_str(if i == 0 { " (" } else { ", " });
        text.push('"');
        for part in assignment.column.split_inclusive('"') {
            text.push_str(part);
            if part.ends_with('"') {
                text.push('"');
            }
        }
        text.push('"');
    }
    text.push(')');
    text.into()
}

fn comma(i: usize) -> &'static str {
    if i == 0 { "" } else { ", " }
}

fn version(r: &Resource, sql: Stmt) -> Stmt {
    sql.ident(r.shape.name).sql(".").ident("version")
}

fn id(r: &Resource, sql: Stmt) -> Stmt {
    sql.ident(r.shape.name).sql(".").ident("id")
}

fn by_id(r: &Resource, sql: Stmt, row: Uuid) -> Stmt {
    id(r, sql.sql(" WHERE "))
        .sql(" = ")
        .frag(bind::<st::Uuid, _>(row))
}

fn live(r: &Resource, sql: Stmt, archived: Archived) -> Stmt {
    if !r.archivable || archived == Archived::Any {
        return sql;
    }
    let sql = sql
        .sql(" AND ")
        .ident(r.shape.name)
        .sql(".")
        .ident("archived_at");
    match archived {
        Archived::Only => sql.sql(" IS NOT NULL"),
        _ => sql.sql(" IS NULL"),
    }
}

fn within(sql: Stmt, rule: &Rule) -> Stmt {
    if rule.is_always() {
        return sql;
    }
    rule.predicate.render(sql.sql(" AND (")).sql(")")
}

fn at_version(mut sql: Stmt, versions: Option<&[i64]>) -> Stmt {
    let Some(versions) = versions else { return sql };
    if versions.is_empty() {
        return sql.sql(" AND 1 = 0");
    }
    sql = sql.sql(" AND ").ident("version").sql(" IN (");
    for (i, version) in versions.iter().enumerate() {
        sql = sql.sql(comma(i)).frag(bind::<st::BigInt, _>(*version));
    }
    sql.sql(")")
}

pub(super) fn returning(r: &Resource, sql: Stmt, select: &Frag, check: Option<&Rule>) -> Stmt {
    let sql = version(r, sql.sql(" RETURNING ").frag(select.clone()).sql(", "));
    match check {
        Some(rule) => rule.predicate.render(sql.sql(", (")).sql(")"),
        None => sql,
    }
}

fn filtered(r: &Resource, sql: Stmt, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = within(live(r, sql.sql(" WHERE 1 = 1"), request.archived), rule);
    request.conditions.iter().fold(sql, |sql, condition| {
        sql.sql(" AND (").frag(condition.clone()).sql(")")
    })
}

/// The order that was asked for, ended by the id in the direction of the last key.
fn order(r: &Resource, mut sql: Stmt, keys: &[SortKey]) -> Stmt {
    sql = sql.sql(" ORDER BY ");
    for key in keys {
        sql = sql.frag(key.column.clone());
        if key.text {
            // By bytes, as SQLite does.
            sql = sql.part(Part::PerBackend {
                pg: " COLLATE \"C\"",
                sqlite: "",
            });
        }
        sql = sql.sql(if key.descending { " DESC" } else { " ASC" });
        if key.nullable {
            // Where PostgreSQL puts them by itself.
            sql = sql.part(Part::PerBackend {
                pg: "",
                sqlite: if key.descending {
                    " NULLS FIRST"
                } else {
                    " NULLS LAST"
                },
            });
        }
        sql = sql.sql(", ");
    }
    let descending = keys.last().is_some_and(|key| key.descending);
    id(r, sql).sql(if descending { " DESC" } else { " ASC" })
}
