//! Writes to rows of several entities, all or none, in the order in which they are given: each as it would be by
//! itself, in one transaction.

use std::sync::Arc;

use super::{Context, Place, Row, item::placed};
use crate::{Error, Result, dto::Assignment, id::Id, registry::Resource};

/// One write of a batch.
pub(crate) struct Operation {
    pub(crate) resource: Arc<Resource>,
    /// Of the row, which may be one that an operation before this one makes.
    pub(crate) id: Id,
    pub(crate) step: Step,
    /// Whether it refers to a row that an operation before it makes.
    pub(crate) refers: bool,
    /// The version that the row must have.
    pub(crate) version: Option<i64>,
}

/// What it does.
pub(crate) enum Step {
    Create(Vec<Assignment>),
    Update(Vec<Assignment>),
    Archive,
    Restore,
    Delete,
}

impl Context<'_> {
    /// Does all of it; gives each row as it is after its operation, and none where it was deleted.
    ///
    /// # Errors
    /// That of the first operation that is refused, with its place among them; fields of a body stand in `/body`.
    pub(crate) async fn run_batch(&self, operations: Vec<Operation>) -> Result<Vec<Option<Row>>> {
        let Some(first) = operations.first() else {
            return Ok(Vec::new());
        };
        if let Place::Db(db) = self.place {
            let r = Arc::clone(&first.resource);
            let tx = self.begin(&r, db).await?;
            let done = Box::pin(self.inside(&tx).run_batch(operations)).await;
            return self.ended(&r, tx, done).await;
        }
        let mut rows = Vec::with_capacity(operations.len());
        for (index, operation) in operations.into_iter().enumerate() {
            let row = self.run_operation(operation).await;
            rows.push(row.map_err(|error| self.refused_item(index, error))?);
        }
        Ok(rows)
    }

    async fn run_operation(&self, operation: Operation) -> Result<Option<Row>> {
        let Operation {
            resource: r,
            id,
            step,
            refers,
            version,
        } = operation;
        // Beside the transaction such a row does not exist, and would be taken for what is missing.
        let beside = self.beside.filter(|_| !refers);
        let cx = Context { beside, ..*self };
        let expected = version.as_ref().map(std::slice::from_ref);
        let in_body = |error: Error| placed("/body", "", error);
        Ok(Some(match step {
            Step::Create(set) => {
                let row = cx.create_row_as(&r, id, set).await;
                row.map_err(in_body)?
            }
            Step::Update(set) => {
                let row = cx.update_row(&r, &id, set, expected).await;
                row.map_err(in_body)?
            }
            Step::Archive => cx.archive_row(&r, &id, expected).await?,
            Step::Restore => cx.restore_row(&r, &id, expected).await?,
            Step::Delete => {
                cx.delete_row(&r, &id, expected).await?;
                return Ok(None);
            }
        }))
    }
}
