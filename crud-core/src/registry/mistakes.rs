//! What a declaration says and cannot mean, found where it is registered. One sentence for each; the program does not
//! start with one.

use super::Resource;
use crate::{
    db::ColumnKind,
    filter::On,
    policy::{Action, Mask},
    query::sort_keys,
};

/// Refuses an entity that contradicts itself.
///
/// # Panics
/// If it does.
pub(super) fn refuse(resource: &Resource) {
    if let Err(error) = sort_keys(resource, &Mask::default(), resource.default_sort) {
        panic!(
            "`{}` declares an impossible default_sort: {error}",
            resource.name
        );
    }
    for unique in resource.unique {
        let is_sent = resource.create_shape.fields.iter();
        assert!(
            is_sent.clone().any(|field| field.name == unique.name),
            "`{}` declares `unique({})`, which its create DTO does not have",
            resource.name,
            unique.name
        );
    }
    if let Some(sort) = resource.sorts.iter().find(|s| s.kind == ColumnKind::Jsonb) {
        panic!(
            "`{}` declares `sort({})`, which is JSON: the databases order that differently",
            resource.name, sort.name
        );
    }
    if let Some(fault) = resource.fault_of_aggregates() {
        panic!("`{}` declares {fault}", resource.name);
    }
    let declared = resource.routes.len() < Action::ALL.len();
    if let Some(action) = resource
        .routes
        .iter()
        .find(|a| declared && !resource.offers(**a))
    {
        panic!(
            "`{}` declares the route `{}`, for which its table `{}` has no column `archived_at`",
            resource.name,
            action.as_str(),
            resource.shape.name
        );
    }
    for relation in &resource.relations {
        let name = relation.name;
        let taken = resource.get.has(name) || resource.list.has(name);
        assert!(
            !taken,
            "`{}` has a relation and a field of the name `{name}`: give one of them another",
            resource.name
        );
    }
    let words = resource.filters.iter().filter_map(|field| match &field.on {
        On::Words(words) => Some((field.name, words)),
        On::Column(_) | On::Relation(_) => None,
    });
    for (i, (name, words)) in words.enumerate() {
        assert!(
            i == 0,
            "`{}` looks for words by `{name}` and another field: a table has one index of words",
            resource.name
        );
        let mut columns = resource.shape.columns.iter();
        let is_other = |name: &&str| !columns.any(|column| column.name == *name);
        if let Some(column) = words.columns().find(is_other) {
            panic!(
                "`{}` looks for words in `{column}`, which its table `{}` does not have",
                resource.name, resource.shape.name
            );
        }
    }
    for field in &resource.filters {
        let On::Relation(related) = field.on else {
            continue;
        };
        let endpoint = related().endpoint;
        let relations = &mut resource.relations.iter();
        let found = relations.find(|relation| relation.name == field.name);
        assert!(
            found.is_some_and(|relation| relation.endpoint == endpoint),
            "`{}` filters through `{}`: declare it in `relations(…)`, with the entity of the endpoint `{endpoint}`",
            resource.name,
            field.name
        );
    }
}
