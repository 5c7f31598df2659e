//! SQL for both databases as `migrations/README.md` wants it: types, names of rules, `STRICT`, indexes. Pure.

use std::fmt::Write as _;

use crud_core::db::{ColumnKind, DbKind};

use crate::{
    names::sql_name,
    table::{Column, Literal, Table},
};

/// Microseconds since 1970, as SQLite can say it.
const SQLITE_NOW: &str =
    "(CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)";

/// The database's name of a kind.
pub(crate) const fn type_name(database: DbKind, kind: ColumnKind) -> &'static str {
    match (database, kind) {
        (DbKind::Postgres, ColumnKind::Uuid) => "uuid",
        (DbKind::Postgres, ColumnKind::Text) => "text COLLATE \"C\"",
        (DbKind::Postgres, ColumnKind::Bool) => "boolean",
        (DbKind::Postgres, ColumnKind::Int2) => "smallint",
        (DbKind::Postgres, ColumnKind::Int4) => "integer",
        (DbKind::Postgres, ColumnKind::Int8) => "bigint",
        (DbKind::Postgres, ColumnKind::Float4) => "real",
        (DbKind::Postgres, ColumnKind::Float8) => "double precision",
        (DbKind::Postgres, ColumnKind::Timestamptz) => "timestamptz",
        (DbKind::Postgres, ColumnKind::Date) => "date",
        (DbKind::Postgres, ColumnKind::Jsonb) => "jsonb",
        (DbKind::Postgres, ColumnKind::Binary) => "bytea",
        (DbKind::Sqlite, ColumnKind::Uuid | ColumnKind::Binary) => "BLOB",
        (DbKind::Sqlite, ColumnKind::Text | ColumnKind::Date | ColumnKind::Jsonb) => "TEXT",
        (DbKind::Sqlite, ColumnKind::Float4 | ColumnKind::Float8) => "REAL",
        (DbKind::Sqlite, _) => "INTEGER",
    }
}

/// What stands on SQLite for a type that PostgreSQL has.
fn type_check(column: &Column) -> Option<String> {
    let name = sql_name(&column.name);
    match column.kind {
        ColumnKind::Uuid => Some(format!("length({name}) = 16")),
        ColumnKind::Bool => Some(format!("{name} IN (0, 1)")),
        ColumnKind::Int2 => Some(format!("{name} BETWEEN -32768 AND 32767")),
        ColumnKind::Int4 => Some(format!("{name} BETWEEN -2147483648 AND 2147483647")),
        ColumnKind::Jsonb if column.nullable => {
            Some(format!("{name} IS NULL OR json_valid({name})"))
        }
        ColumnKind::Jsonb => Some(format!("json_valid({name})")),
        _ => None,
    }
}

fn default(database: DbKind, literal: &Literal) -> String {
    match (literal, database) {
        (Literal::Bool(value), DbKind::Postgres) => value.to_string(),
        (Literal::Bool(value), DbKind::Sqlite) => u8::from(*value).to_string(),
        (Literal::Sql(text), _) => text.clone(),
        (Literal::Now, DbKind::Postgres) => "now()".to_owned(),
        (Literal::Now, DbKind::Sqlite) => SQLITE_NOW.to_owned(),
        (Literal::Random, DbKind::Postgres) => "gen_random_uuid()".to_owned(),
        (Literal::Random, DbKind::Sqlite) => "(randomblob(16))".to_owned(),
    }
}

/// `title TEXT NOT NULL DEFAULT 'x'`
fn definition(database: DbKind, column: &Column) -> String {
    let mut sql = format!(
        "{} {}",
        sql_name(&column.name),
        type_name(database, column.kind)
    );
    if !column.nullable {
        sql.push_str(" NOT NULL");
    }
    if let Some(literal) = &column.default {
        let _ = write!(sql, " DEFAULT {}", default(database, literal));
    }
    sql
}

/// The names and conditions of a column's `CHECK`s: its own, and those of SQLite's types.
fn checks(database: DbKind, table: &str, column: &Column) -> (Option<String>, Option<String>) {
    let name = &column.name;
    let own = column.check.as_ref();
    let own = own.map(|(end, rule)| format!("CONSTRAINT ck_{table}_{name}{end} CHECK ({rule})"));
    let ty = match database {
        DbKind::Postgres => None,
        DbKind::Sqlite => type_check(column),
    };
    (
        own,
        ty.map(|rule| format!("CONSTRAINT ty_{table}_{name} CHECK ({rule})")),
    )
}

