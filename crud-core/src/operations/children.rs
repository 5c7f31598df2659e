//! A new row with rows that belong to it, all or none, in one transaction: the row as `create` writes it, and then the rows
//! of each list as a bulk does, by a few statements however many there are.

use std::sync::Arc;

use super::{Context, Place, Row, item::placed, projection::JsonRows, row, statement};
use crate::{
    Error, Result, db::Access, dto::Assignment, id::Id, policy::Rule, query::Archived,
    registry::Resource,
};

/// New rows of a list of the row that they come with, whose id they have already.
pub(crate) struct Children {
    /// The relation's.
    pub(crate) name: &'static str,
    pub(crate) of: Arc<Resource>,
    pub(crate) sets: Vec<Vec<Assignment>>,
}

impl Context<'_> {
    /// Writes a new row under an id that is new as well, and what belongs to it.
    ///
    /// # Errors
    /// Those of [`create_row`](Self::create_row) for each; of a child at its place: `/modules/3/title`.
    pub(crate) async fn create_row_with(
        &self,
        r: &Resource,
        id: Id,
        set: Vec<Assignment>,
        children: Vec<Children>,
    ) -> Result<Row> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let cx = self.inside(&tx);
            let done = Box::pin(cx.create_row_with(r, id, set, children)).await;
            return self.ended(r, tx, done).await;
        }
        self.create_row_as(r, id.clone(), set).await?;
        let cx = Context {
            fresh: Some(&id),
            ..*self
        };
        for Children { name, of, sets } in children {
            let at = format!("/{name}");
            let written = cx.create_rows(&of, sets).await;
            written.map_err(|error| placed(&at, &at, error))?;
        }
        self.as_it_is(r, id.clone()).await
    }

    /// The row after its children are there: it may have fields that count them, and their hooks may have changed it.
    async fn as_it_is(&self, r: &Resource, id: Id) -> Result<Row> {
        let projection = r.get.masked(&r.mask(self.principal));
        let sql = statement::get(r, &projection.select, &id, Archived::Any, &Rule::ALWAYS);
        // As a write, so that SQLite asks the connection that has the transaction.
        let rows = self.load(r, Access::Write, sql, JsonRows::one(projection, false));
        row(id, *rows.await?).ok_or_else(|| Error::internal("a new row is gone"))
    }
}
