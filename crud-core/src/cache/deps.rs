//! [`Deps`]: what a custom cached value depends on, in the words of Diesel's tables.

use super::Dep;
use crate::{entity::Named, id::Id};

/// What a cached value is made of: `Deps::none().table(examples::table)`.
///
/// Whatever the value's code reads must be here; a write to anything else does not reach it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// use std::time::Duration;
/// use crud_core::cache::Deps;
///
/// let app = app().await;
/// let db = app.db().clone();
/// let load = async move {
///     let prices = db.fetch(courses::table.select(courses::price)).await;
///     let prices: Vec<i32> = prices.map_err(Error::database)?;
///     Ok::<i32, Error>(prices.into_iter().sum())
/// };
/// let deps = Deps::none().table(courses::table);
/// let sum: i32 = app.db().cached("sum", "all", Duration::from_secs(60), deps, load).await?;
/// assert_eq!(sum, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Deps(pub(crate) Vec<Dep>);

impl Deps {
    /// Nothing: the value is good until its time is over.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Any row of a table.
    #[must_use]
    pub fn table<T: Named>(mut self, _table: T) -> Self {
        self.0.push(Dep::Table(T::NAME.into()));
        self.0.push(Dep::List(T::NAME.into()));
        self
    }

    /// One row of a table, whether it is there or not.
    #[must_use]
    pub fn row<T: Named>(mut self, _table: T, id: impl Into<Id>) -> Self {
        self.0.push(Dep::Table(T::NAME.into()));
        self.0.push(Dep::Row(T::NAME.into(), id.into()));
        self
    }
}
