//! The schemas of all DTOs: taken from schemars, freed of its artefacts, made as narrow as the server
//! is, and gathered under `components/schemas` by the names of their Rust types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

use super::{batch, bulk, children::List, limits, responses};
use crate::{dto::Field, id::IdKind, registry::Resource};

/// Makes the schema of one type.
pub(super) type SchemaFn = fn(&mut SchemaGenerator) -> Schema;

pub(super) const PATH: &str = "#/components/schemas/";
/// Where schemas of answers stand until it is known whether bodies have the same.
const ANSWERS: &str = "#/components/answers/";

/// The schemas met so far. What is read and what is written are two contracts: a field with a default
/// may be left out of a body, but is always in an answer.
pub(super) struct Schemas {
    bodies: SchemaGenerator,
    answers: SchemaGenerator,
    fields: BTreeMap<String, &'static [Field]>,
    masked: BTreeMap<String, BTreeSet<&'static str>>,
    pages: BTreeMap<String, Value>,
    /// Names of changes with the row that they are of, of the changes, what names their rows, and whether they
    /// need a version.
    changes: BTreeMap<String, (String, IdKind, bool)>,
    /// Names of bodies in a batch, the bodies, and their fields that may refer to rows of it.
    referring: BTreeMap<String, (String, Vec<&'static str>)>,
    /// Names of bodies with children, the bodies, and their lists.
    nesting: BTreeMap<String, (String, Vec<List>)>,
    /// Names of rows of which some fields are asked for, and of the whole rows.
    parts: BTreeMap<String, String>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let at = |path: &'static str| {
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = path.into())
        };
        Self {
            bodies: at("/components/schemas").into_generator(),
            answers: at("/components/answers").for_serialize().into_generator(),
            fields: BTreeMap::new(),
            masked: BTreeMap::new(),
            pages: BTreeMap::new(),
            changes: BTreeMap::new(),
            referring: BTreeMap::new(),
            nesting: BTreeMap::new(),
            parts: BTreeMap::new(),
        }
    }

    /// The schema of a body.
    pub(super) fn body(&mut self, schema: SchemaFn) -> Value {
        clean(schema(&mut self.bodies))
    }

    /// The schema of an entity's body, whose text is read by the framework's own rules.
    pub(super) fn entity_body(&mut self, schema: SchemaFn, fields: &'static [Field]) -> Value {
        let schema = self.body(schema);
        if let Some(name) = name(&schema, PATH) {
            self.fields.insert(name.to_owned(), fields);
        }
        schema
    }

    /// The schema of an answer.
    pub(super) fn answer(&mut self, schema: SchemaFn) -> Value {
        clean(schema(&mut self.answers))
    }

    /// The schema of a row, of which some callers may not see these fields.
    pub(super) fn row(&mut self, schema: SchemaFn, masked: &BTreeSet<&'static str>) -> Value {
        let schema = self.answer(schema);
        if let Some(name) = name(&schema, ANSWERS) {
            let known = self.masked.entry(name.to_owned()).or_default();
            known.extend(masked);
        }
        schema
    }

    /// Whether a row has a field.
    pub(super) fn row_has(&self, row: &Value, field: &str) -> bool {
        let definition = name(row, ANSWERS).and_then(|name| self.answers.definitions().get(name));
        definition.unwrap_or(row)["properties"].get(field).is_some()
    }

    /// A row, or some of its fields.
    pub(super) fn or_part(&mut self, row: Value) -> Value {
        let Some(whole) = name(&row, ANSWERS).map(str::to_owned) else {
            let mut part = row.clone();
            partial(&mut part);
            return json!({ "anyOf": [row, part] });
        };
        let part = format!("{whole}Part");
        let reference = json!({ "anyOf": [row, { "$ref": format!("{PATH}{part}") }] });
        self.parts.insert(part, whole);
        reference
    }

    /// The schema of a field of a row.
    pub(super) fn field(&self, row: &Value, field: &str) -> Option<Value> {
        let definition = name(row, ANSWERS).and_then(|name| self.answers.definitions().get(name));
        let field = definition.unwrap_or(row)["properties"].get(field)?.clone();
        Some(clean(Schema::try_from(field).ok()?))
    }

    /// The envelope of a list; it gets a name of its own if no DTO has that.
    pub(super) fn page(&mut self, entity: &str, row: &Value) -> Value {
        let page = responses::page(row);
        let name = format!("{entity}Page");
        if self.pages.get(&name) == Some(&page) {
            return json!({ "$ref": format!("{PATH}{name}") });
        }
        let taken = self.answers.definitions().contains_key(&name)
            || self.bodies.definitions().contains_key(&name)
            || self.pages.contains_key(&name);
        if taken {
            return page;
        }
        let reference = json!({ "$ref": format!("{PATH}{name}") });
        self.pages.insert(name, page);
        reference
    }

    /// A change with the row that it is of: the item of a list of changes.
    pub(super) fn change(&mut self, r: &Resource, update: &Value) -> Value {
        let item = format!("{}Change", r.name);
        let taken = self.answers.definitions().contains_key(&item)
            || self.bodies.definitions().contains_key(&item)
            || self.changes.contains_key(&item);
        match name(update, PATH) {
            Some(update) if !taken => {
                let change = (update.to_owned(), r.ids, r.if_match_required);
                self.changes.insert(item.clone(), change);
                json!({ "$ref": format!("{PATH}{item}") })
            }
            _ => {
                let definition = name(update, PATH).and_then(|name| self.known(name));
                let mut item = definition.unwrap_or(update).clone();
                bulk::change(&mut item, r.ids, r.if_match_required);
                item
            }
        }
    }

    /// A body in a batch, these fields of which may name a row that the batch creates.
    pub(super) fn referring(&mut self, body: &Value, ids: &[&'static str]) -> Value {
        let (Some(of), false) = (name(body, PATH), ids.is_empty()) else {
            return body.clone();
        };
        let item = format!("{of}InBatch");
        self.referring
            .insert(item.clone(), (of.to_owned(), ids.to_vec()));
        json!({ "$ref": format!("{PATH}{item}") })
    }

    /// A body that may bring rows of these lists along.
    pub(super) fn nesting(&mut self, body: &Value, lists: Vec<List>) -> Value {
        let (Some(of), false) = (name(body, PATH), lists.is_empty()) else {
            return body.clone();
        };
        let item = format!("{of}WithChildren");
        self.nesting.insert(item.clone(), (of.to_owned(), lists));
        json!({ "$ref": format!("{PATH}{item}") })
    }

    /// The definition that bodies have under a name.
    pub(super) fn known(&self, name: &str) -> Option<&Value> {
        self.bodies.definitions().get(name)
    }

    /// All schemas by name; references to them in the document are made final.
    pub(super) fn finish(mut self, document: &mut Value) -> Value {
        let mut all = definitions(&mut self.bodies);
        let mut answers = definitions(&mut self.answers);
        for (name, schema) in &mut all {
            limits::body(schema, self.fields.get(name).copied());
        }
        for (name, (update, ids, is_versioned)) in &self.changes {
            let Some(mut item) = all.get(update).cloned() else {
                continue;
            };
            bulk::change(&mut item, *ids, *is_versioned);
            all.insert(name.clone(), item);
        }
        for (name, (body, ids)) in &self.referring {
            let Some(mut item) = all.get(body).cloned() else {
                continue;
            };
            batch::referring(&mut item, ids);
            let taken = all.insert(name.clone(), item).is_some();
            assert!(
                !taken,
                "rename the DTO `{name}`: a batch has a schema of that name"
            );
        }
        for (name, (body, lists)) in &self.nesting {
            let Some(mut item) = all.get(body).cloned() else {
                continue;
            };
            for list in lists {
                let of = self::name(&list.create, PATH).and_then(|of| all.get(of));
                list.add_to(&mut item, of.unwrap_or(&list.create).clone());
            }
            let taken = all.insert(name.clone(), item).is_some();
            assert!(
                !taken,
                "rename the DTO `{name}`: the body with children has that name"
            );
        }
        for (name, schema) in &mut answers {
            if let Some(masked) = self.masked.get(name) {
                may_be_missing(schema, masked);
            }
        }
        for (part, whole) in &self.parts {
            let Some(mut schema) = answers.get(whole).cloned() else {
                continue;
            };
            partial(&mut schema);
            let taken =
                self.pages.insert(part.clone(), schema).is_some() || answers.contains_key(part);
            assert!(
                !taken,
                "rename the DTO `{part}`: the fields of `{whole}` have that name"
            );
        }
        let apart = apart(&all, &answers);
        for schema in answers.values_mut().chain(self.pages.values_mut()) {
            settle(schema, &apart);
        }
        settle(document, &apart);
        for (name, schema) in answers {
            all.insert(final_name(&name, &apart), schema);
        }
        all.extend(self.pages);
        for (name, schema) in responses::schemas() {
            let taken = all.insert(name.to_owned(), schema).is_some();
            assert!(
                !taken,
                "rename the DTO `{name}`: errors have a schema of that name"
            );
        }
        all.into_iter().collect::<Map<_, _>>().into()
    }
}

