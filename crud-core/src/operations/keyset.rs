//! Pages by a cursor: which list a cursor is of, the condition that rows lie beyond its place, and the cursors of a
//! page's first and last row. Called by `reads`, `include` and `statement`; [`crate::cursor`] seals the places.

use std::sync::Arc;

use diesel::{
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    row::{Field as _, Row as _},
    sql_types::Nullable,
    sqlite::{Sqlite, SqliteValue},
};

use super::{Context, key, statement};
use crate::{
    Error, Result, Timestamp, Uuid,
    cursor::{CursorKey, ListId, Place},
    db::{ColumnKind, DbKind, Frag, PgRow, Scaled, SqliteRow, Stmt, bind},
    policy::Rule,
    query::{ListRequest, SortKey},
    registry::Resource,
    sql_types as st,
};

/// The cursors of a page.
#[derive(Debug, Default, Clone)]
pub(super) struct Cursors {
    pub(super) next: Option<String>,
    pub(super) prev: Option<String>,
}

impl Context<'_> {
    /// Where a page begins, if a cursor says so.
    ///
    /// # Errors
    /// 400 for a cursor that is not of this list.
    pub(super) fn place(
        &self,
        r: &Resource,
        request: &ListRequest,
        rule: &Rule,
    ) -> Result<Option<Place>> {
        let Some(text) = &request.cursor else {
            return Ok(None);
        };
        let seal = self.seal(r, request, rule, None);
        let bytes = seal.and_then(|seal| seal.key.open(&seal.list_id()?, text));
        let place = bytes.and_then(|bytes| Place::decode(&bytes, request.order.len() + 1));
        place.map(Some).ok_or_else(|| {
            let detail = "`cursor` is none that this list gave you: it holds for the same address, sort, filters, \
                          archived state and caller only; begin again without it";
            Error::bad_request("cursor", detail)
        })
    }

    /// What the places of a page become cursors by.
    pub(super) fn seal(
        &self,
        r: &Resource,
        request: &ListRequest,
        rule: &Rule,
        place: Option<&Place>,
    ) -> Option<Seal> {
        Some(Seal {
            key: Arc::clone(self.registry.cursors()?),
            list: statement::whole_list(r, request, rule),
            endpoint: r.endpoint,
            db: self.executor().kind(),
            backward: place.is_some_and(|place| place.backward),
            follows: place.is_some() || request.page.offset > 0,
        })
    }
}

/// Seals the places of a page for its list.
pub(super) struct Seal {
    key: Arc<CursorKey>,
    list: Stmt,
    endpoint: &'static str,
    db: DbKind,
    /// Whether the page is read from its end.
    backward: bool,
    /// Whether there is something on the side of the page from which it is read.
    follows: bool,
}

impl Seal {
    /// What the list is: the statement of all its rows, with its values. Scope, filters, archived state and order are
    /// in it, so that none can be forgotten.
    fn list_id(&self) -> Option<ListId> {
        let named = key::of_statement(key::Kind::List, self.endpoint, &[], self.db, &self.list);
        // The same conditions are part of the page's own statement, whose failure is told.
        let (key, _) = named.ok()?;
        Some(*blake3::hash(&key).as_bytes())
    }

    fn cursors(&self, edges: &Edges, rows: usize, limit: usize) -> Option<Cursors> {
        let (behind, before) = (rows > limit, rows > 0 && self.follows);
        if !behind && !before {
            return None;
        }
        let list = self.list_id()?;
        let to = |backward, edge: &[u8]| self.key.seal(&list, &Place::encode(backward, edge));
        let onward = behind.then(|| to(self.backward, &edges.last));
        let back = before.then(|| to(!self.backward, &edges.first));
        Some(match self.backward {
            true => Cursors {
                next: back,
                prev: onward,
            },
            false => Cursors {
                next: onward,
                prev: back,
            },
        })
    }
}

/// The keys of an order with the id at its end, in the direction of the last key.
pub(super) fn with_id(r: &Resource, keys: &[SortKey], backward: bool) -> Vec<SortKey> {
    let id = SortKey {
        column: Arc::new(statement::id(r, Stmt::new())),
        descending: keys.last().is_some_and(|key| key.descending),
        kind: r.ids.column(),
        nullable: false,
    };
    let turned = |key: SortKey| SortKey {
        descending: key.descending != backward,
        ..key
    };
    keys.iter().cloned().chain([id]).map(turned).collect()
}

/// The condition that a row stands behind the place, in the order of `keys`, which ends with the id.
///
/// One comparison of rows, which an index answers, if no key can be null and all go the same way; else one
/// alternative for each key, behind a bound on the first that an index can begin at.
pub(super) fn beyond(sql: Stmt, keys: &[SortKey], place: &Place) -> Stmt {
    let ends: Vec<_> = keys.iter().zip(&place.values).map(End::of).collect();
    let first = &keys[0];
    let plain = |key: &SortKey| !key.nullable && key.descending == first.descending;
    if keys.iter().all(plain) {
        let sql = listed(sql.sql("("), &ends, |sql, end| end.column(sql));
        let sql = sql.sql(if first.descending { ") < (" } else { ") > (" });
        return listed(sql, &ends, |sql, end| sql.frag(end.bound())).sql(")");
    }
    let sql = match ends[0].reaching(sql.sql("(")) {
        (sql, true) => sql.sql(" AND "),
        (sql, false) => sql,
    };
    chain(sql, &ends).sql(")")
}

