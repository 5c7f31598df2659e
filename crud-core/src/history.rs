//! The table in which entities with `history` keep what their rows were. [`crate::operations`] writes and reads it.

use crate::db::{ColumnKind, ColumnShape, TableShape};

/// The table that an application's migrations must have for history, for [`Db::drift`](crate::db::Db::drift).
///
/// ```
/// assert_eq!(crud_core::history::tables()[0].name, "crud_history");
/// ```
pub fn tables() -> Vec<TableShape> {
    let column = |name, kind, nullable| ColumnShape {
        name,
        kind,
        nullable,
    };
    vec![TableShape {
        name: "crud_history",
        columns: vec![
            column("entity", ColumnKind::Text, false),
            column("row_id", ColumnKind::Uuid, false),
            column("version", ColumnKind::Int8, false),
            column("changed_at", ColumnKind::Timestamptz, false),
            column("changed_by", ColumnKind::Uuid, true),
            column("content", ColumnKind::Jsonb, true),
        ],
    }]
}
