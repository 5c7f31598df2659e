//! Rows with the keys of what belongs to them, and the objects that they become.

use std::sync::Arc;

use bytes::Bytes;
use diesel::row::{Field as _, Row as _};

use super::plan::Include;
use crate::{
    db::{Frag, PgRow, Sink, SqliteRow, Stmt},
    id::{Id, IdKind},
    operations::{
        projection::{JsonRows, Projection},
        reads::Items,
    },
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

/// Reads rows with the keys behind their columns.
pub(super) struct Keyed {
    rows: Box<JsonRows>,
    /// Where the keys begin, and what they are.
    at: usize,
    kinds: Vec<IdKind>,
    spans: Vec<(usize, usize)>,
    keys: Vec<Vec<Option<Id>>>,
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

    /// See [`Projection::form`].
    pub(super) fn form(&self) -> [u8; 16] {
        self.rows.form()
    }

    pub(super) fn kinds(&self) -> &[IdKind] {
        &self.kinds
    }
}

/// Such rows.
pub(super) struct Found {
    pub(super) page: Items,
    spans: Vec<(usize, usize)>,
    pub(super) keys: Vec<Vec<Option<Id>>>,
}

impl From<Keyed> for Found {
    fn from(read: Keyed) -> Self {
        Self {
            page: read.rows.into_page(false),
            spans: read.spans,
            keys: read.keys,
        }
    }
}

/// Where each row stands, and its keys.
type Places = Vec<((usize, usize), Vec<Option<String>>)>;

impl Found {
    pub(super) fn objects(&self) -> Vec<Object> {
        let object = |(&(start, end), keys): (&(usize, usize), &Vec<Option<Id>>)| {
            let json = self.page.json.get(start..end).unwrap_or_default();
            Object {
                link: keys.first().cloned().flatten(),
                json: json.strip_prefix(b",").unwrap_or(json).to_vec(),
            }
        };
        self.spans.iter().zip(&self.keys).map(object).collect()
    }

    /// As the cache keeps it: the length of the places, the places, the page.
    pub(super) fn encode(&self) -> Vec<u8> {
        let text = |key: &Option<Id>| key.as_ref().map(ToString::to_string);
        let texts = |keys: &Vec<Option<Id>>| keys.iter().map(text).collect();
        let keys = self.keys.iter().map(texts);
        let places: Places = self.spans.iter().copied().zip(keys).collect();
        // Numbers and texts are always JSON.
        let places = serde_json::to_vec(&places).unwrap_or_default();
        let mut body = (places.len() as u64).to_le_bytes().to_vec();
        body.extend_from_slice(&places);
        body.extend_from_slice(&self.page.encode());
        body
    }

    /// From the cache; `None` if it is none.
    pub(super) fn decode(body: &Bytes, kinds: &[IdKind]) -> Option<Self> {
        let length = u64::from_le_bytes(*body.first_chunk()?);
        let at = 8_usize.checked_add(usize::try_from(length).ok()?)?;
        let places: Places = serde_json::from_slice(body.get(8..at)?).ok()?;
        let key = |(text, kind): (Option<String>, &IdKind)| match text {
            Some(text) => kind.parse(&text).map(Some),
            None => Some(None),
        };
        let mut found = Self {
            page: Items::decode(&body.slice(at..)),
            spans: Vec::with_capacity(places.len()),
            keys: Vec::with_capacity(places.len()),
        };
        for (span, keys) in places {
            found.spans.push(span);
            let keys = keys.into_iter().zip(kinds).map(key);
            found.keys.push(keys.collect::<Option<_>>()?);
        }
        Some(found)
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
