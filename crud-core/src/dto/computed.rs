//! Fields of an answer that are no columns: made by a function of fields that are, while the row is
//! turned into JSON. `#[dto(computed = …)]` declares them; an entity without any pays nothing.

use diesel::{
    Column, Expression,
    deserialize::{self, FromSql},
    pg::Pg,
    row::{Field as _, Row as _},
    sqlite::Sqlite,
};
use serde::Serialize;

use super::ReadAs;
use crate::db::{PgRow, SqliteRow};

/// A field that is computed from others of its DTO.
#[doc(hidden)] // what `#[dto]` writes
#[derive(Clone)]
pub struct ComputedColumn {
    /// Its name in the answer.
    pub name: &'static str,
    /// The columns that it is made of, in the order in which `write` reads them.
    pub from: &'static [&'static str],
    /// Appends the value's JSON.
    pub write: ComputedWriter,
}

/// Reads the columns, computes the value, and appends its JSON.
#[doc(hidden)] // what `#[dto]` writes
pub type ComputedWriter = fn(&Values<'_, '_, '_>, &mut Vec<u8>) -> deserialize::Result<()>;

impl ComputedColumn {
    /// Declares one.
    pub const fn new(
        name: &'static str,
        from: &'static [&'static str],
        write: ComputedWriter,
    ) -> Self {
        Self { name, from, write }
    }
}

/// The columns of one row that a computed field is made of.
#[doc(hidden)] // what `#[dto]` writes
pub struct Values<'r, 'c, 'q> {
    row: AnyRow<'r, 'c, 'q>,
    /// Where each of them stands in the row.
    at: &'r [usize],
}

enum AnyRow<'r, 'c: 'r, 'q: 'r> {
    Pg(&'r PgRow),
    Sqlite(&'r SqliteRow<'c, 'q>),
}

impl<'r, 'c, 'q> Values<'r, 'c, 'q> {
    pub(crate) const fn pg(row: &'r PgRow, at: &'r [usize]) -> Self {
        Self {
            row: AnyRow::Pg(row),
            at,
        }
    }

    pub(crate) const fn sqlite(row: &'r SqliteRow<'c, 'q>, at: &'r [usize]) -> Self {
        Self {
            row: AnyRow::Sqlite(row),
            at,
        }
    }

    /// The value of the `i`th column, which is `C`.
    ///
    /// # Errors
    /// If it cannot be read as a `V`.
    pub fn read<C, V>(&self, i: usize) -> deserialize::Result<V>
    where
        C: Column + Expression,
        V: ReadAs<C::SqlType>,
    {
        const MISSING: &str = "a column to compute from is missing";
        let at = *self.at.get(i).ok_or(MISSING)?;
        match self.row {
            AnyRow::Pg(row) => {
                let field = row.get(at).ok_or(MISSING)?;
                <V as FromSql<C::SqlType, Pg>>::from_nullable_sql(field.value())
            }
            AnyRow::Sqlite(row) => {
                let field = row.get(at).ok_or(MISSING)?;
                <V as FromSql<C::SqlType, Sqlite>>::from_nullable_sql(field.value())
            }
        }
    }

    /// Appends the computed value.
    ///
    /// # Errors
    /// If it has no JSON.
    pub fn write(&self, value: &impl Serialize, out: &mut Vec<u8>) -> deserialize::Result<()> {
        Ok(serde_json::to_writer(out, value)?)
    }
}
