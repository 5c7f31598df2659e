//! What happens around a write for an entity with hooks: its transaction, the row before it, and
//! the hooks themselves. For every other entity all of this is nothing.

use bytes::Bytes;

use super::{Context, Place, database, projection::JsonRows, row, statement};
use crate::{
    Error, Result, Uuid,
    db::{Access, Tx},
    dto::Assignment,
    policy::{Action, Rule},
    query::Archived,
    registry::Resource,
};

impl<'a> Context<'a> {
    /// A transaction for a write that needs one and is in none yet.
    pub(super) async fn transaction(&self, r: &Resource) -> Result<Option<Tx>> {
        let (Place::Db(db), true) = (self.place, r.has_hooks()) else {
            return Ok(None);
        };
        match db.begin().await {
            Ok(tx) => Ok(Some(tx)),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }

    /// The same caller inside a transaction.
    pub(super) const fn inside<'t>(&self, tx: &'t Tx) -> Context<'t>
    where
        'a: 't,
    {
        Context {
            beside: self.beside,
            ..Context::within(self.registry, tx, self.principal)
        }
    }

    /// Commits, and gives what was done. Without this the transaction rolls back by itself.
    pub(super) async fn committed<T>(&self, r: &Resource, tx: Tx, done: T) -> Result<T> {
        match tx.commit().await {
            Ok(()) => Ok(done),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }

    /// The row that a write is about to change, locked; `None` if there is none, or no hook asks.
    pub(super) async fn old(
        &self,
        r: &Resource,
        id: Uuid,
        archived: Archived,
        rule: &Rule,
    ) -> Result<Option<Bytes>> {
        if !r.has_hooks() {
            return Ok(None);
        }
        let sql = statement::lock(r, id, archived, rule);
        self.whole(r, id, sql).await
    }

    /// Lets the entity complete or refuse a write.
    pub(super) async fn before(
        &self,
        r: &Resource,
        action: Action,
        old: Option<Bytes>,
        set: Vec<Assignment>,
    ) -> Result<Vec<Assignment>> {
        let Some(hook) = r.before_write else {
            return Ok(set);
        };
        let done = hook(*self, action, old, set).await;
        done.map_err(|error| self.undone(error))
    }

    /// Lets the entity follow a write up, or refuse it after all.
    pub(super) async fn after(
        &self,
        r: &Resource,
        action: Action,
        old: Option<Bytes>,
        new: Option<Uuid>,
        changed: Vec<&'static str>,
    ) -> Result<()> {
        let Some(hook) = r.after_write else {
            return Ok(());
        };
        let new = match new {
            Some(id) => {
                let sql = statement::get(r, &r.get.select, id, Archived::Any, &Rule::ALWAYS);
                self.whole(r, id, sql).await?
            }
            None => None,
        };
        let done = hook(*self, action, old, new, changed).await;
        done.map_err(|error| self.undone(error))
    }

    /// A row with every field, whatever the caller may see of it.
    async fn whole(&self, r: &Resource, id: Uuid, sql: crate::db::Stmt) -> Result<Option<Bytes>> {
        let sink = JsonRows::one(r.get.clone(), false);
        // As a write, so that SQLite asks the connection that has the transaction.
        let rows = self.load(r, Access::Write, sql, sink).await?;
        Ok(row(id, *rows).map(|row| row.json))
    }

    /// What a failed hook leaves: nothing.
    fn undone(&self, error: Error) -> Error {
        if let Place::Tx(tx) = self.place {
            tx.doom();
        }
        error
    }
}
