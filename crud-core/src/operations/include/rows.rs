//! Rows with the keys of what belongs to them, and the objects that they become.

use std::sync::Arc;

use diesel::{
    deserialize::FromSql,
    pg::Pg,
    row::{Field as _, Row as _},
    sql_types::Nullable,
    sqlite::Sqlite,
};

use super::plan::Include;
use crate::{
    Uuid,
    db::{Frag, PgRow, Sink, SqliteRow, Stmt, bind},
    operations::projection::{JsonRows, Projection},
    registry::Resource,
    relation::{Relation, RelationKind},
    sql_types as st,
};

/// A row's JSON, still open at its end.
pub(super) struct Object {
    /// Its first key.
    pub(super) link: Option<Uuid>,
    pub(super) json: Vec<u8>,
}

impl Object {
    pub(super) fn put(&mut self, relation: &Relation, found: &[Vec<u8>]) {
        // The brace that closes the object.
        self.json.pop();
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(relation.name.as_bytes());
        self.json.extend_from_slice(b"\":");
        match (relation.is_many(), found) {
            (true, rows) => {
                self.json.push(b'[');
                self.json.extend_from_slice(&rows.join(&b','));
                self.json.push(b']');
            }
            (false, [one, ..]) => self.json.extend_from_slice(one),
            (false, []) => self.json.extend_from_slice(b"null"),
        }
        self.json.push(b'}');
    }
}

/// The columns of an answer, and behind them the link and the keys of what is included.
pub(super) fn with_keys(
    r: &Resource,
    projection: &Projection,
    link: Option<&'static str>,
    includes: &[Include],
) -> Frag {
    let keys = includes.iter().map(|include| match include.relation.kind {
        RelationKind::HasMany(_) => "id",
        RelationKind::BelongsTo(column) => column,
    });
    let sql = Stmt::new().frag(projection.select.clone());
    let sql = link.into_iter().chain(keys).fold(sql, |sql, column| {
        sql.sql(", ").ident(r.shape.name).sql(".").ident(column)
    });
    Arc::new(sql)
}

/// `(?, ?, …)`. The number of places is a power of two, so that few statements are prepared.
pub(super) fn within(keys: &[Uuid]) -> Stmt {
    let last = keys.last().copied().unwrap_or_default();
    let padding = std::iter::repeat_n(last, keys.len().next_power_of_two() - keys.len());
    let mut sql = Stmt::with_capacity(2 * keys.len() + 2).sql("(");
    for (i, key) in keys.iter().copied().chain(padding).enumerate() {
        sql = sql
            .sql(if i == 0 { "" } else { ", " })
            .frag(bind::<st::Uuid, _>(key));
    }
    sql.sql(")")
}

/// Rows with the keys behind their columns.
pub(super) struct Keyed {
    pub(super) rows: Box<JsonRows>,
    /// Where the keys begin, and how many there are.
    at: usize,
    width: usize,
    spans: Vec<(usize, usize)>,
    pub(super) keys: Vec<Vec<Option<Uuid>>>,
}

impl Keyed {
    pub(super) fn new(
        rows: Box<JsonRows>,
        of: &Projection,
        links: usize,
        includes: &[Include],
    ) -> Box<Self> {
        Box::new(Self {
            rows,
            at: of.len(),
            width: links + includes.len(),
            spans: Vec::new(),
            keys: Vec::new(),
        })
    }

    pub(super) fn objects(&self) -> Vec<Object> {
        let object = |(&(start, end), keys): (&(usize, usize), &Vec<Option<Uuid>>)| {
            let json = &self.rows.out[start..end];
            Object {
                link: keys.first().copied().flatten(),
                json: json.strip_prefix(b",").unwrap_or(json).to_vec(),
            }
        };
        self.spans.iter().zip(&self.keys).map(object).collect()
    }
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            let start = self.rows.out.len();
            self.rows.$method(row)?;
            let end = self.rows.out.len();
            if end == start {
                return Ok(()); // beyond the page
            }
            let mut keys = Vec::with_capacity(self.width);
            for i in self.at..self.at + self.width {
                let field = row.get(i).ok_or("a key is missing")?;
                keys.push(
                    <Option<Uuid> as FromSql<Nullable<st::Uuid>, $db>>::from_nullable_sql(
                        field.value(),
                    )?,
                );
            }
            self.spans.push((start, end));
            self.keys.push(keys);
            Ok(())
        }
    };
}

impl Sink for Keyed {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
