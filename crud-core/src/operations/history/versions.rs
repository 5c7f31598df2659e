//! The sink that turns versions into JSON: what the change was, and the row after it.

use std::sync::Arc;

use diesel::{
    deserialize::FromSql,
    pg::Pg,
    row::{Field as _, Row as _},
    sql_types::{BigInt, Nullable, Text},
    sqlite::Sqlite,
};

use crate::{
    Timestamp, Uuid,
    db::{PgRow, Sink, SqliteRow},
    operations::projection::{JsonRows, Projection},
    policy::Mask,
    sql_types as st,
};

/// Collects versions.
pub(super) struct Versions {
    projection: Arc<Projection>,
    limit: usize,
    /// Whether the caller may see when and by whom rows are changed.
    with_time: bool,
    with_author: bool,
    pub(super) out: Vec<u8>,
    pub(super) rows: usize,
}

impl Versions {
    pub(super) fn new(projection: Arc<Projection>, mask: &Mask, limit: i64) -> Self {
        Self {
            projection,
            limit: usize::try_from(limit).unwrap_or_default(),
            with_time: !mask.hides("updated_at"),
            with_author: !mask.hides("updated_by"),
            out: Vec::with_capacity(1024),
            rows: 0,
        }
    }

    fn put(&mut self, change: &Change, row: &[u8]) {
        use std::io::Write;
        let comma = if self.out.is_empty() { "" } else { "," };
        let (version, action) = (change.version, change.action.as_str());
        let text = |value: Option<String>| match value {
            Some(value) => format!("\"{value}\""),
            None => "null".to_owned(),
        };
        let at = text(self.with_time.then(|| change.at.to_string()));
        let by = text(
            change
                .by
                .filter(|_| self.with_author)
                .map(|by| by.to_string()),
        );
        // Writing to a Vec cannot fail.
        let _ = write!(
            self.out,
            "{comma}{{\"version\":{version},\"action\":\"{action}\",\"at\":{at},\"by\":{by},\"row\":"
        );
        self.out.extend_from_slice(row);
        self.out.push(b'}');
    }
}

struct Change {
    version: i64,
    at: Timestamp,
    by: Option<Uuid>,
    action: String,
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            self.rows += 1;
            if self.rows > self.limit {
                return Ok(());
            }
            let at = self.projection.len();
            let version = row.get(at).ok_or("the version is missing")?;
            let time = row.get(at + 1).ok_or("the time is missing")?;
            let by = row.get(at + 2).ok_or("the author is missing")?;
            let action = row.get(at + 3).ok_or("the action is missing")?;
            let change = Change {
                version: <i64 as FromSql<BigInt, $db>>::from_nullable_sql(version.value())?,
                at: <Timestamp as FromSql<st::Timestamptz, $db>>::from_nullable_sql(time.value())?,
                by: <Option<Uuid> as FromSql<Nullable<st::Uuid>, $db>>::from_nullable_sql(
                    by.value(),
                )?,
                action: <String as FromSql<Text, $db>>::from_nullable_sql(action.value())?,
            };
            if change.action == "delete" {
                self.put(&change, b"null");
                return Ok(());
            }
            let mut one = JsonRows::many(Arc::clone(&self.projection), 1, Vec::new());
            one.$method(row)?;
            self.put(&change, &one.out);
            Ok(())
        }
    };
}

impl Sink for Versions {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
