//! The relation of a new entity to rows that are to refer to it, as a developer types it: `books:has_many` of a publisher.
//! Their entity gets the reference, as `publisher:ref(publishers)` would have given it. Pure.

use std::collections::BTreeMap;

use crud_core::IdKind;

use crate::{
    declaration::column_type,
    entity::{EntityPlan, MOST_COLUMNS},
    field::Field,
    names::{check_name, is_snake},
    schema,
};

/// Rows of an entity that is there, which get a reference to the new one.
///
/// ```
/// use crud_scaffold::{EntityPlan, HasMany};
///
/// let fields = ["name:string!", "books:has_many", "maps:has_many(charts)"].map(str::to_owned);
/// let publisher = EntityPlan::new("publisher", &fields, None).unwrap();
/// assert_eq!(publisher.fields.len(), 1);
/// assert_eq!(publisher.has_many[0], HasMany { name: "books".to_owned(), table: "books".to_owned() });
/// assert_eq!(publisher.has_many[1].table, "charts");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HasMany {
    /// What `include=` names.
    pub name: String,
    /// The table whose rows refer to the new entity.
    pub table: String,
}

impl HasMany {
    /// Whether this is meant to be one.
    pub(crate) fn is_meant(given: &str) -> bool {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        given
            .split_once(':')
            .is_some_and(|(_, kind)| kind.split(|c| !word(c)).next() == Some("has_many"))
    }

    /// Reads `NAME:has_many` or `NAME:has_many(TABLE)`.
    pub(crate) fn parse(given: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("the field `{given}` is wrong: {why}");
        let (name, kind) = given.split_once(':').unwrap_or((given, ""));
        let inside = kind.strip_prefix("has_many").unwrap_or(kind);
        let table = match inside.strip_prefix('(') {
            None if inside.is_empty() => Some(name),
            None => None,
            Some(rest) => rest.strip_suffix(')').filter(|table| is_snake(table)),
        };
        check_name(name, name).map_err(|why| wrong(&why))?;
        let table = table.ok_or_else(|| {
            wrong("has_many takes a table if that is not its name, as in `books:has_many(volumes)`, and nothing else")
        })?;
        Ok(Self {
            name: name.to_owned(),
            table: table.to_owned(),
        })
    }
}

/// The relation's other entity, with the one field that it gets; where its address is, is not known here. The plan knows
/// the entities that are there.
///
/// # Errors
/// A sentence, if no entity has the table.
pub(crate) fn child(plan: &EntityPlan, relation: &HasMany) -> Result<EntityPlan, String> {
    let HasMany { name, table } = relation;
    if *table == plan.table {
        return Err(format!(
            "`{name}:has_many` leads to the new {table} themselves; `parent:ref({table})` has them refer to each other"
        ));
    }
    let reference = format!("{}:ref({})", plan.module, plan.table);
    let Some((module, entity)) = plan.targets.get(table) else {
        let known: Vec<_> = plan.targets.keys().map(|table| &**table).collect();
        return Err(format!(
            "`{name}:has_many` leads to `{table}`, which is no entity's table; accepted are {}; make that entity first, or \
             `{}` without this and then that one with `{reference}`",
            known.join(", "),
            plan.module
        ));
    };
    Ok(EntityPlan {
        module: module.clone(),
        entity: entity.clone(),
        table: table.clone(),
        endpoint: String::new(),
        ids: IdKind::Uuid,
        fields: vec![Field::parse(&reference)?],
        has_many: Vec::new(),
        targets: [(
            plan.table.clone(),
            (plan.module.clone(), plan.entity.clone()),
        )]
        .into(),
        target_ids: [(plan.table.clone(), plan.ids)].into(),
        children: BTreeMap::new(),
    })
}

/// That a child's table has room for its reference, and nothing of its name. `columns` are those that it has.
///
/// # Errors
/// A sentence.
pub(crate) fn check_room(
    relation: &HasMany,
    child: &EntityPlan,
    columns: &[&str],
) -> Result<(), String> {
    let HasMany { name, table } = relation;
    for field in &child.fields {
        let (relation, column) = (&field.name, field.column());
        let mut columns = columns.iter();
        if let Some(taken) = columns.find(|taken| *taken == relation || **taken == column) {
            return Err(format!(
                "`{name}:has_many` would give {table} a column `{column}` and a relation `{relation}`, and they have \
                 `{taken}` already"
            ));
        }
    }
    if columns.len() >= MOST_COLUMNS {
        return Err(format!(
            "`{name}:has_many` would give {table} one column more, and they have {MOST_COLUMNS} already, which is the most"
        ));
    }
    Ok(())
}

/// What is to be written by hand where a child's declaration, in this file, cannot be edited safely.
pub(crate) fn by_hand(
    plan: &EntityPlan,
    relation: &HasMany,
    child: &EntityPlan,
    file: &str,
    schema_file: &str,
) -> String {
    let HasMany { name, table } = relation;
    let field = &child.fields[0];
    let (column, parent) = (field.column(), &plan.entity);
    format!(
        "{file} declares `{}` in another form than `new entity` does, so nothing is written; leave out `{name}:has_many`, \
         then add `{}` to {table} in {schema_file}, `pub {column}: {}` to the DTOs of `{}`, \
         `{} = belongs_to({table}::{column} -> {parent})` to its relations and \
         `relations({name} = has_many({table}::{column} -> {}))` to `{parent}`, and have the migration written",
        child.entity,
        schema::line(&child.column(field)),
        column_type(child, field),
        child.entity,
        field.name,
        child.entity
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_relation_is_told_what_is_accepted() {
        for (given, says) in [
            ("books:has_many!", "and nothing else"),
            ("books:has_many:unique", "and nothing else"),
            ("books:has_many()", "as in `books:has_many(volumes)`"),
            ("books:has_many(Book)", "as in `books:has_many(volumes)`"),
            ("books:has_many(books", "as in `books:has_many(volumes)`"),
            ("Books:has_many", "`Books` is no name"),
            ("type:has_many(types)", "is a word of Rust"),
            ("fields:has_many", "has a meaning of its own"),
        ] {
            assert!(HasMany::is_meant(given), "{given}");
            let told = HasMany::parse(given).unwrap_err();
            assert!(
                told.contains(says) && told.contains(given),
                "{given}: {told}"
            );
        }
        for other in ["books:has_manys", "has_many:string", "has_many"] {
            assert!(!HasMany::is_meant(other), "{other}");
        }
    }
}