/// `CREATE TABLE` with its rules and indexes. `key` names the primary key's column.
pub(crate) fn create_table(database: DbKind, table: &Table, key: &str) -> String {
    let name = &table.name;
    let mut lines: Vec<_> = table
        .columns
        .iter()
        .map(|column| definition(database, column))
        .collect();
    lines.push(format!(
        "CONSTRAINT pk_{name} PRIMARY KEY ({})",
        sql_name(key)
    ));
    for column in &table.columns {
        if let Some(to) = &column.reference {
            lines.push(format!(
                "CONSTRAINT fk_{name}_{} FOREIGN KEY ({}) REFERENCES {} (id) ON DELETE {}",
                column.name,
                sql_name(&column.name),
                to.table,
                to.on_delete
            ));
        }
    }
    let (own, types): (Vec<_>, Vec<_>) = table
        .columns
        .iter()
        .map(|column| checks(database, name, column))
        .unzip();
    lines.extend(own.into_iter().flatten());
    lines.extend(types.into_iter().flatten());
    let strict = if database == DbKind::Sqlite {
        " STRICT"
    } else {
        ""
    };
    let mut sql = format!(
        "CREATE TABLE {name} (\n    {}\n){strict};\n\n",
        lines.join(",\n    ")
    );
    let standard = ["created_by", "updated_by"];
    let own = |column: &&Column| !standard.contains(&&*column.name);
    for column in table.columns.iter().filter(own) {
        sql.push_str(&index(name, column, table.archivable()));
    }
    if table
        .columns
        .iter()
        .any(|column| column.name == "created_at")
        && key == "id"
    {
        let live = if table.archivable() {
            " WHERE archived_at IS NULL"
        } else {
            ""
        };
        let among = if table.archivable() {
            " among the rows that are not archived"
        } else {
            ""
        };
        let _ = writeln!(
            sql,
            "-- The default list: newest first{among}.\n\
             CREATE INDEX ix_{name}_created ON {name} (created_at DESC, id DESC){live};"
        );
    }
    for column in table.columns.iter().filter(|column| !own(column)) {
        sql.push_str(&index(name, column, table.archivable()));
    }
    sql
}

impl Table {
    fn archivable(&self) -> bool {
        self.columns
            .iter()
            .any(|column| column.name == "archived_at")
    }
}

/// The index that a unique column or a reference needs; empty for others.
pub(crate) fn index(table: &str, column: &Column, archivable: bool) -> String {
    let (name, quoted) = (&column.name, sql_name(&column.name));
    if column.unique {
        let (why, live) = if archivable {
            (
                "-- Partial: archiving a row frees its value.\n",
                " WHERE archived_at IS NULL",
            )
        } else {
            ("", "")
        };
        let mut sql =
            format!("{why}CREATE UNIQUE INDEX uq_{table}_{name} ON {table} ({quoted}){live};\n");
        if archivable && column.reference.is_some() {
            sql.push_str(&index(
                table,
                &Column {
                    unique: false,
                    ..column.clone()
                },
                archivable,
            ));
        }
        return sql;
    }
    match (&column.reference, column.nullable) {
        (None, _) => String::new(),
        (Some(_), false) => format!("CREATE INDEX ix_{table}_{name} ON {table} ({quoted});\n"),
        (Some(_), true) => {
            format!(
                "CREATE INDEX ix_{table}_{name} ON {table} ({quoted}) WHERE {quoted} IS NOT NULL;\n"
            )
        }
    }
}

/// `ALTER TABLE … ADD COLUMN` with its rules. A column that must have a value and has no default is made NOT NULL
/// behind a mark, since only a person knows what the rows that are there get.
pub(crate) fn add_column(database: DbKind, table: &str, column: &Column) -> String {
    let waits = !column.nullable && column.default.is_none();
    let nullable = Column {
        nullable: column.nullable || waits,
        ..column.clone()
    };
    let mut sql = format!(
        "ALTER TABLE {table} ADD COLUMN {}",
        definition(database, &nullable)
    );
    if let Some(to) = &column.reference {
        let _ = write!(
            sql,
            " CONSTRAINT fk_{table}_{} REFERENCES {} (id) ON DELETE {}",
            column.name, to.table, to.on_delete
        );
    }
    let (own, ty) = checks(database, table, column);
    for rule in [own, ty].into_iter().flatten() {
        let _ = write!(sql, " {rule}");
    }
    sql.push_str(";\n");
    if waits {
        sql.push_str(&set_not_null(table, &column.name));
    }
    sql
}

/// NOT NULL, behind a mark for the rows that have no value.
pub(crate) fn set_not_null(table: &str, column: &str) -> String {
    let column = sql_name(column);
    format!(
        "-- FILL IN what rows without a value get, if there are any: UPDATE {table} SET {column} = … WHERE {column} IS NULL;\n\
         ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;\n"
    )
}

/// NULL is allowed.
pub(crate) fn drop_not_null(table: &str, column: &str) -> String {
    format!(
        "ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL;\n",
        sql_name(column)
    )
}
