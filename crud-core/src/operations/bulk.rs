//! Many rows changed or removed at once, all or none, each as a single write would be: the first that is
//! refused decides, and is named. Rows are locked in the order of their ids before any is written, so that
//! two of these never wait for each other.

use std::collections::BTreeSet;

use super::{
    Context, Place, Row, database,
    integers::Integers,
    item::{indexed, is_of_an_item},
    statement,
    typed::dto,
};
use crate::{
    Error, Result, body,
    db::{Access, DbKind},
    dto::Assignment,
    entity::EntityInterface,
    error::FieldError,
    id::{Id, IdType},
    policy::Action,
    query::Archived,
    registry::{Resource, update_assignments},
};

/// A row, what is changed of it, and the version that it must have.
pub(crate) struct Change {
    pub(crate) id: Id,
    pub(crate) set: Vec<Assignment>,
    pub(crate) version: Option<i64>,
}

impl Context<'_> {
    /// Changes rows, all or none, whatever their versions; each is checked as `update` checks one.
    ///
    /// # Errors
    /// As `PATCH` has them, named with the index of the change: `/3/title`, `/3`. 422 for a row that is
    /// named twice. In a transaction, it ends that.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// # let (app, system) = (app().await, Principal::system());
    /// # let cx = app.on_behalf(&system);
    /// # let new = |title: &str| CourseCreate { title: title.into(), price: 9, is_published: true, properties: None };
    /// # let made = cx.create_many::<Course>(vec![new("Rust"), new("SQL")]).await?;
    /// let free = || CourseUpdate { title: None, price: Some(0), is_published: None, properties: None };
    /// let changes = made.iter().map(|course| (course.id, free())).collect();
    /// assert!(cx.update_many::<Course>(changes).await?.iter().all(|course| course.price == 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_many<E: EntityInterface>(
        &self,
        changes: Vec<(E::Id, E::Update)>,
    ) -> Result<Vec<E::Get>> {
        distinct(changes.iter().map(|(id, _)| id), "/id")?;
        let mut checked = Vec::with_capacity(changes.len());
        for (index, (id, change)) in changes.into_iter().enumerate() {
            let set = body::check(&change);
            let set = set.and_then(|()| update_assignments::<E>(change, self.principal));
            checked.push(Change {
                id: id.erase(),
                set: set.map_err(|error| indexed(index, error))?,
                version: None,
            });
        }
        let rows = self.update_rows(self.resource::<E>()?, checked).await?;
        rows.iter().map(dto::<E>).collect()
    }

    /// Removes rows for good, all or none.
    ///
    /// # Errors
    /// As `DELETE` has them, named with the index of the id: `/3`. 422 for a row that is named twice. In a
    /// transaction, it ends that.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// # let (app, system) = (app().await, Principal::system());
    /// # let cx = app.on_behalf(&system);
    /// # let new = |title: &str| CourseCreate { title: title.into(), price: 9, is_published: true, properties: None };
    /// # let made = cx.create_many::<Course>(vec![new("Rust"), new("SQL")]).await?;
    /// let ids: Vec<_> = made.iter().map(|course| course.id).collect();
    /// cx.delete_many::<Course>(&ids).await?;
    /// assert_eq!(cx.list::<Course>("", |search| search).await?.total, Some(0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete_many<E: EntityInterface>(&self, ids: &[E::Id]) -> Result<()> {
        distinct(ids.iter(), "")?;
        let ids: Vec<Id> = ids.iter().cloned().map(IdType::erase).collect();
        self.delete_rows(self.resource::<E>()?, &ids).await
    }

    /// As [`update_row`](Self::update_row), for many, each another.
    pub(crate) async fn update_rows(&self, r: &Resource, changes: Vec<Change>) -> Result<Vec<Row>> {
        if let Place::Db(db) = self.place {
            let tx = self.begin(r, db).await?;
            let rows = Box::pin(self.inside(&tx).update_rows(r, changes)).await;
            return self.ended(r, tx, rows).await;
        }
        let ids = changes.iter().map(|change| change.id.clone()).collect();
        self.lock_rows(r, Action::Update, ids).await?;
        let mut rows = Vec::with_capacity(changes.len());
        for (index, change) in changes.into_iter().enumerate() {
            let expected = change.version.as_ref().map(std::slice::from_ref);
            let row = self.update_row(r, &change.id, change.set, expected).await;
            rows.push(row.map_err(|error| self.refused_item(index, error))?);
        }
        Ok(rows)
    }

    /// As [`delete_row`](Self::delete_row), for many, each another. By one statement, if no hook is asked and
    /// none is refused.
    pub(crate) async fn delete_rows(&self, r: &Resource, ids: &[Id]) -> Result<()> {
        let Place::Db(db) = self.place else {
            return self.delete_each(r, ids).await;
        };
        if !r.has_hooks() {
            let tx = self.begin(r, db).await?;
            match Box::pin(self.inside(&tx).delete_set(r, ids)).await {
                Ok(true) => return self.committed(r, tx, ()).await,
                Err(error) if !is_of_an_item(&error) => return Err(error),
                // The second run says what is wrong, also if this fails.
                Ok(false) | Err(_) => drop(tx.rollback().await),
            }
        }
        let tx = self.begin(r, db).await?;
        let done = Box::pin(self.inside(&tx).delete_each(r, ids)).await;
        self.ended(r, tx, done).await
    }

    /// In a transaction: by one statement. Whether all were there to be removed.
    async fn delete_set(&self, r: &Resource, ids: &[Id]) -> Result<bool> {
        let rule = r.rule(self.principal, Action::Delete);
        if rule.is_never() {
            return Ok(false);
        }
        self.lock_rows(r, Action::Delete, ids.to_vec()).await?;
        self.keep(r, ids, Archived::Any, &rule, None).await?;
        let sql = statement::delete_all(r, ids, &rule);
        let deleted = match self.executor().execute(sql).await {
            Ok(deleted) => deleted,
            Err(error) => return Err(database(r, self, error, &[]).await),
        };
        self.keep_end(r, ids).await?;
        Ok(deleted == ids.len())
    }

    /// In a transaction: one by one.
    async fn delete_each(&self, r: &Resource, ids: &[Id]) -> Result<()> {
        self.lock_rows(r, Action::Delete, ids.to_vec()).await?;
        for (index, id) in ids.iter().enumerate() {
            let deleted = self.delete_row(r, id, None).await;
            deleted.map_err(|error| self.refused_item(index, error))?;
        }
        Ok(())
    }

    /// Locks those of the rows that the caller may write, in the order of their ids. SQLite has one writer.
    async fn lock_rows(&self, r: &Resource, action: Action, mut ids: Vec<Id>) -> Result<()> {
        let rule = r.rule(self.principal, action);
        if rule.is_never() || ids.is_empty() || self.executor().kind() == DbKind::Sqlite {
            return Ok(());
        }
        ids.sort_unstable();
        let archived = match action {
            Action::Delete => Archived::Any,
            _ => Archived::Hidden,
        };
        let sql = statement::lock_all(r, &ids, archived, &rule);
        let locked = self.load(r, Access::Write, sql, Box::new(Integers::default()));
        locked.await.map(drop)
    }
}

/// Refuses a row that is named twice.
fn distinct<I: Ord>(ids: impl Iterator<Item = I>, within: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (index, id) in ids.enumerate() {
        if !seen.insert(id) {
            faults.push(repeated_id(format!("/{index}{within}")));
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(faults)),
    }
}

/// The fault of a row that is named twice.
pub(crate) fn repeated_id(pointer: String) -> FieldError {
    FieldError::at(
        pointer,
        "repeated",
        "Another item has this id: name each row once",
    )
}
