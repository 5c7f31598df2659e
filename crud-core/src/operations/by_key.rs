//! Writing the row that has a unique value: changed if it is there, new if not, and always one of both, whoever else
//! does the same. Each try is the write that `update_row` or `create_row` is; for `router::by_key`.

use super::{Context, Row};
use crate::{
    Error, Result,
    db::Tx,
    dto::Assignment,
    entity::UniqueColumn,
    etag::{self, Tags},
    registry::Resource,
};

/// A try fails because the row came or went between the look and the write.
const TRIES: u32 = 5;

/// The row as it is wanted, and when.
pub(crate) struct Wanted {
    /// Of a new row.
    pub(crate) create: Vec<Assignment>,
    /// Of one that is there.
    pub(crate) replace: Vec<Assignment>,
    /// `If-Match`
    pub(crate) matches: Option<Tags>,
    /// `If-None-Match`
    pub(crate) none_matches: Option<Tags>,
}

impl Context<'_> {
    /// Writes the row that has this value, among those that are not archived. Says whether it is new.
    ///
    /// # Errors
    /// As [`update_row`](Self::update_row) and [`create_row`](Self::create_row) have them; 412 and 428.
    pub(crate) async fn put_row(
        &self,
        r: &Resource,
        unique: &UniqueColumn,
        value: &str,
        wanted: Wanted,
    ) -> Result<(Row, bool)> {
        let mut tries = 1;
        loop {
            // A transaction must outlive the refusal of a try.
            self.mark(r, Tx::savepoint).await?;
            let (done, is_new) = match self.find_row(r, unique.is(value), None).await {
                Ok(found) => (self.put_old(r, &found, &wanted).await, false),
                Err(Error::NotFound(_)) => (self.put_new(r, &wanted).await, true),
                Err(error) => return Err(error),
            };
            match done {
                Ok(row) => {
                    self.mark(r, Tx::keep_savepoint).await?;
                    return Ok((row, is_new));
                }
                Err(Error::NotFound(_) | Error::Conflict { .. }) if tries < TRIES => {
                    self.mark(r, Tx::undo_savepoint).await?;
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn put_old(&self, r: &Resource, found: &Row, wanted: &Wanted) -> Result<Row> {
        if let Some(tags) = &wanted.none_matches {
            let tag = etag::masked(&found.id, found.version, &r.mask(self.principal));
            if tags.contains(&tag) {
                return Err(Error::PreconditionFailed { current: Some(tag) });
            }
        }
        if wanted.matches.is_none() && r.if_match_required {
            return Err(Error::PreconditionRequired);
        }
        let expected = (wanted.matches.as_ref()).and_then(|tags| tags.versions(&found.id));
        let set = wanted.replace.clone();
        self.update_row(r, &found.id, set, expected.as_deref())
            .await
    }

    async fn put_new(&self, r: &Resource, wanted: &Wanted) -> Result<Row> {
        if wanted.matches.is_some() {
            return Err(Error::PreconditionFailed { current: None });
        }
        self.create_row(r, wanted.create.clone()).await
    }
}
