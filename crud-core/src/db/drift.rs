//! The drift check: do the tables of the database look as declared? `check`, a test and the start of the server ask,
//! and the scaffold makes migrations of the differences.
//!
//! It compares names, types and nullability; it reads the catalogue only and changes nothing.

use std::{borrow::Cow, collections::HashMap, fmt};

use diesel::sql_types::{Bool, Text};

use super::Db;
use super::columns::{ColumnKind, ColumnShape, TableShape};
use super::config::DbKind;
use super::error::DbResult;
use super::executor::{Access, Executor, Load};
use super::fragment::Stmt;

/// A column as the database has it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::{DifferenceKind, TableShape};
///
/// let app = app().await;
/// app.db().batch("ALTER TABLE courses ADD COLUMN rating INTEGER").await?;
/// let found = app.db().differences(&[TableShape::of::<courses::table>("courses")]).await?;
/// let DifferenceKind::Undeclared(column) = &found[0].what else { panic!("{}", found[0]) };
/// assert_eq!((&*column.name, &*column.sql_type, column.nullable), ("rating", "INTEGER", true));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// The database's own word for its type.
    pub sql_type: String,
    /// True if it may be NULL.
    pub nullable: bool,
    /// True if an `INSERT` may leave it out though it may not be NULL.
    pub has_default: bool,
}

/// One difference between a declared table and the database. Displays as a sentence.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = app().await;
/// app.db().batch("ALTER TABLE courses DROP COLUMN price; ALTER TABLE courses ADD COLUMN rating INTEGER").await?;
/// let found = app.db().differences(&app.registry().tables()).await?;
/// // The new column may be NULL, so that rows can be inserted without it.
/// let drift: Vec<_> = found.iter().filter(|difference| difference.is_drift()).collect();
/// assert_eq!((found.len(), drift.len(), drift[0].table), (2, 1, "courses"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The declared table.
    pub table: &'static str,
    /// What differs.
    pub what: DifferenceKind,
    kind: DbKind,
}

/// What differs.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::DifferenceKind;
///
/// let app = app().await;
/// app.db().batch("DROP TABLE lessons").await?;
/// let found = app.db().differences(&app.registry().tables()).await?;
/// assert_eq!((found[0].table, &found[0].what), ("lessons", &DifferenceKind::NoTable));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The table does not exist.
    NoTable,
    /// SQLite checks no types in it.
    NotStrict,
    /// The declared column does not exist.
    NoColumn(ColumnShape),
    /// The column is of another type than declared.
    Type(ColumnShape, FoundColumn),
    /// The column may be NULL and is declared otherwise, or the other way round.
    Null(ColumnShape),
    /// The column is not declared. No drift, as long as rows can be inserted without it.
    Undeclared(FoundColumn),
}

impl Difference {
    /// Whether the declaration does not work on this database.
    #[must_use]
    pub const fn is_drift(&self) -> bool {
        match &self.what {
            DifferenceKind::Undeclared(found) => !found.nullable && !found.has_default,
            _ => true,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table;
        match &self.what {
            DifferenceKind::NoTable => write!(f, "the table {table} does not exist"),
            DifferenceKind::NotStrict => {
                write!(
                    f,
                    "the table {table} is not STRICT: SQLite checks no types in it"
                )
            }
            DifferenceKind::NoColumn(column) => {
                write!(f, "the column {table}.{} does not exist", column.name)
            }
            DifferenceKind::Type(column, found) => write!(
                f,
                "the column {table}.{} is {} in the database, but declared as {:?}: expected {}",
                column.name,
                found.sql_type,
                column.kind,
                types(self.kind, column.kind).join(" or ")
            ),
            DifferenceKind::Null(column) => {
                let says = |nullable| {
                    if nullable {
                        "may be NULL"
                    } else {
                        "is NOT NULL"
                    }
                };
                write!(
                    f,
                    "the column {table}.{} {} in the database, but {} as declared",
                    column.name,
                    says(!column.nullable),
                    says(column.nullable)
                )
            }
            DifferenceKind::Undeclared(found) => write!(
                f,
                "the column {table}.{} is not declared, but must have a value: no row can be inserted",
                found.name
            ),
        }
    }
}

impl Db {
    /// Compares the declared tables with the database. Gives a sentence for each difference; none means no drift.
    pub async fn drift(&self, tables: &[TableShape]) -> DbResult<Vec<String>> {
        let differences = self.differences(tables).await?;
        let drift = differences
            .iter()
            .filter(|difference| difference.is_drift());
        Ok(drift.map(ToString::to_string).collect())
    }

