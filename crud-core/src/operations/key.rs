//! The names of cached statements: their text and their values, so that a body and the statement that made it cannot
//! disagree.

use diesel::{
    pg::{Pg, PgMetadataLookup, PgTypeMetadata},
    query_builder::{QueryFragment, bind_collector::RawBytesBindCollector},
};

use crate::{
    db::{DbKind, DbResult, Dialect, Fragment, Stmt, text},
    id::Id,
};

/// Changes when the form of the bodies does.
const FORM: u8 = 3;

/// What an entry holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A whole row, for everyone.
    Row = 1,
    /// A row as one statement selects it.
    Get = 2,
    /// The items of a page.
    Page = 3,
    /// A number of rows.
    Count = 4,
    /// A list, for its cursors.
    List = 5,
    /// The items of a page that is read from its end.
    PageBack = 6,
    /// The groups of a list.
    Aggregate = 7,
    /// Rows with the keys of what belongs to them.
    Keyed = 8,
    /// The same, of a page that is read from its end.
    KeyedBack = 9,
    /// The rows that a condition finds.
    Found = 10,
}

/// A statement's key and its text; `form` is that of the rows, if they are some.
pub(super) fn of_statement(
    kind: Kind,
    endpoint: &str,
    form: &[u8],
    db: DbKind,
    stmt: &Stmt,
) -> DbResult<(Vec<u8>, String)> {
    let sql = text(db, stmt)?;
    let mut key = begin(kind, endpoint, form, sql.len() + 64);
    key.extend_from_slice(sql.as_bytes());
    key.push(0);
    // The same bytes for both databases: they only name the values, and no two values share them.
    for (oid, bind) in binds(stmt)? {
        key.extend_from_slice(&oid.to_le_bytes());
        let length = bind.as_ref().map_or(u64::MAX, |bind| bind.len() as u64);
        key.extend_from_slice(&length.to_le_bytes());
        key.extend_from_slice(bind.as_deref().unwrap_or_default());
    }
    Ok((key, sql))
}

/// A row's key.
pub(super) fn of_row(endpoint: &str, form: &[u8], id: &Id) -> Vec<u8> {
    let mut key = begin(Kind::Row, endpoint, form, 16);
    id.with_bytes(|bytes| key.extend_from_slice(bytes));
    key
}

fn begin(kind: Kind, endpoint: &str, form: &[u8], more: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(endpoint.len() + form.len() + more + 3);
    key.extend_from_slice(&[FORM, kind as u8]);
    key.extend_from_slice(endpoint.as_bytes());
    key.push(0);
    key.extend_from_slice(form);
    key
}

/// A bound value as PostgreSQL gets it: the type's number and the bytes; no bytes for NULL.
pub(crate) type Bind = (u32, Option<Vec<u8>>);

/// The bound values of a fragment, in their order.
pub(crate) fn binds(fragment: &(impl Fragment + ?Sized)) -> DbResult<Vec<Bind>> {
    let mut collector = RawBytesBindCollector::<Pg>::new();
    let collected =
        QueryFragment::<Pg>::collect_binds(fragment, &mut collector, &mut NoLookup, &Pg);
    collected.map_err(|error| crate::db::DbError::Other(Box::new(error)))?;
    let oids = collector
        .metadata
        .iter()
        .map(|metadata| metadata.oid().unwrap_or(0));
    Ok(oids.zip(collector.binds).collect())
}

/// The value of a fragment that is one bound value and nothing else.
pub(crate) fn only_bind(fragment: &dyn Fragment) -> Option<Bind> {
    let sql = Pg::render(fragment).ok()?;
    if sql.trim() != "$1" {
        return None;
    }
    binds(fragment).ok()?.pop()
}

/// Types of an extension or of one's own have no number that is the same everywhere; zero for all of them.
struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}
