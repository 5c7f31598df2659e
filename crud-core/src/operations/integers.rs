//! A sink for the few statements that answer with numbers only: counts and diagnoses.

use diesel::{
    deserialize::FromSql,
    pg::Pg,
    row::{Field, Row},
    sql_types::BigInt,
    sqlite::Sqlite,
};

use crate::db::{PgRow, Sink, SqliteRow};

/// The columns of the first row, each a `bigint`.
#[derive(Debug, Default)]
pub(super) struct Integers {
    pub(super) values: Vec<i64>,
}

impl Integers {
    pub(super) fn first(&self) -> Option<i64> {
        self.values.first().copied()
    }
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            for i in 0..row.field_count() {
                let field = row.get(i).ok_or("a column is missing")?;
                let value = <i64 as FromSql<BigInt, $db>>::from_nullable_sql(field.value())?;
                self.values.push(value);
            }
            Ok(())
        }
    };
}

impl Sink for Integers {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
