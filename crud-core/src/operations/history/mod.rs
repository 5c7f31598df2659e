//! What a row was: entities with `history` keep each version that another takes the place of, in the transaction that
//! writes that. The latest version is the row itself, so that creating and importing cost nothing.
//!
//! A version is read as the row is: kept whole, it becomes a row of the entity's table again (`sql`), and the ordinary
//! projection, mask and policy are asked about it, and the policy about the row of today too.

mod kept;
mod sql;
mod versions;

use super::{
    Context, Listing, Row, database,
    integers::Integers,
    keyset::Cursors,
    projection::JsonRows,
    reads::{self, envelope},
    row,
};
use crate::{
    Result, Timestamp,
    db::{Access, Stmt},
    id::Id,
    policy::{Action, Rule},
    query::{Archived, Page, Total},
    registry::Resource,
};

pub(crate) use self::kept::Kept;
pub(super) use self::sql::first_version;
use self::versions::Versions;

impl Context<'_> {
    /// Keeps the version that a write under these very conditions is about to take the place of. In its transaction.
    pub(super) async fn keep(
        &self,
        r: &Resource,
        ids: &[Id],
        archived: Archived,
        rule: &Rule,
        versions: Option<&[i64]>,
    ) -> Result<()> {
        let Some(kept) = &r.history else {
            return Ok(());
        };
        self.note(r, sql::keep(r, kept, ids, archived, rule, versions))
            .await
    }

    /// Keeps that rows are gone, whose last versions are kept already.
    pub(super) async fn keep_end(&self, r: &Resource, ids: &[Id]) -> Result<()> {
        match &r.history {
            Some(_) => self.note(r, sql::end(r, ids, self.principal.id())).await,
            None => Ok(()),
        }
    }

    async fn note(&self, r: &Resource, sql: Stmt) -> Result<()> {
        match self.executor().execute(sql).await {
            Ok(_) => Ok(()),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }

    /// Reads a row as it was at a time.
    ///
    /// # Errors
    /// 404 if there was none then, or the principal may not see it, or may not see the row as it is now. What is
    /// deleted is seen by whom the policy lets see every row.
    pub(crate) async fn get_row_as_of(
        &self,
        r: &Resource,
        kept: &Kept,
        id: &Id,
        at: Timestamp,
        archived: Archived,
        fields: Option<&[&'static str]>,
    ) -> Result<Row> {
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        let projection = r.get.shown(&r.mask(self.principal), fields);
        let sql = sql::as_of(r, kept, &projection.select, id, at, archived, &rule);
        let sink = JsonRows::one(projection, false);
        let found = row(id.clone(), *self.load(r, Access::Read, sql, sink).await?);
        found.ok_or_else(|| r.missing(id))
    }

    /// Reads a page of a row's versions, the latest first.
    ///
    /// # Errors
    /// As [`get_row_as_of`](Self::get_row_as_of).
    pub(crate) async fn versions(
        &self,
        r: &Resource,
        kept: &Kept,
        id: &Id,
        page: Page,
        wanted: Total,
    ) -> Result<Listing> {
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        let mask = r.mask(self.principal);
        let projection = r.get.masked(&mask);
        let sql = sql::versions(r, kept, &projection.select, id, page, &rule);
        let sink = Box::new(Versions::new(projection, &mask, page.limit));
        let found = self.load(r, Access::Read, sql, sink).await?;
        // Of a page beyond the last one nothing tells whether there is a row.
        let total = match wanted == Total::Exact || found.rows == 0 {
            true => {
                let sql = sql::count(r, kept, id, &rule);
                let count = self.load(r, Access::Read, sql, Box::new(Integers::default()));
                match count.await?.first().unwrap_or_default() {
                    0 => return Err(r.missing(id)),
                    rows => (wanted == Total::Exact).then_some(reads::Total { rows, exact: true }),
                }
            }
            false => None,
        };
        let items = reads::Items {
            rows: found.rows,
            json: found.out.into(),
            cursors: Cursors::default(),
        };
        Ok(envelope(items, total, page, wanted))
    }
}
