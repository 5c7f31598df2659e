//! What SQLite knows of a table beyond its columns: rules, indexes and foreign keys. Reads only.

use crud_core::{
    Db,
    db::{Access, ColumnKind, DbResult, FoundColumn, Load as _, Stmt},
};
use diesel::sql_types::Text;

use crate::table::Reference;

/// The rules of a table.
pub(crate) struct Catalogue {
    /// Name and condition of each named `CHECK`.
    pub checks: Vec<(String, String)>,
    /// Name and statement of each index.
    pub indexes: Vec<(String, String)>,
    /// The columns that refer to other tables.
    pub references: Vec<(String, Reference)>,
    /// The defaults of columns, in SQLite's words.
    pub defaults: Vec<(String, String)>,
}

impl Catalogue {
    pub(crate) async fn read(db: &Db, table: &str) -> DbResult<Self> {
        let sql = pairs(
            db,
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name = ",
            table,
            "",
        )
        .await?;
        let indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ";
        let keys = "SELECT \"from\", \"table\" || ' ' || on_delete FROM pragma_foreign_key_list(";
        let keys = pairs(db, keys, table, ")").await?;
        let defaults = "SELECT name, dflt_value FROM pragma_table_info(";
        let references = keys.into_iter().filter_map(|(column, to)| {
            let (table, on_delete) = to.split_once(' ')?;
            Some((
                column,
                Reference {
                    table: table.to_owned(),
                    on_delete: on_delete.to_owned(),
                },
            ))
        });
        Ok(Self {
            checks: sql.first().map_or_else(Vec::new, |(_, sql)| checks(sql)),
            indexes: pairs(db, indexes, table, "").await?,
            references: references.collect(),
            defaults: pairs(db, defaults, table, ") WHERE dflt_value IS NOT NULL").await?,
        })
    }

    /// Whether a table has an index of words, over whatever columns.
    pub(crate) async fn has_words(db: &Db, table: &str) -> DbResult<bool> {
        let query = "SELECT name, name FROM sqlite_master WHERE type = 'table' AND name = ";
        let found = pairs(db, query, &format!("{table}_fts"), "").await?;
        Ok(!found.is_empty())
    }

    /// The type that PostgreSQL's column has, as far as SQLite's rules tell it.
    pub(crate) fn kind(&self, table: &str, column: &FoundColumn) -> ColumnKind {
        let name = format!("ty_{table}_{}", column.name);
        let rule = self.checks.iter().find(|(known, _)| *known == name);
        let rule = rule.map_or("", |(_, rule)| rule);
        if let Some(decimal) = decimal(&column.sql_type) {
            return decimal;
        }
        match &*column.sql_type {
            "BLOB" if rule.contains("= 16") => ColumnKind::Uuid,
            "BLOB" => ColumnKind::Binary,
            "REAL" => ColumnKind::Float8,
            "TEXT" if rule.contains("json_valid") => ColumnKind::Jsonb,
            "TEXT" => ColumnKind::Text,
            _ if rule.contains("IN (0, 1)") => ColumnKind::Bool,
            _ if rule.contains("-2147483648") => ColumnKind::Int4,
            _ if rule.contains("-32768") => ColumnKind::Int2,
            _ if column.name.ends_with("_at") => ColumnKind::Timestamptz,
            _ => ColumnKind::Int8,
        }
    }
}

/// `decimal(10,2)`, as the drift check names a column with such a rule.
fn decimal(sql_type: &str) -> Option<ColumnKind> {
    let inside = sql_type.strip_prefix("decimal(")?.strip_suffix(')')?;
    let (digits, scale) = inside.split_once(',')?;
    Some(ColumnKind::Decimal {
        digits: digits.parse().ok()?,
        scale: scale.parse().ok()?,
    })
}

/// The table that authors are in: what `created_by` refers to.
pub(crate) async fn authors(db: &Db) -> DbResult<Option<String>> {
    let query = "SELECT DISTINCT f.\"table\", f.\"table\" FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f \
                 WHERE m.type = 'table' AND f.\"from\" = ";
    Ok(pairs(db, query, "created_by", "")
        .await?
        .into_iter()
        .next()
        .map(|(table, _)| table))
}

async fn pairs(
    db: &Db,
    before: &'static str,
    bound: &str,
    after: &'static str,
) -> DbResult<Vec<(String, String)>> {
    let query = Stmt::new()
        .sql(before)
        .bind::<Text, _>(bound.to_owned())
        .sql(after);
    db.load::<(String, String), (Text, Text)>(Access::Read, query.uncached())
        .await
}

/// `CONSTRAINT name CHECK (…)`, wherever it stands in a `CREATE TABLE`.
fn checks(sql: &str) -> Vec<(String, String)> {
    let parts = sql.split("CONSTRAINT ").skip(1);
    let found = parts.filter_map(|part| {
        let (name, rest) = part.split_once(' ')?;
        let rule = rest.trim_start().strip_prefix("CHECK")?.trim_start();
        let mut depth = 0_usize;
        let end = rule.char_indices().find_map(|(at, letter)| {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at)
        })?;
        Some((name.to_owned(), rule.get(1..end)?.to_owned()))
    });
    found.collect()
}

/// Whether SQL speaks of a column.
pub(crate) fn mentions(sql: &str, column: &str) -> bool {
    sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word == column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_checks_of_a_table_are_found() {
        let sql = "CREATE TABLE t (a TEXT, CONSTRAINT pk_t PRIMARY KEY (a), CONSTRAINT ck_t_a_length CHECK \
                   (length(a) BETWEEN 1 AND 2), b BLOB CONSTRAINT ty_t_b CHECK (length(b) = 16)) STRICT";
        let found = checks(sql);
        assert_eq!(
            found[0],
            (
                "ck_t_a_length".to_owned(),
                "length(a) BETWEEN 1 AND 2".to_owned()
            )
        );
        assert_eq!(found[1], ("ty_t_b".to_owned(), "length(b) = 16".to_owned()));
        assert!(mentions(&found[0].1, "a") && !mentions(&found[0].1, "leng"));
    }
}
