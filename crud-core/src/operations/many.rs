//! Many new rows at once, all or none: [`create_many`](Context::create_many) takes the way of `create`
//! for each (checks, policy, hooks), [`insert_many`](Context::insert_many) that of an import, which
//! sets columns no DTO has. Both write by a few statements of many rows.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    deserialize::FromSql,
    pg::Pg,
    row::{Field, Row as _},
    sqlite::Sqlite,
};

use super::{
    Context, Place, Row, database,
    fault::refused,
    insert,
    projection::{JsonRows, Projection},
    recover, row, statement,
    typed::dto,
};
use crate::{
    Error, Result, Uuid, body,
    db::{Access, Db, DbError, PgRow, Sink, SqliteRow, Tx, bind},
    dto::{Assignment, Assignments},
    entity::EntityInterface,
    error::FieldError,
    hook::Fault,
    policy::{Action, Rule},
    registry::{Resource, create_assignments},
    sql_types as st,
};

impl Context<'_> {
    /// Writes new rows, all or none; each is checked as `create` checks one.
    ///
    /// # Errors
    /// As `POST` has them. The fields at fault are named with the index of their body: `/3/title`; for
    /// what the database refuses, only outside of a transaction, which it ends.
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
    pub async fn insert_many<E: EntityInterface>(
        &self,
        rows: Vec<Assignments<E::Table>>,
    ) -> Result<Vec<Uuid>> {
        let r = self.resource::<E>()?;
        let rule = self.admit(r, Action::Create)?;
        if !rule.is_always() {
            return Err(refused(r, self.principal, Action::Create, &rule));
        }
        let rows = rows.into_iter().map(Assignments::into_list).collect();
        self.insert_rows(r, rows).await
    }

    async fn insert_rows(&self, r: &Resource, mut sets: Vec<Vec<Assignment>>) -> Result<Vec<Uuid>> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let ids = Box::pin(self.inside(&tx).insert_rows(r, sets)).await?;
            return self.committed(r, tx, ids).await;
        }
        let ids = sets.iter_mut().map(|set| self.sign(set)).collect();
        match insert::write(self.executor(), r.table.clone(), &sets).await {
            Ok(()) => Ok(ids),
            Err(error) => Err(self.said(r, &Rule::ALWAYS, error, sets.first()).await),
        }
    }

    /// As [`create_row`](Self::create_row), for many.
    pub(crate) async fn create_rows(
        &self,
        r: &Resource,
        sets: Vec<Vec<Assignment>>,
    ) -> Result<Vec<Row>> {
        let rule = self.admit(r, Action::Create)?;
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            return match Box::pin(self.inside(&tx).create_rows(r, copied(&sets))).await {
                Ok(rows) => self.committed(r, tx, rows).await,
                Err(error @ Error::Conflict { .. }) => {
                    // Whatever ends the transaction, the conflict is the answer.
                    let _ = tx.rollback().await;
                    Err(Box::pin(self.first_conflict(r, db, sets, error)).await)
                }
                Err(error) => Err(error),
            };
        }
        let (mut signed, mut ids) = (Vec::with_capacity(sets.len()), Vec::new());
        let mut changed = Vec::new();
        for (index, set) in sets.into_iter().enumerate() {
            let set = self.before(r, Action::Create, None, set).await;
            let mut set = set.map_err(|error| indexed(index, error))?;
            changed.push(super::writes::columns(r, &set));
            ids.push(self.sign(&mut set));
            signed.push(set);
        }
        let mut found = self.write_rows(r, &rule, &signed).await?;
        let mut rows = Vec::with_capacity(ids.len());
        for (id, changed) in ids.into_iter().zip(changed) {
            let row = found.remove(&id);
            rows.push(row.ok_or_else(|| Error::internal("an insert returned no row"))?);
            let after = self.after(r, Action::Create, None, Some(id), changed).await;
            after.map_err(|error| indexed(rows.len() - 1, error))?;
        }
        Ok(rows)
    }

    /// The conflict again, with the place of its row: a statement of many rows does not say it, so they
    /// are written one by one, for nothing.
    async fn first_conflict(
        &self,
        r: &Resource,
        db: &Db,
        sets: Vec<Vec<Assignment>>,
        error: Error,
    ) -> Error {
        let Ok(tx) = db.begin().await else {
            return error;
        };
        let cx = self.inside(&tx);
        for (index, set) in sets.into_iter().enumerate() {
            match cx.create_row(r, set).await {
                Ok(_) => {}
                Err(found @ Error::Conflict { .. }) => return indexed(index, found),
                Err(_) => break,
            }
        }
        error
    }

    async fn begin(&self, r: &Resource, db: &Db) -> Result<Tx> {
        match db.begin().await {
            Ok(tx) => Ok(tx),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }

    async fn write_rows(
        &self,
        r: &Resource,
        rule: &Rule,
        sets: &[Vec<Assignment>],
    ) -> Result<HashMap<Uuid, Row>> {
        let projection = r.get.masked(&r.mask(self.principal));
        let check = (!rule.is_always()).then_some(rule);
        let mut found = HashMap::with_capacity(sets.len());
        for chunk in insert::chunks(sets) {
            let sql = chunk.statement(r.table.clone());
            let sql = statement::returning(r, sql, &projection.select, check);
            let sql = sql.sql(", ").ident(r.shape.name).sql(".").ident("id");
            let sink = Box::new(Many::new(Arc::clone(&projection), check.is_some()));
            let sink = match self.executor().load_into(Access::Write, sql, sink).await {
                Ok(sink) => recover::<Many>(sink)?,
                Err(error) => {
                    let first = chunk.places.first().and_then(|place| sets.get(*place));
                    return Err(self.said(r, rule, error, first).await);
                }
            };
            if sink.rows.iter().any(|(_, rows)| !rows.allowed) {
                if let Place::Tx(tx) = self.place {
                    tx.doom();
                }
                return Err(refused(r, self.principal, Action::Create, rule));
            }
            let rows = sink.rows.into_iter();
            found.extend(rows.filter_map(|(id, rows)| Some((id, row(id, *rows)?))));
        }
        Ok(found)
    }

    /// Sets what the framework sets of every new row; gives its id.
    fn sign(&self, set: &mut Vec<Assignment>) -> Uuid {
        let id = Uuid::now_v7();
        let created_at = self.stamp(set);
        let values = [
            ("created_at", created_at),
            ("created_by", self.author()),
            ("id", bind::<st::Uuid, _>(id)),
        ];
        set.extend(values.map(|(column, value)| Assignment { column, value }));
        id
    }

    /// What the database refused, as a single create would say it.
    async fn said(
        &self,
        r: &Resource,
        rule: &Rule,
        error: DbError,
        set: Option<&Vec<Assignment>>,
    ) -> Error {
        if let Some(said) = Fault::of(&error).and_then(|fault| (r.explain)(&fault)) {
            return said;
        }
        if matches!(error, DbError::ForeignKey { .. }) && !rule.is_always() {
            return refused(r, self.principal, Action::Create, rule);
        }
        let set = set.map(Vec::as_slice).unwrap_or_default();
        database(r, self, error, set).await
    }
}

