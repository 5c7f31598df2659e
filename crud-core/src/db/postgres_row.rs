//! A row of PostgreSQL as Diesel reads it.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use diesel::backend::Backend;
use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use tokio_postgres::Column;
use tokio_postgres::types::{FromSql, Type};

/// The types of a statement's columns, by their OIDs.
pub(super) type Oids = Arc<[NonZeroU32]>;

pub(super) fn oids(columns: &[Column]) -> Oids {
    let oid = |column: &Column| NonZeroU32::new(column.type_().oid()).unwrap_or(NonZeroU32::MIN);
    columns.iter().map(oid).collect()
}

/// A row of PostgreSQL.
///
/// ```
/// use crud_core::{db::PgRow, sql_types::Text};
/// use diesel::{deserialize, row::Row as _};
///
/// /// What a [`Sink`](crud_core::db::Sink) may do with a row: read the text in its first column.
/// fn first(row: &PgRow) -> deserialize::Result<String> {
///     row.get_value::<Text, _, _>(0)
/// }
/// ```
pub struct PgRow {
    row: tokio_postgres::Row,
    oids: Oids,
}

impl PgRow {
    pub(super) const fn new(row: tokio_postgres::Row, oids: Oids) -> Self {
        Self { row, oids }
    }
}

impl std::fmt::Debug for PgRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the values.
        f.debug_struct("PgRow")
            .field("columns", &self.row.len())
            .finish_non_exhaustive()
    }
}

impl RowSealed for PgRow {}

impl<'r> Row<'r, Pg> for PgRow {
    type Field<'f>
        = PgField<'f>
    where
        'r: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.row.len()
    }

    fn get<'b, I>(&'b self, index: I) -> Option<Self::Field<'b>>
    where
        'r: 'b,
        Self: RowIndex<I>,
    {
        let at = self.idx(index)?;
        Some(PgField { row: self, at })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for PgRow {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.row.len()).then_some(index)
    }
}

impl<'n> RowIndex<&'n str> for PgRow {
    fn idx(&self, name: &'n str) -> Option<usize> {
        self.row.columns().iter().position(|c| c.name() == name)
    }
}

/// One value of a row.
#[derive(Debug)]
pub struct PgField<'r> {
    row: &'r PgRow,
    at: usize,
}

impl<'r> Field<'r, Pg> for PgField<'r> {
    fn field_name(&self) -> Option<&str> {
        Some(self.row.row.columns().get(self.at)?.name())
    }

    fn value(&self) -> Option<<Pg as Backend>::RawValue<'_>> {
        let Raw(bytes) = self.row.row.try_get(self.at).ok()?;
        Some(PgValue::new(bytes?, self.row.oids.get(self.at)?))
    }
}

/// A value as it came.
struct Raw<'r>(Option<&'r [u8]>);

type Never = Box<dyn std::error::Error + Sync + Send>;

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(_: &Type, bytes: &'r [u8]) -> Result<Self, Never> {
        Ok(Self(Some(bytes)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Never> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
