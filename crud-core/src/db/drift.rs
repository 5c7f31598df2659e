//! The drift check: do the tables of the database look as declared? `check`, a test and the start of the server ask.
//!
//! It compares names, types and nullability; it reads the catalogue only and changes nothing.

use diesel::sql_types::{Bool, Text};

use super::Db;
use super::columns::{ColumnKind, ColumnShape, TableShape};
use super::config::DbKind;
use super::error::DbResult;
use super::executor::{Access, Executor, Load};
use super::fragment::Stmt;

/// A column as the database has it.
struct Found {
    name: String,
    sql_type: String,
    nullable: bool,
    has_default: bool,
}

impl Db {
    /// Compares the declared tables with the database. Gives a sentence for each difference; none means no drift.
    pub async fn drift(&self, tables: &[TableShape]) -> DbResult<Vec<String>> {
        let mut differences = Vec::new();
        for table in tables {
            let found = self.found(table.name).await?;
            if found.is_empty() {
                differences.push(format!("the table {} does not exist", table.name));
                continue;
            }
            if self.kind() == DbKind::Sqlite && !self.is_strict(table.name).await? {
                differences.push(format!(
                    "the table {} is not STRICT: SQLite checks no types in it",
                    table.name
                ));
            }
            compare(self.kind(), table, &found, &mut differences);
        }
        Ok(differences)
    }

    async fn found(&self, table: &'static str) -> DbResult<Vec<Found>> {
        let query = match self.kind() {
            DbKind::Postgres => Stmt::new()
                .sql(
                    "SELECT column_name::text, udt_name::text, is_nullable = 'YES', \
                     column_default IS NOT NULL OR is_identity = 'YES' OR is_generated = 'ALWAYS' \
                     FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ",
                )
                .bind::<Text, _>(table),
            // A key of a STRICT table takes no NULL, though `notnull` does not say so.
            DbKind::Sqlite => Stmt::new()
                .sql(
                    "SELECT name, upper(type), NOT (\"notnull\" OR pk > 0), dflt_value IS NOT NULL OR hidden > 1 \
                     FROM pragma_table_xinfo(",
                )
                .bind::<Text, _>(table)
                .sql(")"),
        };
        type Row = (String, String, bool, bool);
        let rows = self
            .load::<Row, (Text, Text, Bool, Bool)>(Access::Read, query.uncached())
            .await?;
        Ok(rows
            .into_iter()
            .map(|(name, sql_type, nullable, has_default)| Found {
                name,
                sql_type,
                nullable,
                has_default,
            })
            .collect())
    }

    async fn is_strict(&self, table: &'static str) -> DbResult<bool> {
        let query = Stmt::new()
            .sql("SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ")
            .bind::<Text, _>(table);
        let rows = self
            .load::<bool, Bool>(Access::Read, query.uncached())
            .await?;
        Ok(rows.first().copied().unwrap_or(false))
    }
}

fn compare(kind: DbKind, table: &TableShape, found: &[Found], differences: &mut Vec<String>) {
    let name = table.name;
    for column in &table.columns {
        match found.iter().find(|f| f.name == column.name) {
            None => differences.push(format!("the column {name}.{} does not exist", column.name)),
            Some(found) => compare_column(kind, name, column, found, differences),
        }
    }
    for extra in found {
        let declared = table.columns.iter().any(|c| c.name == extra.name);
        if !declared && !extra.nullable && !extra.has_default {
            differences.push(format!(
                "the column {name}.{} is not declared, but must have a value: no row can be inserted",
                extra.name
            ));
        }
    }
}

fn compare_column(
    kind: DbKind,
    table: &str,
    column: &ColumnShape,
    found: &Found,
    differences: &mut Vec<String>,
) {
    let accepted = types(kind, column.kind);
    if !accepted.contains(&found.sql_type.as_str()) {
        differences.push(format!(
            "the column {table}.{} is {} in the database, but declared as {:?}: expected {}",
            column.name,
            found.sql_type,
            column.kind,
            accepted.join(" or ")
        ));
    }
    if column.nullable != found.nullable {
        let says = |nullable| {
            if nullable {
                "may be NULL"
            } else {
                "is NOT NULL"
            }
        };
        differences.push(format!(
            "the column {table}.{} {} in the database, but {} as declared",
            column.name,
            says(found.nullable),
            says(column.nullable)
        ));
    }
}

/// The database's own names for a kind.
fn types(database: DbKind, kind: ColumnKind) -> &'static [&'static str] {
    match (database, kind) {
        (DbKind::Postgres, ColumnKind::Uuid) => &["uuid"],
        (DbKind::Postgres, ColumnKind::Text) => &["text", "varchar"],
        (DbKind::Postgres, ColumnKind::Bool) => &["bool"],
        (DbKind::Postgres, ColumnKind::Int2) => &["int2"],
        (DbKind::Postgres, ColumnKind::Int4) => &["int4"],
        (DbKind::Postgres, ColumnKind::Int8) => &["int8"],
        (DbKind::Postgres, ColumnKind::Float4) => &["float4"],
        (DbKind::Postgres, ColumnKind::Float8) => &["float8"],
        (DbKind::Postgres, ColumnKind::Timestamptz) => &["timestamptz"],
        (DbKind::Postgres, ColumnKind::Date) => &["date"],
        (DbKind::Postgres, ColumnKind::Jsonb) => &["jsonb"],
        (DbKind::Postgres, ColumnKind::Binary) => &["bytea"],
        (DbKind::Sqlite, ColumnKind::Uuid | ColumnKind::Binary) => &["BLOB"],
        (DbKind::Sqlite, ColumnKind::Text | ColumnKind::Date | ColumnKind::Jsonb) => &["TEXT"],
        (DbKind::Sqlite, ColumnKind::Float4 | ColumnKind::Float8) => &["REAL"],
        (
            DbKind::Sqlite,
            ColumnKind::Bool
            | ColumnKind::Int2
            | ColumnKind::Int4
            | ColumnKind::Int8
            | ColumnKind::Timestamptz,
        ) => &["INTEGER", "INT"],
    }
}
