//! The operations in the entity's own types, for Rust callers: jobs, imports, hooks, custom routes.
//! Thin: they find the entity's [`Resource`], and turn rows into its `Get` DTO.

use std::sync::Arc;

use super::{Context, Row};
use crate::{
    Error, Result, body,
    entity::EntityInterface,
    id::IdType as _,
    query::Archived,
    registry::{Resource, create_assignments, update_assignments},
};

impl<'a> Context<'a> {
    /// Reads one row that is not archived.
    ///
    /// # Errors
    /// 404 if there is none, or the principal may not see it.
    pub async fn get<E: EntityInterface>(&self, id: E::Id) -> Result<E::Get> {
        let row = self
            .get_row(self.resource::<E>()?, &id.erase(), Archived::Hidden, None)
            .await?;
        dto::<E>(&row)
    }

    /// Writes a new row; its DTO is checked as a request's would be.
    ///
    /// # Errors
    /// As `POST` has them.
    pub async fn create<E: EntityInterface>(&self, new: E::Create) -> Result<E::Get> {
        body::check(&new)?;
        let set = create_assignments::<E>(new, self.principal)?;
        dto::<E>(&self.create_row(self.resource::<E>()?, set).await?)
    }

    /// Changes a row, whatever its version.
    ///
    /// # Errors
    /// As `PATCH` has them.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// # let (app, system) = (app().await, Principal::system());
    /// # let cx = app.on_behalf(&system);
    /// # let new = CourseCreate { title: "Rust".into(), price: 100, is_published: true, properties: None };
    /// # let course = cx.create::<Course>(new).await?;
    /// let cheaper = CourseUpdate { title: None, price: Some(50), is_published: None, properties: None };
    /// assert_eq!(cx.update::<Course>(course.id, cheaper).await?.price, 50);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update<E: EntityInterface>(&self, id: E::Id, change: E::Update) -> Result<E::Get> {
        body::check(&change)?;
        let set = update_assignments::<E>(change, self.principal)?;
        dto::<E>(
            &self
                .update_row(self.resource::<E>()?, &id.erase(), set, None)
                .await?,
        )
    }

    /// Archives a row.
    ///
    /// # Errors
    /// As `PATCH …/archive` has them.
    pub async fn archive<E: EntityInterface>(&self, id: E::Id) -> Result<E::Get> {
        dto::<E>(
            &self
                .archive_row(self.resource::<E>()?, &id.erase(), None)
                .await?,
        )
    }

    /// Removes a row for good.
    ///
    /// # Errors
    /// As `DELETE` has them.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// # let (app, system) = (app().await, Principal::system());
    /// # let cx = app.on_behalf(&system);
    /// # let new = CourseCreate { title: "Rust".into(), price: 100, is_published: true, properties: None };
    /// # let course = cx.create::<Course>(new).await?;
    /// cx.delete::<Course>(course.id).await?;
    /// assert!(matches!(cx.get::<Course>(course.id).await, Err(Error::NotFound(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete<E: EntityInterface>(&self, id: E::Id) -> Result<()> {
        self.delete_row(self.resource::<E>()?, &id.erase(), None)
            .await
    }

    pub(super) fn resource<E: EntityInterface>(&self) -> Result<&'a Arc<Resource>> {
        self.registry.get(E::ENDPOINT).ok_or_else(|| {
            Error::internal(format!(
                "`{}` is not registered: add `.entity::<{}>()`",
                E::NAME,
                E::NAME
            ))
        })
    }
}

pub(super) fn dto<E: EntityInterface>(row: &Row) -> Result<E::Get> {
    // A caller who may not see every field cannot have the whole DTO.
    serde_json::from_slice(&row.json).map_err(Error::internal)
}