/// The name at the end of a reference.
fn name<'a>(schema: &'a Value, path: &str) -> Option<&'a str> {
    schema.get("$ref")?.as_str()?.strip_prefix(path)
}

fn definitions(generator: &mut SchemaGenerator) -> BTreeMap<String, Value> {
    let all = generator.take_definitions(false).into_iter();
    all.filter_map(|(name, schema)| Some((name, clean(Schema::try_from(schema).ok()?))))
        .collect()
}

/// Removes what schemars adds beyond need, and states the limits of integers.
pub(crate) fn clean(mut schema: Schema) -> Value {
    RecursiveTransform(|schema: &mut Schema| {
        schema.remove("$schema");
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
        limits::number(schema);
    })
    .transform(&mut schema);
    schema.to_value()
}

/// Some fields of a row: the same, none of which must be there.
fn partial(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        object.remove("required");
        object.insert(
            "description".to_owned(),
            "The fields that were asked for.".into(),
        );
        object.insert("minProperties".to_owned(), 1.into());
    }
}

fn may_be_missing(schema: &mut Value, masked: &BTreeSet<&'static str>) {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !masked.contains(name)));
    }
}

/// The names under which bodies and answers have different schemas, by themselves or further down.
fn apart(bodies: &BTreeMap<String, Value>, answers: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut apart = BTreeSet::new();
    loop {
        let before = apart.len();
        for (name, answer) in answers {
            let Some(body) = bodies.get(name) else {
                continue;
            };
            let mut answer = answer.clone();
            settle(&mut answer, &apart);
            if answer != *body {
                apart.insert(name.clone());
            }
        }
        if apart.len() == before {
            return apart;
        }
    }
}

/// Points every reference to an answer's schema at its final place.
fn settle(value: &mut Value, apart: &BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(to) if key == "$ref" => {
                        if let Some(name) = to.strip_prefix(ANSWERS) {
                            *to = format!("{PATH}{}", final_name(name, apart));
                        }
                    }
                    value => settle(value, apart),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, apart)),
        _ => {}
    }
}

fn final_name(name: &str, apart: &BTreeSet<String>) -> String {
    match apart.contains(name) {
        true => format!("{name}Answer"),
        false => name.to_owned(),
    }
}
