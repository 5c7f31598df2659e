//! The ids of new rows, which are known before the rows are written: cache, hooks and batches name a row by its id.
//!
//! A UUID is made here. An integer is taken from what the database numbers the table by: its sequence on PostgreSQL,
//! `sqlite_sequence` on SQLite, so that whoever leaves the id out of an `INSERT` of his own gets another one. A text is
//! the body's, or what `before_create` sets.

use super::{Context, Integers, database, item::indexed, key::only_bind};
use crate::{
    Error, Result, Uuid,
    db::{Access, DbKind, Effect, Stmt},
    dto::Assignment,
    id::{Id, IdKind, is_id},
    registry::Resource,
    sql_types as st,
};

/// The id that a body or the entity gives a row.
///
/// # Errors
/// 422 for one that is none; 422 for none where the server makes none.
pub(crate) fn given(r: &Resource, set: &[Assignment]) -> Result<Option<Id>> {
    let Some(id) = set.iter().find(|a| a.column == "id") else {
        return match r.ids {
            IdKind::Uuid | IdKind::Int => Ok(None),
            IdKind::Text if r.create_shape.fields.iter().any(|field| field.name == "id") => {
                Err(Error::invalid("/id", "required", "Id is required"))
            }
            IdKind::Text => Err(Error::internal(format!(
                "nothing names a new `{}`: give its create DTO a field `id`, or set it in `before_create`",
                r.name
            ))),
        };
    };
    let bytes = only_bind(&*id.value).and_then(|(_, bytes)| bytes);
    let id = bytes.and_then(|bytes| match r.ids {
        IdKind::Uuid => uuid::Uuid::from_slice(&bytes)
            .ok()
            .map(|id| Uuid(id).into()),
        IdKind::Int => Some(i64::from_be_bytes(bytes.try_into().ok()?).into()),
        IdKind::Text => String::from_utf8(bytes).ok().map(Id::from),
    });
    match id {
        None => Err(Error::internal("an id is set to what is no value")),
        Some(Id::Text(text)) if !is_id(&text) => {
            let detail = format!("Id must be {}", r.ids.words());
            Err(Error::invalid("/id", "format", detail))
        }
        Some(id) if r.has_route_named(&id) => {
            let detail = format!("Id must not be `{id}`, which is a path of its own");
            Err(Error::invalid("/id", "reserved", detail))
        }
        id => Ok(id),
    }
}

/// Takes the id out of a change, which may say it again but not otherwise.
///
/// # Errors
/// 422 for another one.
pub(super) fn unchanged(r: &Resource, id: &Id, set: &mut Vec<Assignment>) -> Result<()> {
    if !set.iter().any(|a| a.column == "id") {
        return Ok(());
    }
    if let Some(other) = given(r, set)?.filter(|other| other != id) {
        let detail = format!("`id` is `{other}` here, and `{id}` of the row: it cannot change");
        return Err(Error::invalid("/id", "path", detail));
    }
    set.retain(|a| a.column != "id");
    Ok(())
}