/// `(a > 1 OR (a = 1 AND (b > 2 OR …)))`
fn chain(sql: Stmt, ends: &[End<'_>]) -> Stmt {
    let Some((end, rest)) = ends.split_first() else {
        return sql.sql("1 = 0");
    };
    let (sql, any) = end.behind(sql.sql("("));
    let sql = end.equal(if any { sql.sql(" OR (") } else { sql.sql("(") });
    chain(sql.sql(" AND "), rest).sql("))")
}

fn listed(mut sql: Stmt, ends: &[End<'_>], each: impl Fn(Stmt, &End<'_>) -> Stmt) -> Stmt {
    for (i, end) in ends.iter().enumerate() {
        sql = each(if i == 0 { sql } else { sql.sql(", ") }, end);
    }
    sql
}

/// A key and its value at the place. Null is greater than every value, on both databases and in both directions.
struct End<'a> {
    key: &'a SortKey,
    value: Option<Frag>,
}

impl<'a> End<'a> {
    fn of((key, value): (&'a SortKey, &Option<Vec<u8>>)) -> Self {
        let value = value.as_ref().and_then(|value| bound(key.kind, value));
        Self { key, value }
    }

    fn column(&self, sql: Stmt) -> Stmt {
        self.key.ordered(sql)
    }

    /// Of a key that is not null; should it be, nothing is behind it.
    fn bound(&self) -> Frag {
        self.value.clone().unwrap_or_else(statement::null)
    }

    /// What stands behind the value; `false`: nothing does, and nothing is appended.
    fn behind(&self, sql: Stmt) -> (Stmt, bool) {
        match (&self.value, self.key.descending) {
            (None, false) => (sql, false),
            (None, true) => (self.column(sql).sql(" IS NOT NULL"), true),
            (Some(value), true) => (self.column(sql).sql(" < ").frag(value.clone()), true),
            (Some(value), false) => {
                let sql = self.column(sql).sql(" > ").frag(value.clone());
                match self.key.nullable {
                    true => (self.column(sql.sql(" OR ")).sql(" IS NULL"), true),
                    false => (sql, true),
                }
            }
        }
    }

    fn equal(&self, sql: Stmt) -> Stmt {
        match &self.value {
            None => self.column(sql).sql(" IS NULL"),
            Some(value) => self.column(sql).sql(" = ").frag(value.clone()),
        }
    }

    /// One range that holds the value and all behind it, if there is one.
    fn reaching(&self, sql: Stmt) -> (Stmt, bool) {
        match (&self.value, self.key.descending) {
            (None, false) => (self.column(sql).sql(" IS NULL"), true),
            (Some(value), true) => (self.column(sql).sql(" <= ").frag(value.clone()), true),
            (Some(value), false) if !self.key.nullable => {
                (self.column(sql).sql(" >= ").frag(value.clone()), true)
            }
            _ => (sql, false),
        }
    }
}

/// The columns that tell a row's place, behind those of a `SELECT`.
pub(super) fn with_places(r: &Resource, select: Frag, keys: &[SortKey]) -> Frag {
    let sql = Stmt::new().frag(select);
    let sql = keys
        .iter()
        .fold(sql, |sql, key| sql.sql(", ").frag(key.column.clone()));
    Arc::new(statement::id(r, sql.sql(", ")))
}

/// Reads the places of a page's first and last row, in the order in which they are read.
pub(super) struct Edges {
    kinds: Vec<ColumnKind>,
    /// Where the columns of the place begin.
    at: usize,
    first: Vec<u8>,
    last: Vec<u8>,
    seal: Option<Seal>,
}

impl Edges {
    /// For the columns of [`with_places`], which begin at `at`.
    pub(super) fn new(r: &Resource, keys: &[SortKey], at: usize, seal: Option<Seal>) -> Self {
        let kinds = keys.iter().map(|key| key.kind);
        Self {
            kinds: kinds.chain([r.ids.column()]).collect(),
            at,
            first: Vec::new(),
            last: Vec::new(),
            seal,
        }
    }

