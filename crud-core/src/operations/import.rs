//! The rows of a file as new rows, all or none: in one transaction, some hundred at a time, so that a file takes the memory of
//! a part of it. Each row goes the way of `create`; a refusal is named by the line.

use super::{Context, Place, item::on_lines};
use crate::{Result, dto::Assignment, registry::Resource};

/// Rows that are written together.
const PART: usize = 250;

/// The rows of a file: each with the number of its line, and what it sets, or why it is refused.
pub(crate) type Lines<'a> = dyn Iterator<Item = (u64, Result<Vec<Assignment>>)> + Send + 'a;

impl Context<'_> {
    /// Writes all rows, and says how many there were.
    ///
    /// # Errors
    /// As `create` has them, at the number of the line: `/17/title`. The first line that is refused decides.
    pub(crate) async fn import_rows(&self, r: &Resource, lines: &mut Lines<'_>) -> Result<u64> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let done = Box::pin(self.inside(&tx).import_rows(r, lines)).await;
            return self.ended(r, tx, done).await;
        }
        let mut count = 0;
        loop {
            let (mut numbers, mut sets) = (Vec::with_capacity(PART), Vec::with_capacity(PART));
            for (line, set) in (&mut *lines).take(PART) {
                numbers.push(line);
                sets.push(set?);
            }
            if sets.is_empty() {
                return Ok(count);
            }
            let rows = self.create_rows(r, sets).await;
            count += rows.map_err(|error| on_lines(&numbers, error))?.len() as u64;
        }
    }
}
