//! Many new rows at once, all or none: [`create_many`](Context::create_many) takes the way of `create`
//! for each (checks, policy, hooks), [`insert_many`](Context::insert_many) that of an import, which
//! sets columns no DTO has. Both write by a few statements of many rows.

use std::{collections::HashMap, sync::Arc};

use diesel::row::{Field, Row as _};

use super::{
    Context, Place, Row,
    fault::refused,
    insert,
    item::{indexed, is_of_an_item},
    projection::{JsonRows, Projection},
    recover, row, statement,
    typed::dto,
};
use crate::{
    Error, Result, body,
    db::{Access, PgRow, Sink, SqliteRow, Tx},
    dto::{Assignment, Assignments},
    entity::EntityInterface,
    id::{Id, IdKind, IdType as _},
    policy::{Action, Rule},
    registry::{Resource, create_assignments},
};

impl Context<'_> {
    /// Writes new rows, all or none; each is checked as `create` checks one.
    ///
    /// # Errors
    /// As `POST` has them. The fields at fault are named with the index of their body: `/3/title`. In a
    /// transaction, it ends that.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// let (app, system) = (app().await, Principal::system());
    /// let new = |title: &str| CourseCreate { title: title.into(), price: 0, is_published: true, properties: None };
    /// let made = app.on_behalf(&system).create_many::<Course>(vec![new("Rust"), new("SQL")]).await?;
    /// assert_eq!(made[1].title, "SQL");
    /// // None of them is written: the second has no title.
    /// let refused = app.on_behalf(&system).create_many::<Course>(vec![new("Go"), new("")]).await;
    /// assert_eq!(refused.unwrap_err().status(), 422);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_many<E: EntityInterface>(
        &self,
        new: Vec<E::Create>,
    ) -> Result<Vec<E::Get>> {
        let mut sets = Vec::with_capacity(new.len());
        for (index, new) in new.into_iter().enumerate() {
            let set = body::check(&new).and_then(|()| create_assignments::<E>(new, self.principal));
            sets.push(set.map_err(|error| indexed(index, error))?);
        }
        let rows = self.create_rows(self.resource::<E>()?, sets).await?;
        rows.iter().map(dto::<E>).collect()
    }

    /// Writes rows as an import has them, all or none, and gives their ids: columns instead of a DTO,
    /// and no hook runs. Id, author and times are set as ever.
    ///
    /// # Errors
    /// 403 unless the caller may write whatever row; 409 and 422 by the database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// let (app, system) = (app().await, Principal::system());
    /// let mut row = Assignments::default();
    /// row.set(courses::title, "Rust");
    /// row.set(courses::price, 100);
    /// row.set(courses::is_published, true);
    /// row.set(courses::metadata, Json::from_text(r#"{"source": "an old system"}"#).ok());
    /// let ids = app.on_behalf(&system).insert_many::<Course>(vec![row]).await?;
    /// assert_eq!(app.on_behalf(&system).get::<Course>(ids[0]).await?.title, "Rust");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_many<E: EntityInterface>(
        &self,
        rows: Vec<Assignments<E::Table>>,
    ) -> Result<Vec<E::Id>> {
        let r = self.resource::<E>()?;
        let rule = self.admit(r, Action::Create)?;
        if !rule.is_always() {
            return Err(refused(r, self.principal, Action::Create, &rule));
        }
        let rows = rows.into_iter().map(Assignments::into_list).collect();
        let ids = self.insert_rows(r, rows).await?.into_iter();
        let ids: Option<_> = ids.map(E::Id::of).collect();
        ids.ok_or_else(|| Error::internal("an id is of another type than its entity's"))
    }

    async fn insert_rows(&self, r: &Resource, mut sets: Vec<Vec<Assignment>>) -> Result<Vec<Id>> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let ids = Box::pin(self.inside(&tx).insert_rows(r, sets)).await?;
            return self.committed(r, tx, ids).await;
        }
        let ids = self.new_ids(r, &sets).await?;
        for (set, id) in sets.iter_mut().zip(&ids) {
            self.sign(r, id, set);
        }
        match insert::write(self.executor(), r.table.clone(), &sets).await {
            Ok(()) => Ok(ids),
            Err(error) => {
                let first = sets.first().map_or(&[][..], Vec::as_slice);
                Err(self
                    .said(r, Action::Create, &Rule::ALWAYS, error, first)
                    .await)
            }
        }
    }

    /// As [`create_row`](Self::create_row), for many. By a few statements of many rows, if they pass; if one
    /// is refused, which such a statement does not say, again one by one.
    pub(crate) async fn create_rows(
        &self,
        r: &Resource,
        sets: Vec<Vec<Assignment>>,
    ) -> Result<Vec<Row>> {
        let rule = self.admit(r, Action::Create)?;
        // A hook of a row may count on the rows before it.
        let singly = r.before_write.is_some();
        let Place::Db(db) = self.place else {
            return match singly {
                true => Box::pin(self.create_each(r, sets)).await,
                false => Box::pin(self.create_part(r, &rule, sets)).await,
            };
        };
        if !singly {
            let tx = self.begin(r, db).await?;
            match Box::pin(self.inside(&tx).create_set(r, &rule, sets.clone())).await {
                Ok(rows) => return self.committed(r, tx, rows).await,
                Err(error) if !is_of_an_item(&error) => return Err(error),
                // The second run says what is wrong, also if this fails.
                Err(_) => drop(tx.rollback().await),
            }
        }
        let tx = self.begin(r, db).await?;
        let rows = Box::pin(self.inside(&tx).create_each(r, sets)).await;
        self.ended(r, tx, rows).await
    }

    /// In a transaction, which must be able to go on after the first try: behind a savepoint.
    async fn create_part(
        &self,
        r: &Resource,
        rule: &Rule,
        sets: Vec<Vec<Assignment>>,
    ) -> Result<Vec<Row>> {
        self.mark(r, Tx::savepoint).await?;
        match self.create_set(r, rule, sets.clone()).await {
            Ok(rows) => {
                self.mark(r, Tx::keep_savepoint).await?;
                Ok(rows)
            }
            Err(error) if !is_of_an_item(&error) => Err(error),
            Err(_) => {
                self.mark(r, Tx::undo_savepoint).await?;
                self.create_each(r, sets).await
            }
        }
    }

    /// In a transaction: rows of the same columns by one statement.
    async fn create_set(
        &self,
        r: &Resource,
        rule: &Rule,
        sets: Vec<Vec<Assignment>>,
    ) -> Result<Vec<Row>> {
        let ids = self.new_ids(r, &sets).await?;
        let mut signed = Vec::with_capacity(sets.len());
        let mut changed = Vec::new();
        for (mut set, id) in sets.into_iter().zip(&ids) {
            changed.push(super::writes::columns(r, &set));
            self.sign(r, id, &mut set);
            signed.push(set);
        }
        let mut found = self.write_rows(r, rule, &signed).await?;
        let mut rows = Vec::with_capacity(ids.len());
        for (index, (id, changed)) in ids.into_iter().zip(changed).enumerate() {
            let row = found.remove(&id);
            rows.push(row.ok_or_else(|| Error::internal("an insert returned no row"))?);
            let after = self
                .after(r, Action::Create, None, Some(&id), changed)
                .await;
            after.map_err(|error| indexed(index, error))?;
        }
        Ok(rows)
    }

    /// In a transaction: one by one.
    async fn create_each(&self, r: &Resource, sets: Vec<Vec<Assignment>>) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(sets.len());
        for (index, set) in sets.into_iter().enumerate() {
            let row = self.create_row(r, set).await;
            rows.push(row.map_err(|error| self.refused_item(index, error))?);
        }
        Ok(rows)
    }

    async fn write_rows(
        &self,
        r: &Resource,
        rule: &Rule,
        sets: &[Vec<Assignment>],
    ) -> Result<HashMap<Id, Row>> {
        let projection = r.get.masked(&r.mask(self.principal));
        let check = (!rule.is_always()).then_some(rule);
        let mut found = HashMap::with_capacity(sets.len());
        for chunk in insert::chunks(sets) {
            let sql = chunk.statement(r.table.clone());
            let sql = statement::returning(r, sql, &projection.select, check);
            let sql = statement::id(r, sql.sql(", "));
            let sink = Box::new(Many::new(r.ids, Arc::clone(&projection), check.is_some()));
            let sink = match self.executor().load_into(Access::Write, sql, sink).await {
                Ok(sink) => recover::<Many>(sink)?,
                Err(error) => {
                    let first = chunk.places.first().map_or(&[][..], |place| &sets[*place]);
                    return Err(self.said(r, Action::Create, rule, error, first).await);
                }
            };
            if sink.rows.iter().any(|(_, rows)| !rows.allowed) {
                if let Place::Tx(tx) = self.place {
                    tx.doom();
                }
                return Err(refused(r, self.principal, Action::Create, rule));
            }
            let rows = sink.rows.into_iter();
            found.extend(rows.filter_map(|(id, rows)| Some((id.clone(), row(id, *rows)?))));
        }
        Ok(found)
    }
}

/// Collects rows whose ids are not known beforehand, or whose order is not (that of an `INSERT` of many): behind
/// what [`JsonRows`] reads stands the id.
pub(super) struct Many {
    ids: IdKind,
    projection: Arc<Projection>,
    with_verdict: bool,
    pub(super) rows: Vec<(Id, Box<JsonRows>)>,
}

impl Many {
    pub(super) fn new(ids: IdKind, projection: Arc<Projection>, with_verdict: bool) -> Self {
        Self {
            ids,
            projection,
            with_verdict,
            rows: Vec::new(),
        }
    }
}

macro_rules! sink {
    ($method:ident, $row:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            let mut one = JsonRows::one(Arc::clone(&self.projection), self.with_verdict);
            one.$method(row)?;
            let last = row.field_count().saturating_sub(1);
            let field = row.get(last).ok_or("the id is missing")?;
            let id = self.ids.$method(field.value())?.ok_or("the id is null")?;
            self.rows.push((id, one));
            Ok(())
        }
    };
}

impl Sink for Many {
    sink!(pg, PgRow);
    sink!(sqlite, SqliteRow<'_, '_>);
}
