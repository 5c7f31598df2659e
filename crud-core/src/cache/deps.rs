//! [`Deps`]: what a custom cached value depends on, in the words of Diesel's tables.

use super::Dep;
use crate::{entity::Named, id::Id};

/// What a cached value is made of: `Deps::none().table(examples::table)`.
///
/// Whatever the value's code reads must be here; a write to anything else does not reach it.
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
