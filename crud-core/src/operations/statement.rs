//! The seven statements of an entity, built from parts for both databases at once. Pure: given an
//! entity and what is asked, they return SQL with its binds and nothing else.

use std::sync::Arc;

use diesel::expression::AsExpression;

use super::{aggregate::MOST_GROUPS, keyset, partition::Home};
use crate::{
    cursor::Place,
    db::{ColumnKind, Effect, Frag, NoPeek, Part, Stmt, bind},
    dto::Assignment,
    id::Id,
    policy::Rule,
    query::{AggregateRequest, Archived, Function, ListRequest, SortKey},
    registry::Resource,
    relation::RelationKind,
    sql_types as st,
};

/// From the sum of whole last digits to the number, by the digits behind the point.
const PER_UNIT: [&str; 19] = [
    "", " / 1e1", " / 1e2", " / 1e3", " / 1e4", " / 1e5", " / 1e6", " / 1e7", " / 1e8", " / 1e9",
    " / 1e10", " / 1e11", " / 1e12", " / 1e13", " / 1e14", " / 1e15", " / 1e16", " / 1e17",
    " / 1e18",
];

/// What an entity's statements say again and again, made once: a statement is walked twice before it is sent.
pub(crate) struct Phrases {
    /// `"courses"."version"`
    version: Arc<str>,
    /// `, "courses"."version" FROM `, which the table follows: it may be in a schema of its own.
    version_from: Arc<str>,
    /// ` WHERE "courses"."id" = `
    by_id: Arc<str>,
    /// ` AND "courses"."archived_at" IS NULL`
    live: Arc<str>,
}

impl Phrases {
    pub(crate) fn of(table: &str) -> Self {
        let mut name = String::new();
        quoted(&mut name, table);
        Self {
            version: format!("{name}.\"version\"").into(),
            version_from: format!(", {name}.\"version\" FROM ").into(),
            by_id: format!(" WHERE {name}.\"id\" = ").into(),
            live: format!(" AND {name}.\"archived_at\" IS NULL").into(),
        }
    }
}

/// `SELECT … WHERE id = … AND <live> AND <scope>`, with the version behind the columns.
pub(super) fn get(r: &Resource, select: &Frag, id: &Id, archived: Archived, rule: &Rule) -> Stmt {
    let sql = Stmt::with_capacity(8)
        .sql("SELECT ")
        .frag(select.clone())
        .text(Arc::clone(&r.phrases.version_from))
        .frag(r.table.clone());
    within(live(r, by_id(r, sql, id), archived), rule)
}

/// A row with all its fields, its version and whether it is live, for the cache.
pub(super) fn whole(r: &Resource, id: &Id) -> Stmt {
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
pub(super) fn lock(r: &Resource, id: &Id, archived: Archived, rule: &Rule) -> Stmt {
    get(r, &r.get.select, id, archived, rule)
        .per_backend(" FOR UPDATE", "")
        .touching(Effect::Nothing)
}

/// What became of a row that a write did not touch: its version, whether it is archived, whether the
/// write's scope covers it. No row: it does not exist, or the caller may not see it.
pub(super) fn diagnose(r: &Resource, id: &Id, visible: &Rule, writable: &Rule) -> Stmt {
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
    set: &[Assignment],
    select: &Frag,
    check: Option<&Rule>,
    effect: Effect,
) -> Stmt {
    let mut sql = Stmt::with_capacity(2 * set.len() + 16)
        .sql("INSERT INTO ")
        .frag(r.table.clone())
        .text(columns(set))
        .sql(" VALUES (");
    for (i, assignment) in set.iter().enumerate() {
        sql = sql.sql(comma(i)).frag(assignment.value.clone());
    }
    returning(r, sql.sql(")"), select, check).touching(effect)
}

/// `UPDATE … SET …, version = version + 1 WHERE … RETURNING …`.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one statement, for one caller"
)]
pub(super) fn update(
    r: &Resource,
    id: &Id,
    set: &[Assignment],
    archived: Archived,
    rule: &Rule,
    versions: Option<&[i64]>,
    select: &Frag,
    check: Option<&Rule>,
    home: &Home,
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
    let sql = home.only(r, at_version(sql, versions));
    let parts = home.deps(r, set);
    let sql = returning(r, sql, select, check);
    sql.touching(Effect::Row(r.shape.name, id.clone(), parts))
}

