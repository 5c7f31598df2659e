//! What the body of a `POST` says of the rows that it may bring along, as `router::children` reads them.

use serde_json::{Value, json};

use super::schemas::Schemas;
use crate::{
    registry::{Registry, Resource},
    relation::{Relation, RelationKind},
    router::MOST_CHILDREN,
};

/// A list of rows that come with a new one.
pub(super) struct List {
    relation: &'static str,
    /// The column that the server sets.
    key: &'static str,
    /// The body of one of them by itself.
    pub(super) create: Value,
}

/// The body of a `POST` with the lists that the declaration opens.
pub(super) fn body(
    r: &Resource,
    registry: &Registry,
    create: &Value,
    schemas: &mut Schemas,
) -> Value {
    let lists = nested(r, registry).filter_map(|(relation, of)| match relation.kind {
        RelationKind::BelongsTo(_) => None,
        RelationKind::HasMany(key) => Some(List {
            relation: relation.name,
            key,
            create: schemas.entity_body(of.schemas.create, of.create_shape.fields),
        }),
    });
    let lists = lists.collect();
    schemas.nesting(create, lists)
}

/// Whether a row that comes with one of these has hooks.
pub(super) fn have_hooks(r: &Resource, registry: &Registry) -> bool {
    nested(r, registry).any(|(_, of)| of.has_hooks())
}

fn nested<'a>(
    r: &'a Resource,
    registry: &'a Registry,
) -> impl Iterator<Item = (&'a Relation, &'a Resource)> {
    let relations = r.relations.iter().filter(|relation| relation.nested);
    relations.filter_map(|relation| Some((relation, &**registry.get(relation.endpoint)?)))
}

impl List {
    /// Adds it to a body, with the body of one of its rows.
    pub(super) fn add_to(&self, body: &mut Value, mut of: Value) {
        if let Some(properties) = of["properties"].as_object_mut() {
            properties.shift_remove(self.key);
        }
        if let Some(required) = of["required"].as_array_mut() {
            required.retain(|name| name != self.key);
        }
        if of["required"].as_array().is_some_and(Vec::is_empty)
            && let Some(of) = of.as_object_mut()
        {
            of.shift_remove("required");
        }
        let text = format!(
            "Rows that are created with this one, in the same transaction; of all lists together at most {MOST_CHILDREN}."
        );
        body["properties"][self.relation] = json!({
            "description": text, "type": "array", "items": of, "maxItems": MOST_CHILDREN,
        });
    }
}
