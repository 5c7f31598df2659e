//! Rows with the keys of what belongs to them, and the objects that they become.

use std::sync::Arc;

use diesel::row::{Field as _, Row as _};

use super::plan::Include;
use crate::{
    db::{Frag, PgRow, Sink, SqliteRow, Stmt},
    id::{Id, IdKind},
    operations::projection::{JsonRows, Projection},
    registry::Resource,
    relation::{Relation, RelationKind},
};

/// A row's JSON, still open at its end.
pub(super) struct Object {
    /// Its first key.
    pub(super) link: Option<Id>,
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
    let sql = Stmt::new().frag(projection.select.clone());
    let sql = columns(link, includes).fold(sql, |sql, column| {
        sql.sql(", ").ident(r.shape.name).sql(".").ident(column)
    });
    Arc::new(sql)
}

/// The columns of the link and the keys.
fn columns(link: Option<&'static str>, includes: &[Include]) -> impl Iterator<Item = &'static str> {
    let keys = includes.iter().map(|include| match include.relation.kind {
        RelationKind::HasMany(_) => "id",
        RelationKind::BelongsTo(column) => column,
    });
    link.into_iter().chain(keys)
}

/// What they hold.
pub(super) fn kinds(r: &Resource, link: Option<&'static str>, includes: &[Include]) -> Vec<IdKind> {
    // A relation stands on a column that holds ids.
    let kind = |column| IdKind::of(r.kind(column)).unwrap_or(r.ids);
    columns(link, includes).map(kind).collect()
}

/// `(?, ?, …)`. The number of places is a power of two, so that few statements are prepared.
pub(super) fn within(keys: &[Id]) -> Stmt {
    let keys: Vec<_> = keys.iter().map(Id::bound).collect();
    Stmt::with_capacity(4 * keys.len() + 2).among(&keys)
}

/// Rows with the keys behind their columns.
pub(super) struct Keyed {
    pub(super) rows: Box<JsonRows>,
    /// Where the keys begin, and what they are.
    at: usize,
    kinds: Vec<IdKind>,
    spans: Vec<(usize, usize)>,
    pub(super) keys: Vec<Vec<Option<Id>>>,
}

impl Keyed {
    pub(super) fn new(rows: Box<JsonRows>, at: usize, kinds: Vec<IdKind>) -> Box<Self> {
        Box::new(Self {
            rows,
            at,
            kinds,
            spans: Vec::new(),
            keys: Vec::new(),
        })
    }

    pub(super) fn objects(&self) -> Vec<Object> {
        let object = |(&(start, end), keys): (&(usize, usize), &Vec<Option<Id>>)| {
            let json = &self.rows.out[start..end];
            Object {
                link: keys.first().cloned().flatten(),
                json: json.strip_prefix(b",").unwrap_or(json).to_vec(),
            }
        };
        self.spans.iter().zip(&self.keys).map(object).collect()
    }
}

macro_rules! sink {
    ($method:ident, $row:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            let start = self.rows.out.len();
            self.rows.$method(row)?;
            let end = self.rows.out.len();
            if end == start {
                return Ok(()); // beyond the page
            }
            let mut keys = Vec::with_capacity(self.kinds.len());
            for (i, kind) in self.kinds.iter().enumerate() {
                let field = row.get(self.at + i).ok_or("a key is missing")?;
                keys.push(kind.$method(field.value())?);
            }
            self.spans.push((start, end));
            self.keys.push(keys);
            Ok(())
        }
    };
}

impl Sink for Keyed {
    sink!(pg, PgRow);
    sink!(sqlite, SqliteRow<'_, '_>);
}