impl Context<'_> {
    /// The id of a new row.
    ///
    /// # Errors
    /// As [`given`]; those of the database.
    pub(crate) async fn new_id(&self, r: &Resource, set: &[Assignment]) -> Result<Id> {
        match given(r, set)? {
            Some(id) => Ok(id),
            None => self.fresh_id(r).await,
        }
    }

    async fn fresh_id(&self, r: &Resource) -> Result<Id> {
        if r.ids == IdKind::Uuid {
            return Ok(Id::Uuid(Uuid::now_v7()));
        }
        let ids = Box::pin(self.numbers(r, 1)).await?;
        let id = ids.first().copied().map(Id::Int);
        id.ok_or_else(|| Error::internal("the database gave no id"))
    }

    /// The ids of new rows.
    ///
    /// # Errors
    /// As [`given`] of each, with its index; those of the database.
    pub(super) async fn new_ids(&self, r: &Resource, sets: &[Vec<Assignment>]) -> Result<Vec<Id>> {
        let mut known = Vec::with_capacity(sets.len());
        for (index, set) in sets.iter().enumerate() {
            known.push(given(r, set).map_err(|error| indexed(index, error))?);
        }
        let missing = known.iter().filter(|id| id.is_none()).count();
        let mut made = self.fresh_ids(r, missing).await?.into_iter();
        let ids: Option<Vec<_>> = (known.into_iter())
            .map(|id| id.or_else(|| made.next()))
            .collect();
        ids.ok_or_else(|| Error::internal("the database gave too few ids"))
    }

    /// So many ids that no row has.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn fresh_ids(&self, r: &Resource, count: usize) -> Result<Vec<Id>> {
        if r.ids == IdKind::Uuid {
            return Ok((0..count).map(|_| Id::Uuid(Uuid::now_v7())).collect());
        }
        match count {
            0 => Ok(Vec::new()),
            _ => {
                let numbers = Box::pin(self.numbers(r, count)).await?;
                Ok(numbers.into_iter().map(Id::Int).collect())
            }
        }
    }

    /// Numbers that the database gives to nobody else.
    async fn numbers(&self, r: &Resource, count: usize) -> Result<Vec<i64>> {
        let count = i64::try_from(count).map_err(Error::internal)?;
        match self.executor().kind() {
            DbKind::Postgres => self.of_sequence(r, count).await,
            DbKind::Sqlite => {
                let last = self.of_counter(r, count).await?;
                Ok((last - count + 1..=last).collect())
            }
        }
    }

    async fn of_sequence(&self, r: &Resource, count: i64) -> Result<Vec<i64>> {
        // Without a sequence it is NULL, which is no number.
        let sql = Stmt::new()
            .sql("SELECT coalesce(nextval(pg_get_serial_sequence(")
            .bind::<st::Text, _>(format!("\"{}\"", r.shape.name.replace('"', "\"\"")))
            .sql(", 'id')), 0) FROM generate_series(1, ")
            .bind::<st::BigInt, _>(count)
            .sql(")");
        let numbers = self.ask(r, sql).await?;
        match numbers.contains(&0) {
            false => Ok(numbers),
            true => Err(Error::internal(format!(
                "`{0}.id` has no sequence: declare it `bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY`",
                r.shape.name
            ))),
        }
    }

    /// The last of so many numbers.
    async fn of_counter(&self, r: &Resource, count: i64) -> Result<i64> {
        let sql = Stmt::new()
            .sql("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' AND name = ")
            .bind::<st::Text, _>(r.shape.name);
        if self.ask(r, sql).await?.first() != Some(&1) {
            return self.beyond_the_last(r, count).await;
        }
        // SQLite has no row there before the first row here, and no index that would let it be inserted if missing.
        let sql = Stmt::new()
            .sql("INSERT INTO sqlite_sequence (name, seq) SELECT ")
            .bind::<st::Text, _>(r.shape.name)
            .sql(", 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ")
            .bind::<st::Text, _>(r.shape.name)
            .sql(") RETURNING seq");
        let next = Stmt::new()
            .sql("UPDATE sqlite_sequence SET seq = seq + ")
            .bind::<st::BigInt, _>(count)
            .sql(" WHERE name = ")
            .bind::<st::Text, _>(r.shape.name)
            .sql(" RETURNING seq");
        if let Some(last) = self.ask(r, next.clone()).await?.first() {
            return Ok(*last);
        }
        self.ask(r, sql).await?;
        let last = self.ask(r, next).await?.first().copied();
        last.ok_or_else(|| Error::internal("SQLite keeps no number of the table"))
    }

    /// Where SQLite keeps no number: behind the last row, and whatever this process has taken.
    async fn beyond_the_last(&self, r: &Resource, count: i64) -> Result<i64> {
        let sql = Stmt::new().sql("SELECT coalesce(max(id), 0) FROM ");
        let last = self.ask(r, sql.frag(r.table.clone())).await?;
        let last = last.first().copied().unwrap_or_default();
        Ok(r.numbers.take(last, count))
    }

    async fn ask(&self, r: &Resource, sql: Stmt) -> Result<Vec<i64>> {
        // As a write: a sequence is moved, and SQLite asks the connection that has the transaction.
        let sql = sql.touching(Effect::Nothing);
        let sink = Box::new(Integers::default());
        match self.executor().load_into(Access::Write, sql, sink).await {
            Ok(sink) => Ok(super::recover::<Integers>(sink)?.values),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }
}

/// The largest number that this process has given to a row of a table whose rows SQLite does not number for good.
#[derive(Debug, Default)]
pub(crate) struct Numbers(std::sync::Mutex<i64>);

impl Numbers {
    fn take(&self, last: i64, count: i64) -> i64 {
        let mut taken = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *taken = last.max(*taken).saturating_add(count);
        *taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once() {
        let numbers = Numbers::default();
        assert_eq!(numbers.take(4, 1), 5);
        assert_eq!(numbers.take(4, 3), 8);
        assert_eq!(numbers.take(20, 1), 21);
        assert_eq!(numbers.take(i64::MAX, 1), i64::MAX);
    }
}