    /// Compares the declared tables with the database. Gives every difference, also those that do no harm.
    pub async fn differences(&self, tables: &[TableShape]) -> DbResult<Vec<Difference>> {
        let kind = self.kind();
        let mut differences = Vec::new();
        for table in tables {
            let mut differs = |what| {
                differences.push(Difference {
                    table: table.name,
                    what,
                    kind,
                });
            };
            let found = self.found(table.name).await?;
            if found.is_empty() {
                differs(DifferenceKind::NoTable);
                continue;
            }
            if kind == DbKind::Sqlite && !self.is_strict(table.name).await? {
                differs(DifferenceKind::NotStrict);
            }
            compare(kind, table, found, &mut differs);
        }
        Ok(differences)
    }

    async fn found(&self, table: &'static str) -> DbResult<Vec<FoundColumn>> {
        let query = match self.kind() {
            DbKind::Postgres => Stmt::new()
                .sql(
                    "SELECT column_name::text, CASE WHEN udt_name = 'numeric' AND numeric_precision IS NOT NULL \
                     THEN 'numeric(' || numeric_precision || ',' || numeric_scale || ')' ELSE udt_name::text END, \
                     is_nullable = 'YES', column_default IS NOT NULL OR is_identity = 'YES' OR is_generated = 'ALWAYS' \
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
        let decimals = self.decimals(table).await?;
        type Row = (String, String, bool, bool);
        let rows = self
            .load::<Row, (Text, Text, Bool, Bool)>(Access::Read, query.uncached())
            .await?;
        Ok(rows
            .into_iter()
            .map(|(name, sql_type, nullable, has_default)| FoundColumn {
                sql_type: decimals.get(&name).cloned().unwrap_or(sql_type),
                name,
                nullable,
                has_default,
            })
            .collect())
    }

    /// The columns of SQLite's that a rule makes decimal numbers, each with its type.
    async fn decimals(&self, table: &'static str) -> DbResult<HashMap<String, String>> {
        if self.kind() == DbKind::Postgres {
            return Ok(HashMap::new());
        }
        let query = Stmt::new()
            .sql("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ")
            .bind::<Text, _>(table);
        let texts = self
            .load::<String, Text>(Access::Read, query.uncached())
            .await?;
        Ok(texts.iter().flat_map(|sql| decimals(sql)).collect())
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

fn compare(
    kind: DbKind,
    table: &TableShape,
    found: Vec<FoundColumn>,
    differs: &mut impl FnMut(DifferenceKind),
) {
    for column in &table.columns {
        match found.iter().find(|f| f.name == column.name) {
            None => differs(DifferenceKind::NoColumn(*column)),
            Some(found) => {
                if !types(kind, column.kind)
                    .iter()
                    .any(|ty| *ty == found.sql_type)
                {
                    differs(DifferenceKind::Type(*column, found.clone()));
                }
                if column.nullable != found.nullable {
                    differs(DifferenceKind::Null(*column));
                }
            }
        }
    }
    for extra in found {
        if !table.columns.iter().any(|c| c.name == extra.name) {
            differs(DifferenceKind::Undeclared(extra));
        }
    }
}

/// The database's own names for a kind.
fn types(database: DbKind, kind: ColumnKind) -> Vec<Cow<'static, str>> {
    if let ColumnKind::Decimal { digits, scale } = kind {
        return vec![match database {
            DbKind::Postgres => format!("numeric({digits},{scale})").into(),
            DbKind::Sqlite => format!("decimal({digits},{scale})").into(),
        }];
    }
    let types: &[&str] = match (database, kind) {
        (_, ColumnKind::Decimal { .. }) => &[],
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
    };
    types.iter().map(|ty| Cow::Borrowed(*ty)).collect()
}

/// `CHECK (abs(price) / 100 < 100000000)` in a `CREATE TABLE` of SQLite's: `price` and `decimal(10,2)`.
fn decimals(sql: &str) -> impl Iterator<Item = (String, String)> {
    let zeros = |number: &str| {
        let zeros = number.strip_prefix('1')?;
        let all = zeros.bytes().all(|digit| digit == b'0');
        all.then_some(zeros.len())
    };
    sql.split("CHECK (abs(").skip(1).filter_map(move |rule| {
        let (column, rest) = rule.split_once(") / ")?;
        let (one, rest) = rest.split_once(" < ")?;
        let (scale, whole) = (zeros(one)?, zeros(rest.split_once(')')?.0)?);
        let column = column.trim_matches('"').to_owned();
        Some((column, format!("decimal({},{scale})", whole + scale)))
    })
}