fn copied(sets: &[Vec<Assignment>]) -> Vec<Vec<Assignment>> {
    let copy = |a: &Assignment| Assignment {
        column: a.column,
        value: a.value.clone(),
    };
    sets.iter()
        .map(|set| set.iter().map(copy).collect())
        .collect()
}

/// A fault of one of many bodies, with its place among them.
fn indexed(index: usize, error: Error) -> Error {
    let place = |mut fault: FieldError| {
        let within = fault.pointer.take().unwrap_or_default();
        fault.pointer = Some(format!("/{index}{within}"));
        fault
    };
    match error {
        Error::Invalid(faults) => Error::Invalid(faults.into_iter().map(place).collect()),
        Error::ForbiddenFields(faults) => {
            Error::ForbiddenFields(faults.into_iter().map(place).collect())
        }
        Error::Conflict {
            code,
            detail,
            errors,
        } => {
            let mut errors: Vec<_> = errors.into_iter().map(place).collect();
            if errors.is_empty() {
                errors.push(FieldError::at(format!("/{index}"), code, detail.clone()));
            }
            Error::Conflict {
                code,
                detail,
                errors,
            }
        }
        other => other,
    }
}

/// Collects the rows of an `INSERT` of many, whose order the database does not promise: behind what
/// [`JsonRows`] reads stands the id.
struct Many {
    projection: Arc<Projection>,
    with_verdict: bool,
    rows: Vec<(Uuid, Box<JsonRows>)>,
}

impl Many {
    fn new(projection: Arc<Projection>, with_verdict: bool) -> Self {
        Self {
            projection,
            with_verdict,
            rows: Vec::new(),
        }
    }
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            let mut one = JsonRows::one(Arc::clone(&self.projection), self.with_verdict);
            one.$method(row)?;
            let last = row.field_count().saturating_sub(1);
            let field = row.get(last).ok_or("the id is missing")?;
            let id = <Uuid as FromSql<st::Uuid, $db>>::from_nullable_sql(field.value())?;
            self.rows.push((id, one));
            Ok(())
        }
    };
}

impl Sink for Many {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
