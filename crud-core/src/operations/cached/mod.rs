//! Reads through the cache.
//!
//! A row is kept once for everyone (`rows`), and the policy is asked about it on every request; a page and a count are
//! kept under the very statement that makes them (`statements`), so that scope, filters, order and key cannot disagree.
//! What a read depends on is read off its SQL. Whatever cannot be answered so goes to the database.

mod rows;
mod statements;
mod values;

use std::sync::Arc;

use super::{Context, Place, fault::database, key::Kind, recover};
use crate::{
    Error, Result,
    cache::{Cache, Dep, Failed},
    db::{Access, Db, DbError, Executor, Stmt},
    registry::{MadeOf, Resource},
};

/// Where a read looks.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    cache: &'a Arc<Cache>,
    db: &'a Db,
}

/// How what a statement brings is kept.
pub(super) struct Named {
    kind: Kind,
    /// Of the rows, if they are some.
    form: [u8; 16],
    /// The part of the lists that it is of.
    part: Option<Dep>,
}

impl Named {
    pub(super) const fn new(kind: Kind, form: [u8; 16]) -> Self {
        let part = None;
        Self { kind, form, part }
    }

    pub(super) fn within(self, part: Option<Dep>) -> Self {
        Self { part, ..self }
    }

    /// What it depends on.
    fn deps(&self, r: &Resource, made_of: &MadeOf) -> Vec<Dep> {
        let mut deps = made_of.deps.to_vec();
        if let (Some(part), true) = (&self.part, made_of.once == Some(r.shape.name)) {
            let whole = Dep::List(r.shape.name.into());
            let lists = deps.iter_mut().filter(|dep| **dep == whole);
            lists.for_each(|list| list.clone_from(part));
        }
        deps
    }
}

impl<'a> Context<'a> {
    /// The cache, if reads of this entity may be answered from it here and now.
    pub(super) fn kept(&self, r: &Resource) -> Option<Kept<'a>> {
        match self.place {
            // A transaction sees its own writes, which nobody else must.
            Place::Db(db) if r.cache_ttl.is_some() => {
                let cache = db.readable_cache()?;
                Some(Kept { cache, db })
            }
            Place::Db(_) | Place::Tx(_) => None,
        }
    }

    /// A load's failure, for one of those who waited for it.
    async fn failed(&self, r: &Resource, failed: Failed) -> Error {
        match failed {
            Failed::Db(error) => database(r, self, again(&error), &[]).await,
            Failed::Other(error) => error.again(),
            Failed::Lost => Error::internal("a load of the cache panicked"),
        }
    }
}

async fn read_into<S: crate::db::Sink>(db: &Db, sql: Stmt, sink: Box<S>) -> Result<Box<S>, Failed> {
    match db.load_into(Access::Read, sql, sink).await {
        Ok(sink) => recover(sink).map_err(|error| Failed::Other(Arc::new(error))),
        Err(error) => Err(Failed::Db(Arc::new(error))),
    }
}

/// The same error for another reader.
fn again(error: &DbError) -> DbError {
    match error {
        DbError::Timeout => DbError::Timeout,
        DbError::Serialization => DbError::Serialization,
        DbError::LockNotAvailable => DbError::LockNotAvailable,
        DbError::Busy(why) => DbError::Busy(why),
        DbError::Unavailable(why) => DbError::Unavailable(why.clone()),
        DbError::Value(why) => DbError::Value(why.clone()),
        other => DbError::Other(other.to_string().into()),
    }
}