/// `DELETE … WHERE …`.
pub(super) fn delete(
    r: &Resource,
    id: &Id,
    rule: &Rule,
    versions: Option<&[i64]>,
    home: &Home,
) -> Stmt {
    let sql = Stmt::new().sql("DELETE FROM ").frag(r.table.clone());
    let sql = at_version(within(by_id(r, sql, id), rule), versions);
    let parts = home.deps(r, &[]);
    let sql = home.only(r, sql);
    sql.touching(Effect::Delete(r.shape.name, id.clone(), parts))
}

/// The rows of these ids that are within a scope, locked in the order of their ids.
pub(super) fn lock_all(r: &Resource, ids: &[Id], archived: Archived, rule: &Rule) -> Stmt {
    let sql = version(r, Stmt::with_capacity(2 * ids.len() + 32).sql("SELECT "));
    let sql = by_ids(r, sql.sql(" FROM ").frag(r.table.clone()), ids);
    let sql = within(live(r, sql, archived), rule).sql(" ORDER BY ");
    ordered_id(r, sql).per_backend(" FOR UPDATE", "")
}

/// `DELETE … WHERE id IN (…) AND <scope>`.
pub(super) fn delete_all(r: &Resource, ids: &[Id], rule: &Rule) -> Stmt {
    let sql = Stmt::with_capacity(2 * ids.len() + 16).sql("DELETE FROM ");
    within(by_ids(r, sql.frag(r.table.clone()), ids), rule)
}

/// From this offset on, a page's ids are found before its rows are read.
const DEEP: i64 = 1000;

/// `SELECT … ORDER BY … LIMIT … OFFSET …`; one row more than the page, to know whether there is a next.
///
/// Deep in a list the ids come from a subquery, which an index alone can answer: the rows that are
/// only skipped are then never read.
pub(super) fn list(
    r: &Resource,
    select: &Frag,
    request: &ListRequest,
    place: Option<&Place>,
    rule: &Rule,
) -> Stmt {
    let sql = Stmt::new()
        .sql("SELECT ")
        .frag(select.clone())
        .sql(" FROM ");
    let sql = sql.frag(r.table.clone());
    if let Some(place) = place {
        let keys = keyset::with_id(r, &request.order, place.backward);
        let sql = filtered(r, sql, request, rule).sql(" AND ");
        let sql = ordered(keyset::beyond(sql, &keys, place), &keys);
        return bounded(sql.sql(" LIMIT "), request.page.limit + 1);
    }
    if request.page.offset < DEEP {
        return page(r, sql, request, rule);
    }
    let sql = id(r, id(r, sql.sql(" WHERE ")).sql(" IN (SELECT ")).sql(" FROM ");
    let sql = page(r, sql.frag(r.table.clone()), request, rule);
    order(r, sql.sql(")"), &request.order)
}

fn page(r: &Resource, sql: Stmt, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = filtered(r, sql, request, rule);
    let sql = order(r, sql, &request.order);
    let sql = bounded(sql.sql(" LIMIT "), request.page.limit + 1);
    if request.page.offset == 0 {
        return sql;
    }
    bounded(sql.sql(" OFFSET "), request.page.offset)
}

