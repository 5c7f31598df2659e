//! A write whose unique value was made by the server, and which another write forestalled: the database makes
//! the next value when the statement runs again. In a transaction the statement has a savepoint, since its
//! failure would end the transaction.

use super::{Context, database, projection::JsonRows};
use crate::{
    Error, Result,
    db::{DbResult, Stmt, Tx},
    dto::Assignment,
    policy::{Action, Rule},
    registry::Resource,
};

/// A try loses to a write that succeeded, so that as many in a row need as many writers at once.
const TRIES: u32 = 100;

/// Whether the server makes a value of this write.
pub(super) fn is_numbered(r: &Resource, set: &[Assignment]) -> bool {
    set.iter()
        .any(|a| a.is_numbered && r.numbered.contains(&a.column))
}

impl Context<'_> {
    /// As [`write_once`](Self::write_once), until no other write is in the way.
    pub(super) async fn write_numbered(
        &self,
        r: &Resource,
        action: Action,
        rule: &Rule,
        sql: Stmt,
        rows: Box<JsonRows>,
        set: &[Assignment],
    ) -> Result<Box<JsonRows>> {
        for _ in 1..TRIES {
            self.mark(r, Tx::savepoint).await?;
            let (sql, rows) = (sql.clone(), rows.again());
            match self.write_once(r, action, rule, sql, rows, set).await {
                Ok(rows) => {
                    self.mark(r, Tx::keep_savepoint).await?;
                    return Ok(rows);
                }
                Err(error) if is_forestalled(r, &error) => {
                    self.mark(r, Tx::undo_savepoint).await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.write_once(r, action, rule, sql, rows, set).await
    }

    /// Does this to the transaction, if there is one.
    pub(super) async fn mark(
        &self,
        r: &Resource,
        step: impl AsyncFnOnce(&Tx) -> DbResult<()>,
    ) -> Result<()> {
        let Some(tx) = self.tx() else { return Ok(()) };
        match step(tx).await {
            Ok(()) => Ok(()),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }
}

/// Whether the refused value is one that the server made.
fn is_forestalled(r: &Resource, error: &Error) -> bool {
    let Error::Conflict {
        code: "unique",
        errors,
        ..
    } = error
    else {
        return false;
    };
    let columns = errors
        .iter()
        .filter_map(|e| e.pointer.as_deref()?.strip_prefix('/'));
    columns
        .into_iter()
        .any(|column| r.numbered.contains(&column))
}
