//! The migration between the tables that the migrations make and those that are declared, for both databases.
//!
//! It stands on an SQLite database that has all migrations, because SQLite is always at hand and keeps the names of
//! every rule. What a declaration cannot say is marked by `FILL IN`. Changes nothing itself.

use crud_core::{
    Db, IdKind, Registry,
    db::{
        ColumnKind, ColumnShape, DbKind, DbResult, Difference, DifferenceKind, Executor as _,
        FoundColumn, TableShape,
    },
    relation::RelationKind,
};

use crate::{
    catalogue::{Catalogue, authors, mentions},
    names::sql_name,
    sql::{add_column, create_table, drop_not_null, index, set_not_null, type_name},
    table::{Column, Literal, Reference, Table},
    words,
};

const BOTH: [DbKind; 2] = [DbKind::Postgres, DbKind::Sqlite];

/// The four files of a migration.
///
/// ```
/// use crud_scaffold::{Layout, Plan, Repository, Scripts};
/// use std::path::Path;
///
/// /// A migration that is the same on both databases.
/// fn planned(name: &str, up: &str, down: &str) -> Result<Plan, String> {
///     let scripts = Scripts {
///         postgres_up: up.to_owned(),
///         postgres_down: down.to_owned(),
///         sqlite_up: up.to_owned(),
///         sqlite_down: down.to_owned(),
///     };
///     Repository::around(Path::new("."), Layout::CRATE)?.migration(name, scripts)
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    /// `postgres/…/up.sql`
    pub postgres_up: String,
    /// `postgres/…/down.sql`
    pub postgres_down: String,
    /// `sqlite/…/up.sql`
    pub sqlite_up: String,
    /// `sqlite/…/down.sql`
    pub sqlite_down: String,
}

impl Scripts {
    /// One step: behind what goes up, before what goes down.
    fn step(&mut self, database: DbKind, up: &str, down: &str) {
        let (ups, downs) = match database {
            DbKind::Postgres => (&mut self.postgres_up, &mut self.postgres_down),
            DbKind::Sqlite => (&mut self.sqlite_up, &mut self.sqlite_down),
        };
        ups.push_str(up);
        downs.insert_str(0, down);
    }
}

/// What leads from the tables of `db` to the declared ones; nothing if they are alike. `registry` tells what the
/// columns refer to. Tables that nobody declares are left alone.
///
/// # Errors
/// If the catalogue cannot be read.
///
/// # Panics
/// If `db` is not SQLite.
///
/// ```
/// use crud_core::{Db, Registry, db::DbResult};
/// use crud_scaffold::between;
///
/// /// What the tables of a file need to be as an application declares them.
/// async fn print_missing(file: &Db, registry: &Registry) -> DbResult<()> {
///     if let Some(scripts) = between(file, &registry.tables(), registry).await? {
///         println!("{}", scripts.sqlite_up);
///     }
///     Ok(())
/// }
/// ```
pub async fn between(
    db: &Db,
    tables: &[TableShape],
    registry: &Registry,
) -> DbResult<Option<Scripts>> {
    assert_eq!(
        db.kind(),
        DbKind::Sqlite,
        "the tables are compared on SQLite"
    );
    let differences = db.differences(tables).await?;
    let references = references(registry);
    let authors = authors(db).await?;
    let mut scripts = Scripts::default();
    let declared =
        |difference: &Difference| tables.iter().find(|table| table.name == difference.table);
    let missing = differences
        .iter()
        .filter(|d| d.what == DifferenceKind::NoTable)
        .filter_map(declared);
    let missing = missing
        .map(|shape| table(shape, &references, authors.as_deref()))
        .collect();
    for table in in_order(missing) {
        make(&mut scripts, &table);
    }
    let mut changes: Vec<_> = differences
        .iter()
        .filter(|d| d.what != DifferenceKind::NoTable)
        .collect();
    // Columns go when those that take their place are there.
    changes.sort_by_key(|d| matches!(d.what, DifferenceKind::Undeclared(_)));
    for difference in changes {
        let name = difference.table;
        let catalogue = Catalogue::read(db, name).await?;
        match &difference.what {
            DifferenceKind::NoTable => {}
            DifferenceKind::NotStrict => scripts.step(
                DbKind::Sqlite,
                &format!("-- FILL IN: {name} is not STRICT. Only a new table can be: make one, copy, drop, rename.\n"),
                "",
            ),
            DifferenceKind::NoColumn(shape) => {
                let archivable = declared(difference).is_some_and(|t| t.columns.iter().any(|c| c.name == "archived_at"));
                add(&mut scripts, name, &column(name, shape, &references, authors.as_deref()), archivable, "");
            }
            DifferenceKind::Null(shape) => {
                let (up, down) = if shape.nullable {
                    (drop_not_null(name, shape.name), set_not_null(name, shape.name))
                } else {
                    (set_not_null(name, shape.name), drop_not_null(name, shape.name))
                };
                BOTH.iter().for_each(|database| scripts.step(*database, &up, &down));
            }
            DifferenceKind::Type(shape, found) => retype(&mut scripts, name, shape, found, &catalogue),
            DifferenceKind::Undeclared(found) => remove(&mut scripts, name, found, &catalogue),
        }
    }
    for (table, columns) in registry.words() {
        if !db
            .drift_of_words(&[(table, columns.clone())])
            .await?
            .is_empty()
        {
            let is_there = Catalogue::has_words(db, table).await?;
            let ids = registry
                .resources()
                .iter()
                .find(|r| r.shape.name == table)
                .map(|r| r.ids);
            words_of(
                &mut scripts,
                table,
                &columns,
                ids.unwrap_or(IdKind::Uuid),
                is_there,
            );
        }
    }
    Ok((scripts != Scripts::default()).then_some(scripts))
}