pub(super) fn bounded(sql: Stmt, number: i64) -> Stmt {
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

/// Whether a row belongs to a row of another entity, live and within a scope, for which the conditions hold. Not
/// correlated, so that an entity may belong to itself.
pub(crate) fn related_to(
    r: &Resource,
    kind: RelationKind,
    of: &Resource,
    conditions: &[Frag],
    rule: &Rule,
) -> Stmt {
    let (own, theirs) = match kind {
        RelationKind::BelongsTo(column) => (column, "id"),
        RelationKind::HasMany(column) => ("id", column),
    };
    let sql = Stmt::new().ident(r.shape.name).sql(".").ident(own);
    let sql = sql.sql(" IN (SELECT ").ident(of.shape.name).sql(".");
    let sql = sql.ident(theirs).sql(" FROM ").frag(of.table.clone());
    let sql = selected(of, sql, Archived::Hidden, conditions, rule);
    sql.sql(")")
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

/// What a list is, on whatever page.
pub(super) fn whole_list(r: &Resource, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = Stmt::new().sql("FROM ").frag(r.table.clone());
    order(r, filtered(r, sql, request, rule), &request.order)
}

/// `SELECT count(*) …`, of so many rows at most.
pub(super) fn count(r: &Resource, request: &ListRequest, rule: &Rule, most: Option<i64>) -> Stmt {
    let sql = Stmt::new().sql("SELECT count(*) FROM ");
    let Some(most) = most else {
        return filtered(r, sql.frag(r.table.clone()), request, rule);
    };
    let sql = sql.sql("(SELECT 1 FROM ").frag(r.table.clone());
    let sql = filtered(r, sql, request, rule).sql(" LIMIT ");
    bounded(sql, most).sql(") AS counted")
}

/// How many rows PostgreSQL's planner expects.
pub(super) fn estimate(r: &Resource, request: &ListRequest, rule: &Rule) -> Stmt {
    let sql = Stmt::new().sql("EXPLAIN (FORMAT JSON) SELECT 1 FROM ");
    filtered(r, sql.frag(r.table.clone()), request, rule)
}

/// `NULL`, for an assignment.
pub(super) fn null() -> Frag {
    Arc::new(Stmt::new().sql("NULL"))
}

/// ` ("a", "b")`, as one piece: a statement is walked twice before it is sent.
pub(super) fn columns(set: &[Assignment]) -> Arc<str> {
    let mut text = String::with_capacity(20 * set.len());
    for (i, assignment) in set.iter().enumerate() {
        text.push_str(if i == 0 { " (" } else { ", " });
        quoted(&mut text, assignment.column);
    }
    text.push(')');
    text.into()
}

/// A name as SQL has it.
fn quoted(text: &mut String, name: &str) {
    text.push('"');
    match name.contains('"') {
        true => text.push_str(&name.replace('"', "\"\"")),
        false => text.push_str(name),
    }
    text.push('"');
}

fn comma(i: usize) -> &'static str {
    if i == 0 { "" } else { ", " }
}

pub(super) fn version(r: &Resource, sql: Stmt) -> Stmt {
    sql.text(Arc::clone(&r.phrases.version))
}

pub(super) fn id(r: &Resource, sql: Stmt) -> Stmt {
    sql.ident(r.shape.name).sql(".").ident("id")
}

/// The id as both databases order it alike.
pub(super) fn ordered_id(r: &Resource, sql: Stmt) -> Stmt {
    id(r, sql).by_bytes(r.ids.column())
}

pub(super) fn by_id(r: &Resource, sql: Stmt, row: &Id) -> Stmt {
    sql.text(Arc::clone(&r.phrases.by_id)).frag(row.bound())
}

pub(super) fn by_ids(r: &Resource, sql: Stmt, rows: &[Id]) -> Stmt {
    id(r, sql.sql(" WHERE ")).sql(" IN ").add(r.ids.among(rows))
}

pub(super) fn live(r: &Resource, sql: Stmt, archived: Archived) -> Stmt {
    if !r.archivable || archived == Archived::Any {
        return sql;
    }
    match archived {
        Archived::Only => {
            let sql = sql.sql(" AND ").ident(r.shape.name);
            sql.sql(".").ident("archived_at").sql(" IS NOT NULL")
        }
        _ => sql.text(Arc::clone(&r.phrases.live)),
    }
}

pub(super) fn within(sql: Stmt, rule: &Rule) -> Stmt {
    if rule.is_always() {
        return sql;
    }
    rule.predicate.render(sql.sql(" AND (")).sql(")")
}

pub(super) fn at_version(mut sql: Stmt, versions: Option<&[i64]>) -> Stmt {
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
    let sql = match check {
        Some(rule) => rule.predicate.render(sql.sql(", (")).sql(")"),
        None => sql,
    };
    sql.part(Part::Fence)
}

fn filtered(r: &Resource, sql: Stmt, request: &ListRequest, rule: &Rule) -> Stmt {
    selected(r, sql, request.archived, &request.conditions, rule)
}

fn selected(r: &Resource, sql: Stmt, archived: Archived, conditions: &[Frag], rule: &Rule) -> Stmt {
    let sql = within(live(r, sql.sql(" WHERE 1 = 1"), archived), rule);
    conditions.iter().fold(sql, |sql, condition| {
        sql.sql(" AND (").frag(condition.clone()).sql(")")
    })
}

/// `SELECT a, count(*), avg(b) … GROUP BY a ORDER BY a`, with one group more than there may be.
pub(super) fn aggregate(r: &Resource, request: &AggregateRequest, rule: &Rule) -> Stmt {
    let named = |sql: Stmt, name: &'static str| sql.ident(r.shape.name).sql(".").ident(name);
    let mut sql = Stmt::with_capacity(64).sql("SELECT ");
    let mut places = 0..;
    let mut next = |sql: Stmt| sql.sql(comma(places.next().unwrap_or_default()));
    for name in &request.by {
        sql = named(next(sql), name);
    }
    if request.count {
        sql = next(sql).sql("count(*)");
    }
    for (function, name) in &request.of {
        let whole = matches!(
            r.kind(name),
            ColumnKind::Int2 | ColumnKind::Int4 | ColumnKind::Int8
        );
        let decimal = match r.kind(name) {
            ColumnKind::Decimal { scale, .. } => Some(scale),
            _ => None,
        };
        let (before, after) = match function {
            Function::Avg => ("avg(CAST(", " AS double precision))"),
            Function::Sum if decimal.is_some() => ("sum(", ")"),
            Function::Sum if whole => ("CAST(sum(", ") AS bigint)"),
            Function::Sum => ("sum(CAST(", " AS double precision))"),
            Function::Min => ("min(", ")"),
            Function::Max => ("max(", ")"),
        };
        sql = named(next(sql).sql(before), name).sql(after);
        if let (Function::Avg, Some(scale)) = (function, decimal) {
            // SQLite has whole numbers of the last digit.
            sql = sql.per_backend("", PER_UNIT[usize::from(scale)]);
        }
    }
    let sql = sql.sql(" FROM ").frag(r.table.clone());
    let mut sql = selected(r, sql, request.archived, &request.conditions, rule);
    for (i, name) in request.by.iter().enumerate() {
        sql = named(sql.sql(if i == 0 { " GROUP BY " } else { ", " }), name);
    }
    for (i, name) in request.by.iter().enumerate() {
        sql = named(sql.sql(if i == 0 { " ORDER BY " } else { ", " }), name);
        sql = sql.by_bytes(r.kind(name)).per_backend("", " NULLS LAST");
    }
    bounded(
        sql.sql(" LIMIT "),
        i64::try_from(MOST_GROUPS).unwrap_or(i64::MAX - 1) + 1,
    )
}

/// The order that was asked for, ended by the id in the direction of the last key.
fn order(r: &Resource, sql: Stmt, keys: &[SortKey]) -> Stmt {
    let sql = keys.iter().fold(sql.sql(" ORDER BY "), |sql, key| {
        directed(sql, key).sql(", ")
    });
    let descending = keys.last().is_some_and(|key| key.descending);
    ordered_id(r, sql).sql(if descending { " DESC" } else { " ASC" })
}

/// An order that has the id already.
fn ordered(sql: Stmt, keys: &[SortKey]) -> Stmt {
    let keys = keys.iter().enumerate();
    keys.fold(sql.sql(" ORDER BY "), |sql, (i, key)| {
        directed(sql.sql(comma(i)), key)
    })
}

/// A key with its direction, nulls where PostgreSQL puts them by itself: as if greater than every value.
fn directed(sql: Stmt, key: &SortKey) -> Stmt {
    let sql = key.ordered(sql);
    match (key.descending, key.nullable) {
        (true, false) => sql.sql(" DESC"),
        (false, false) => sql.sql(" ASC"),
        (true, true) => sql.per_backend(" DESC", " DESC NULLS FIRST"),
        (false, true) => sql.per_backend(" ASC", " ASC NULLS LAST"),
    }
}