    /// The cursors of a page of at most `limit` rows, after so many.
    pub(super) fn cursors(&self, rows: usize, limit: usize) -> Cursors {
        let seal = self.seal.as_ref();
        seal.and_then(|seal| seal.cursors(self, rows, limit))
            .unwrap_or_default()
    }
}

/// Reads values, and rows, of one database: their types have nothing in common but their methods.
macro_rules! database {
    ($value:ident, $raw:ty, $edge:ident, $row:ty, $db:ty) => {
        impl Edges {
            /// The `n`th row, from 1, of at most `limit`.
            pub(super) fn $edge(
                &mut self,
                row: &$row,
                n: usize,
                limit: usize,
            ) -> deserialize::Result<()> {
                if n != 1 && n != limit {
                    return Ok(());
                }
                let mut place = Vec::with_capacity(40);
                for (i, kind) in self.kinds.iter().enumerate() {
                    let field = row
                        .get(self.at + i)
                        .ok_or("a column of the order is missing")?;
                    Place::push(&mut place, $value(*kind, field.value())?.as_deref());
                }
                if n == limit {
                    self.last.clone_from(&place);
                }
                if n == 1 {
                    self.first = place;
                }
                Ok(())
            }
        }

        fn $value(kind: ColumnKind, raw: Option<$raw>) -> deserialize::Result<Option<Vec<u8>>> {
            fn read<ST, V>(raw: Option<$raw>) -> deserialize::Result<Option<V>>
            where
                ST: diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>,
                V: FromSql<ST, $db>,
            {
                <Option<V> as FromSql<Nullable<ST>, $db>>::from_nullable_sql(raw)
            }
            let whole = |number: Option<i64>| number.map(|n| n.to_le_bytes().to_vec());
            Ok(match kind {
                ColumnKind::Uuid => read::<st::Uuid, Uuid>(raw)?.map(|id| id.as_bytes().to_vec()),
                ColumnKind::Text => read::<st::Text, String>(raw)?.map(String::into_bytes),
                ColumnKind::Bool => whole(read::<st::Bool, bool>(raw)?.map(i64::from)),
                ColumnKind::Int2 => whole(read::<st::SmallInt, i16>(raw)?.map(i64::from)),
                ColumnKind::Int4 => whole(read::<st::Integer, i32>(raw)?.map(i64::from)),
                ColumnKind::Int8 => whole(read::<st::BigInt, i64>(raw)?),
                ColumnKind::Float4 => {
                    read::<st::Float, f32>(raw)?.map(|f| f.to_le_bytes().to_vec())
                }
                ColumnKind::Float8 => {
                    read::<st::Double, f64>(raw)?.map(|f| f.to_le_bytes().to_vec())
                }
                ColumnKind::Decimal { scale, .. } => {
                    let number = read::<st::Decimal<18, 0>, Scaled>(raw)?;
                    whole(number.map(|number| number.units(scale)).transpose()?)
                }
                ColumnKind::Timestamptz => {
                    whole(read::<st::Timestamptz, Timestamp>(raw)?.map(|at| at.micros()))
                }
                ColumnKind::Date => {
                    let date = read::<st::Date, chrono::NaiveDate>(raw)?;
                    date.map(|date| date.to_string().into_bytes())
                }
                ColumnKind::Binary => read::<st::Binary, Vec<u8>>(raw)?,
                ColumnKind::Jsonb => return Err("JSON has no order".into()),
            })
        }
    };
}
database!(pg_value, PgValue<'_>, pg, PgRow, Pg);
database!(
    sqlite_value,
    SqliteValue<'_, '_, '_>,
    sqlite,
    SqliteRow<'_, '_>,
    Sqlite
);

/// Such a value, for a statement; `None` if it is none of this kind, which no sealed one is.
fn bound(kind: ColumnKind, value: &[u8]) -> Option<Frag> {
    let whole = || value.try_into().ok().map(i64::from_le_bytes);
    let text = || std::str::from_utf8(value).ok();
    Some(match kind {
        ColumnKind::Uuid => bind::<st::Uuid, _>(Uuid(uuid::Uuid::from_slice(value).ok()?)),
        ColumnKind::Text => bind::<st::Text, _>(text()?.to_owned()),
        ColumnKind::Bool => bind::<st::Bool, _>(whole()? != 0),
        ColumnKind::Int2 => bind::<st::SmallInt, _>(i16::try_from(whole()?).ok()?),
        ColumnKind::Int4 => bind::<st::Integer, _>(i32::try_from(whole()?).ok()?),
        ColumnKind::Int8 => bind::<st::BigInt, _>(whole()?),
        ColumnKind::Float4 => bind::<st::Float, _>(f32::from_le_bytes(value.try_into().ok()?)),
        ColumnKind::Float8 => bind::<st::Double, _>(f64::from_le_bytes(value.try_into().ok()?)),
        ColumnKind::Decimal { scale, .. } => {
            bind::<st::Decimal<18, 0>, _>(Scaled::new(whole()?, scale))
        }
        ColumnKind::Timestamptz => {
            bind::<st::Timestamptz, _>(Timestamp::from_micros(whole()?).ok()?)
        }
        ColumnKind::Date => bind::<st::Date, _>(text()?.parse::<chrono::NaiveDate>().ok()?),
        ColumnKind::Binary => bind::<st::Binary, _>(value.to_vec()),
        ColumnKind::Jsonb => return None,
    })
}
