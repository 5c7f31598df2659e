//! What happens around a write for an entity with hooks: its transaction, the row before it, and
//! the hooks themselves. A write of any other entity comes by none of this.

use bytes::Bytes;

use super::{
    Context, Place, Row, database,
    projection::JsonRows,
    row, statement,
    writes::{Expected, before_it, columns},
};
use crate::{
    Error, Result,
    db::{Access, Db, Tx},
    dto::Assignment,
    id::Id,
    policy::{Action, Rule},
    query::Archived,
    registry::Resource,
};

impl<'a> Context<'a> {
    /// `INSERT` between the hooks, in a transaction.
    pub(super) async fn create_with_hooks(
        &self,
        r: &Resource,
        id: &Id,
        set: Vec<Assignment>,
        rule: &Rule,
    ) -> Result<Row> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let row = Box::pin(self.inside(&tx).create_with_hooks(r, id, set, rule)).await?;
            return self.committed(r, tx, row).await;
        }
        let action = Action::Create;
        let set = self.before(r, action, None, set).await?;
        let changed = columns(r, &set);
        let row = self.run_insert(r, id, set, rule).await?;
        self.after(r, action, None, Some(id), changed).await?;
        Ok(row)
    }

    /// `UPDATE` likewise, after what the row was is kept. `None`: it touched no row, and what the hooks did is undone.
    pub(super) async fn change_with_hooks(
        &self,
        r: &Resource,
        action: Action,
        id: &Id,
        set: Vec<Assignment>,
        expected: Expected<'_>,
        rule: &Rule,
    ) -> Result<Option<Row>> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let cx = self.inside(&tx);
            let work = Box::pin(cx.change_with_hooks(r, action, id, set, expected, rule));
            return match work.await? {
                Some(row) => self.committed(r, tx, Some(row)).await,
                None => Ok(None),
            };
        }
        let archived = before_it(action);
        let old = self.old(r, id, archived, rule).await?;
        let set = match old.is_some() {
            true => self.before(r, action, old.clone(), set).await?,
            false => set,
        };
        let written = columns(r, &set);
        self.keep(r, std::slice::from_ref(id), archived, rule, expected)
            .await?;
        let row = self.run_update(r, action, id, set, expected, rule).await?;
        if row.is_some() {
            self.after(r, action, old, Some(id), written).await?;
        }
        Ok(row)
    }

    /// `DELETE` likewise. `false`: it touched no row, and what the hooks did is undone.
    pub(super) async fn delete_with_hooks(
        &self,
        r: &Resource,
        id: &Id,
        expected: Expected<'_>,
        rule: &Rule,
    ) -> Result<bool> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let cx = self.inside(&tx);
            let work = Box::pin(cx.delete_with_hooks(r, id, expected, rule));
            return match work.await? {
                true => self.committed(r, tx, true).await,
                false => Ok(false),
            };
        }
        let action = Action::Delete;
        let old = self.old(r, id, Archived::Any, rule).await?;
        if old.is_some() {
            self.before(r, action, old.clone(), Vec::new()).await?;
        }
        self.keep(r, std::slice::from_ref(id), Archived::Any, rule, expected)
            .await?;
        let deleted = self.run_delete(r, id, expected, rule).await?;
        if deleted {
            self.keep_end(r, std::slice::from_ref(id)).await?;
            self.after(r, action, old, None, Vec::new()).await?;
        }
        Ok(deleted)
    }

    pub(super) async fn begin(&self, r: &Resource, db: &Db) -> Result<Tx> {
        match db.begin().await {
            Ok(tx) => Ok(tx),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }

    /// The same caller inside a transaction.
    pub(crate) const fn inside<'t>(&self, tx: &'t Tx) -> Context<'t>
    where
        'a: 't,
    {
        Context {
            beside: self.beside,
            fresh: self.fresh,
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
        id: &Id,
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
        new: Option<&Id>,
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
    async fn whole(&self, r: &Resource, id: &Id, sql: crate::db::Stmt) -> Result<Option<Bytes>> {
        let sink = JsonRows::one(r.get.clone(), false);
        // As a write, so that SQLite asks the connection that has the transaction.
        let rows = self.load(r, Access::Write, sql, sink).await?;
        Ok(row(id.clone(), *rows).map(|row| row.json))
    }

    /// What a failed hook leaves: nothing.
    fn undone(&self, error: Error) -> Error {
        if let Place::Tx(tx) = self.place {
            tx.doom();
        }
        error
    }
}