/// Table, column and the table it refers to, as relations tell it.
fn references(registry: &Registry) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut found = Vec::new();
    for resource in registry.resources() {
        for relation in &resource.relations {
            let Some(other) = registry.get(relation.endpoint) else {
                continue;
            };
            found.push(match relation.kind {
                RelationKind::BelongsTo(column) => (resource.shape.name, column, other.shape.name),
                RelationKind::HasMany(column) => (other.shape.name, column, resource.shape.name),
            });
        }
    }
    found
}

fn column(
    table: &str,
    shape: &ColumnShape,
    references: &[(&'static str, &'static str, &'static str)],
    authors: Option<&str>,
) -> Column {
    let mut column = Column::new(shape.name, shape.kind, shape.nullable).standard(authors);
    let to = references
        .iter()
        .find(|(of, name, _)| *of == table && *name == shape.name);
    if let Some((_, _, to)) = to {
        column.reference = Some(Reference {
            table: (*to).to_owned(),
            on_delete: if shape.nullable {
                "SET NULL"
            } else {
                "RESTRICT"
            }
            .to_owned(),
        });
    }
    column
}

fn table(
    shape: &TableShape,
    references: &[(&'static str, &'static str, &'static str)],
    authors: Option<&str>,
) -> Table {
    let columns = shape
        .columns
        .iter()
        .map(|c| column(shape.name, c, references, authors));
    Table {
        name: shape.name.to_owned(),
        columns: columns.collect(),
    }
}

/// Each behind those that it refers to. Tables that refer to each other stay as they come.
fn in_order(mut tables: Vec<Table>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let waits = |table: &Table| {
            table
                .columns
                .iter()
                .filter_map(|column| column.reference.as_ref())
                .any(|to| {
                    to.table != table.name && tables.iter().any(|other| other.name == to.table)
                })
        };
        let next = tables.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(tables.remove(next));
    }
    ordered
}

fn make(scripts: &mut Scripts, table: &Table) {
    let key = match table.columns.iter().find(|column| column.name == "id") {
        Some(column) => column.name.clone(),
        None => table
            .columns
            .first()
            .map_or_else(String::new, |column| column.name.clone()),
    };
    let unknown: Vec<_> = table
        .columns
        .iter()
        .filter(|column| {
            column.name.ends_with("_id") && column.reference.is_none() && column.name != key
        })
        .map(|column| &*column.name)
        .collect();
    let unknown = if unknown.is_empty() {
        String::new()
    } else {
        format!(", foreign keys of {}", unknown.join(", "))
    };
    for database in BOTH {
        let up = format!(
            "-- FILL IN what a declared table does not say: defaults, limits (ck_…), unique indexes (uq_…){unknown};\n\
             -- and what becomes of a row when the one that it refers to is deleted.\n{}",
            create_table(database, table, &key)
        );
        scripts.step(database, &up, &format!("DROP TABLE {};\n", table.name));
    }
}

/// The index of a declared search for words.
fn words_of(scripts: &mut Scripts, table: &str, columns: &[&str], ids: IdKind, is_there: bool) {
    let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    for database in BOTH {
        if is_there {
            let other = format!(
                "-- FILL IN: {table} has an index of words, and not one over {}. Take it away, and make it anew.\n",
                columns.join(", ")
            );
            scripts.step(database, &other, "");
            continue;
        }
        let up = words::make(database, table, &columns, ids) + &words::fill(database, table);
        scripts.step(database, &up, &words::unmake(database, table));
    }
}

/// A column with its rules and its index, below a remark.
pub(crate) fn add(
    scripts: &mut Scripts,
    table: &str,
    column: &Column,
    archivable: bool,
    remark: &str,
) {
    let index = index(table, column, archivable);
    let drop = format!(
        "ALTER TABLE {table} DROP COLUMN {};\n",
        sql_name(&column.name)
    );
    for database in BOTH {
        let down = match database {
            DbKind::Sqlite if !index.is_empty() => {
                format!("DROP INDEX ix_{table}_{};\n{drop}", column.name)
            }
            _ => drop.clone(),
        };
        scripts.step(
            database,
            &(remark.to_owned() + &add_column(database, table, column) + &index),
            &down,
        );
    }
}

fn retype(
    scripts: &mut Scripts,
    table: &str,
    shape: &ColumnShape,
    found: &FoundColumn,
    catalogue: &Catalogue,
) {
    let column = sql_name(shape.name);
    let to = |kind| {
        let ty = type_name(DbKind::Postgres, kind);
        let bare = match ty.strip_suffix(" COLLATE \"C\"") {
            Some(bare) => bare,
            None => &*ty,
        };
        format!(
            "-- FILL IN how values become {bare}, if a cast does not do it.\n\
             ALTER TABLE {table} ALTER COLUMN {column} TYPE {ty} USING {column}::{bare};\n"
        )
    };
    scripts.step(
        DbKind::Postgres,
        &to(shape.kind),
        &to(catalogue.kind(table, found)),
    );
    let ask = format!(
        "-- FILL IN: SQLite changes no column's type. Add {table}.{} anew as {}, copy, and drop the old one.\n",
        shape.name,
        type_name(DbKind::Sqlite, shape.kind)
    );
    scripts.step(DbKind::Sqlite, &ask, &ask);
}

/// Takes a column away with its rules and indexes; the way back makes them again.
fn remove(scripts: &mut Scripts, table: &str, found: &FoundColumn, catalogue: &Catalogue) {
    let name = &found.name;
    let kind = catalogue.kind(table, found);
    let reference = catalogue
        .references
        .iter()
        .find(|(column, _)| column == name)
        .map(|(_, to)| to.clone());
    let default = catalogue.defaults.iter().find(|(column, _)| column == name);
    let default = default.and_then(|(_, value)| match kind {
        ColumnKind::Bool => Some(Literal::Bool(value == "1")),
        ColumnKind::Decimal { scale, .. } => value.parse().ok().map(|units| Literal::Decimal {
            units,
            scale: scale.into(),
        }),
        // An expression, which is SQLite's own.
        _ if value.contains('(') => None,
        _ => Some(Literal::Sql(value.clone())),
    });
    let rules: Vec<_> = catalogue
        .checks
        .iter()
        .filter(|(_, rule)| mentions(rule, name))
        .collect();
    let indexes: Vec<_> = catalogue
        .indexes
        .iter()
        .filter(|(_, sql)| {
            sql.split_once(" ON ")
                .is_some_and(|(_, on)| mentions(on, name))
        })
        .collect();
    let again: String = indexes.iter().map(|(_, sql)| format!("{sql};\n")).collect();
    let type_rule = format!("ty_{table}_{name}");
    let checks: String = rules
        .iter()
        .filter(|(rule, _)| *rule != type_rule)
        .map(|(rule, condition)| {
            format!("ALTER TABLE {table} ADD CONSTRAINT {rule} CHECK ({condition});\n")
        })
        .collect();
    let column = Column {
        default,
        reference: reference.clone(),
        ..Column::new(name, kind, found.nullable)
    };
    let drop = format!("ALTER TABLE {table} DROP COLUMN {};\n", sql_name(name));
    let note = "-- The values of the column are lost.\n";
    let down = |database| add_column(database, table, &column) + &checks + &again;
    scripts.step(
        DbKind::Postgres,
        &format!("{note}{drop}"),
        &down(DbKind::Postgres),
    );
    if reference.is_some() {
        let stays = format!(
            "-- FILL IN: SQLite drops no column of a foreign key. To be rid of {table}.{name}, make the table anew.\n"
        );
        if found.nullable {
            scripts.step(DbKind::Sqlite, &stays, "");
        } else {
            scripts.step(
                DbKind::Sqlite,
                &(stays + &drop_not_null(table, name)),
                &set_not_null(table, name),
            );
        }
        return;
    }
    let indexes: String = indexes
        .iter()
        .map(|(index, _)| format!("DROP INDEX {index};\n"))
        .collect();
    let rules: String = rules
        .iter()
        .map(|(rule, _)| format!("ALTER TABLE {table} DROP CONSTRAINT {rule};\n"))
        .collect();
    scripts.step(
        DbKind::Sqlite,
        &format!("{note}{indexes}{rules}{drop}"),
        &down(DbKind::Sqlite),
    );
}
