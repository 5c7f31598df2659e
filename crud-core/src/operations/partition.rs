//! `cache_partition`: the lists of one value of a column are cached apart from those of others, so that a write to the
//! lessons of a course leaves the lists of the other courses alone.
//!
//! A list is pinned if one of the conditions which must all hold is that the column equals a value. A write marks the
//! value that its row has, before and after it. The one before is read first and is then a condition of the write
//! itself, which finds no row if the row has moved meanwhile; so it is never another.

use diesel::row::{Field as _, Row as _};

use super::{Context, Place, key};
use crate::{
    Result,
    cache::Dep,
    db::{Access, DbKind, Frag, PgRow, Sink, SqliteRow, Stmt, text},
    dto::Assignment,
    id::{Id, IdKind},
    registry::Resource,
};

/// How often a write looks for a row that moves.
const TRIES: usize = 3;

/// Where a row is: the value of the partition column, or null. The outer `None`: there is no such column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home(Option<Option<Id>>);

/// Where a write has looked for its row.
#[derive(Default)]
pub(super) struct Tried {
    times: usize,
    last: Option<Home>,
}

impl Resource {
    /// The part of the lists to which conditions that must all hold pin one.
    pub(super) fn pinned(&self, conditions: &[Frag]) -> Option<Dep> {
        let (column, kind) = self.partition?;
        let is_it = format!("\"{}\".\"{column}\" = $1", self.shape.name);
        conditions.iter().find_map(|condition| {
            let sql = text(DbKind::Postgres, &Stmt::new().frag(condition.clone())).ok()?;
            let sql = sql.trim();
            let inside = sql.strip_prefix('(').and_then(|sql| sql.strip_suffix(')'));
            if inside.unwrap_or(sql) != is_it {
                return None;
            }
            let (_, value) = key::binds(&**condition).ok()?.pop()?;
            Some(self.part(kind.of_bytes(&value?)?))
        })
    }

    fn part(&self, value: Id) -> Dep {
        Dep::Part(self.shape.name.into(), value)
    }

    /// The parts of a new row: those that its values say.
    pub(super) fn parts_of_new(&self, set: &[Assignment]) -> Vec<Dep> {
        let Some((column, kind)) = self.partition else {
            return Vec::new();
        };
        // Else a default of the database.
        let given = self.given(column, kind, set);
        given.unwrap_or_else(|| vec![Dep::Table(self.shape.name.into())])
    }

    /// The part that these values say, if they do; the whole table, if it cannot be told.
    fn given(&self, column: &str, kind: IdKind, set: &[Assignment]) -> Option<Vec<Dep>> {
        let given = set.iter().find(|given| given.column == column)?;
        let bytes = match key::only_bind(&*given.value) {
            Some((_, None)) => return Some(Vec::new()),
            Some((_, Some(bytes))) => kind.of_bytes(&bytes),
            None => None,
        };
        let part = bytes.map(|value| self.part(value));
        Some(vec![
            part.unwrap_or_else(|| Dep::Table(self.shape.name.into())),
        ])
    }
}

impl Home {
    /// What a write of such a row touches beside the row and the lists of all.
    pub(super) fn deps(&self, r: &Resource, set: &[Assignment]) -> Vec<Dep> {
        let (Some((column, kind)), Some(value)) = (r.partition, &self.0) else {
            return Vec::new();
        };
        let mut deps = r.given(column, kind, set).unwrap_or_default();
        deps.extend(value.clone().map(|value| r.part(value)));
        deps
    }

    /// Has a statement find the row only here.
    pub(super) fn only(&self, r: &Resource, sql: Stmt) -> Stmt {
        let (Some((column, _)), Some(value)) = (r.partition, &self.0) else {
            return sql;
        };
        let sql = sql.sql(" AND ").ident(r.shape.name).sql(".").ident(column);
        match value {
            Some(value) => sql.sql(" = ").frag(value.bound()),
            None => sql.sql(" IS NULL"),
        }
    }
}

impl Context<'_> {
    /// Where a write may look for the row next; `None`: nowhere else. Lists that are not parted are one home, and so are
    /// those that no cache keeps.
    pub(super) async fn next_home(
        &self,
        r: &Resource,
        id: &Id,
        tried: &mut Tried,
    ) -> Result<Option<Home>> {
        tried.times += 1;
        let is_observed = match self.place {
            Place::Db(db) => db.is_observed(),
            Place::Tx(tx) => tx.is_observed(),
        };
        let Some((column, kind)) = r.partition.filter(|_| is_observed) else {
            return Ok((tried.times == 1).then_some(Home(None)));
        };
        if tried.times > TRIES {
            return Ok(None);
        }
        let sql = Stmt::new().sql("SELECT ").ident(column).sql(" FROM ");
        let sql = sql.frag(r.table.clone()).sql(" WHERE \"id\" = ");
        let sink = Box::new(Value { kind, found: None });
        let found = self.load(r, Access::Read, sql.frag(id.bound()), sink);
        let home = found.await?.found.map(|value| Home(Some(value)));
        // Where it was not found, it is not to be found for another reason.
        if home == tried.last {
            return Ok(None);
        }
        tried.last.clone_from(&home);
        Ok(home)
    }
}

/// Reads the column.
struct Value {
    kind: IdKind,
    found: Option<Option<Id>>,
}

macro_rules! sink {
    ($method:ident, $row:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            let field = row.get(0).ok_or("the column is missing")?;
            self.found = Some(self.kind.$method(field.value())?);
            Ok(())
        }
    };
}

impl Sink for Value {
    sink!(pg, PgRow);
    sink!(sqlite, SqliteRow<'_, '_>);
}
