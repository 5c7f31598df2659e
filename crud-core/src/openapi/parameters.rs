//! The parameters of generated routes, as `query` and `router::request` read them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    filters, limits,
    schemas::{self, Schemas},
};
use crate::{
    Principal,
    id::{IdKind, LONGEST_TEXT},
    policy::Mask,
    query::{DEFAULT_SIZE, LARGEST_OFFSET, LARGEST_PAGE, LARGEST_SIZE},
    registry::Resource,
};

/// The parameters of a list.
pub(super) fn list(
    r: &Resource,
    masked: &BTreeSet<&'static str>,
    callers: &[Principal],
    schemas: &Schemas,
) -> Vec<Value> {
    let mut all = pages();
    all.push(query(
        "cursor",
        "Where the page begins: `next_cursor` or `prev_cursor` of a page of the same list. With `page_size` or \
         `limit`, and without `page`, `offset` and `skip`.",
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$" }),
    ));
    all.push(sort(r));
    all.push(query(
        "total",
        "Whether all rows are counted; without it a list is cheaper. With `cursor` they are not unless this asks \
         for it. `estimated` counts up to 10,000 rows, and has PostgreSQL estimate more.",
        json!({ "type": "string", "enum": ["exact", "none", "estimated"] }),
    ));
    all.extend(archived(r));
    all.extend(include(r));
    let names: Vec<_> = r.list.seen(&Mask::default()).collect();
    all.push(fields(&names));
    all.extend(filters::of(r, masked, callers, schemas));
    all
}

/// Which part of a list.
pub(super) fn pages() -> Vec<Value> {
    let number = |min: i64, max: i64, default: i64| {
        json!({
            "type": "integer", "format": "int64",
            "minimum": min, "maximum": max, "default": default,
        })
    };
    let with = "Not together with `page` and `page_size`.";
    vec![
        query(
            "page",
            "The number of the page, from 1. Not together with `limit`, `offset` and `skip`.",
            number(1, LARGEST_PAGE, 1),
        ),
        query(
            "page_size",
            "The rows on a page. Not together with `limit`, `offset` and `skip`.",
            number(1, LARGEST_SIZE, DEFAULT_SIZE),
        ),
        query(
            "limit",
            &format!("The rows to answer. {with}"),
            number(1, LARGEST_SIZE, DEFAULT_SIZE),
        ),
        query(
            "offset",
            &format!("The rows to pass over. {with}"),
            number(0, LARGEST_OFFSET, 0),
        ),
        query(
            "skip",
            &format!("Another name of `offset`, not together with it. {with}"),
            number(0, LARGEST_OFFSET, 0),
        ),
    ]
}

/// All rows instead of a page.
pub(super) fn format() -> Value {
    query(
        "format",
        "Every row instead of a page, in the order of the ids, as lines of JSON or CSV; the first type of \
         `Accept` says the same. Together with filters and `archived` only.",
        json!({ "type": "string", "enum": ["ndjson", "csv"] }),
    )
}

/// What a file is.
pub(super) fn format_of_body() -> Value {
    query(
        "format",
        "What the file is: lines of JSON, or CSV with the fields' names in its first line. When left out, the type of the \
         body says so.",
        json!({ "type": "string", "enum": ["ndjson", "csv"] }),
    )
}

/// Whether a list is counted.
pub(super) fn total() -> Value {
    query(
        "total",
        "Whether all rows are counted; without it a list is cheaper.",
        json!({ "type": "string", "enum": ["exact", "none"], "default": "exact" }),
    )
}

/// The time for which a row is asked; only of entities with history.
pub(super) fn as_of(r: &Resource) -> Option<Value> {
    let schema = json!({ "type": "string", "format": "date-time" });
    r.history.is_some().then(|| {
        query(
            "as_of",
            "The row as it was at this time. Not together with `include`.",
            schema,
        )
    })
}

/// One parameter for each property of an object.
pub(super) fn properties(object: &Value, schemas: &Schemas) -> Vec<Value> {
    let nothing = Map::new();
    let definitions = object["$defs"].as_object().unwrap_or(&nothing);
    let required = object["required"].as_array();
    let properties = object["properties"].as_object().unwrap_or(&nothing);
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        resolve(&mut schema, definitions, schemas, 8);
        let mut schema = match schemars::Schema::try_from(schema) {
            Ok(schema) => schemas::clean(schema),
            Err(_) => json!({}),
        };
        strip_null(&mut schema);
        limits::text(&mut schema, false);
        let description = match &mut schema {
            Value::Object(object) => object.remove("description"),
            _ => None,
        };
        let mut parameter = query(name, "", schema);
        match description {
            Some(description) => parameter["description"] = description,
            None => drop(parameter.as_object_mut().map(|p| p.remove("description"))),
        }
        if required.is_some_and(|names| names.iter().any(|other| other == name)) {
            parameter["required"] = true.into();
        }
        parameter
    };
    properties.iter().map(parameter).collect()
}

/// Whether archived rows are part of an answer; only of entities that can be archived.
pub(super) fn archived(r: &Resource) -> Option<Value> {
    let schema = json!({ "type": "string", "enum": ["false", "true", "any"], "default": "false" });
    r.archivable.then(|| {
        query(
            "archived",
            "Archived rows: none (`false`), only these (`true`), or all rows (`any`).",
            schema,
        )
    })
}

/// What belongs to a row and can be answered with it; only of entities with relations.
pub(super) fn include(r: &Resource) -> Option<Value> {
    let names: Vec<_> = r.relations.iter().map(|relation| relation.name).collect();
    let text = "What belongs to a row and is answered within it, as far as the caller may see it. A list has \
                its first 100 rows. A relation of a relation follows a dot: `a.b`.";
    let further = format!("^({})(\\.[a-z0-9_]+){{1,2}}$", names.join("|"));
    let schema = json!({
        "type": "array",
        "items": { "type": "string", "anyOf": [{ "enum": names }, { "pattern": further }] },
        "minItems": 1,
        "uniqueItems": true,
    });
    (!names.is_empty()).then(|| {
        let mut parameter = query("include", text, schema);
        parameter["style"] = "form".into();
        parameter["explode"] = false.into();
        parameter
    })
}

/// The fields of a row that an answer has.
pub(super) fn fields(names: &[&str]) -> Value {
    let text = "The fields that a row in the answer has, and no other; every field when left out. What `include` asks \
                for comes beside them. One that the caller may not see is unknown.";
    self::names("fields", text, names)
}

/// Some of these names, each once.
pub(super) fn names(name: &str, description: &str, names: &[&str]) -> Value {
    let schema = json!({
        "type": "array",
        "items": { "type": "string", "enum": names },
        "minItems": 1,
        "uniqueItems": true,
    });
    let mut parameter = query(name, description, schema);
    parameter["style"] = "form".into();
    parameter["explode"] = false.into();
    parameter
}

/// A parameter that is there or not.
pub(super) fn flag(name: &str, description: &str) -> Value {
    let mut flag = query(
        name,
        description,
        json!({ "type": "string", "enum": ["", "true"] }),
    );
    flag["allowEmptyValue"] = true.into();
    flag
}

/// The id in the path.
pub(super) fn id(r: &Resource) -> Value {
    json!({
        "name": "id", "in": "path", "required": true,
        "description": format!("The id of the {}.", r.noun),
        "schema": of_id(r.ids),
    })
}

/// What an id is, in an address and in JSON.
pub(super) fn of_id(ids: IdKind) -> Value {
    match ids {
        IdKind::Uuid => json!({ "type": "string", "format": "uuid" }),
        IdKind::Int => json!({
            "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
        }),
        IdKind::Text => json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_TEXT }),
    }
}

/// `If-Match`, of writes.
pub(super) fn if_match(is_required: bool) -> Value {
    let mut parameter = header(
        "If-Match",
        "The entity tags of the versions that may be written, or `*`; the write is refused with 412 \
         if the row has another.",
    );
    if is_required {
        parameter["required"] = true.into();
    }
    parameter
}

/// `If-None-Match`, of a write that may make the row.
pub(super) fn if_none_match_of_write() -> Value {
    header(
        "If-None-Match",
        "`*`: only a new row is written; 412 if there is one. Or the entity tags of versions that may not be \
         written.",
    )
}

/// `Idempotency-Key`, of writes.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header",
        "description": "Makes the write happen once, however often it is sent: for a day, the same request \
                        with the same key gets the same answer, with `Idempotent-Replayed: true`. For \
                        callers who are signed in.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
    })
}

/// `If-None-Match`, of reads.
pub(super) fn if_none_match() -> Value {
    header(
        "If-None-Match",
        "The entity tags of the versions that the client has, or `*`; the answer is 304 if the row \
         has one of them.",
    )
}

fn header(name: &str, description: &str) -> Value {
    json!({
        "name": name, "in": "header", "description": description,
        "schema": { "type": "string", "pattern": limits::HEADER_TEXT },
    })
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    let mut parameter = json!({ "name": name, "in": "query", "description": description });
    parameter["schema"] = schema;
    parameter
}

/// `sort=-created_at,title`: no column twice, in whichever direction.
fn sort(r: &Resource) -> Value {
    let names = r.sorts.iter().map(|sort| sort.name);
    let keys: Vec<_> = names
        .clone()
        .flat_map(|n| [n.to_owned(), format!("-{n}")])
        .collect();
    let both = |name: &str| {
        let one = |key: String| json!({ "contains": { "const": key } });
        json!({ "allOf": [one(name.to_owned()), one(format!("-{name}"))] })
    };
    let twice: Vec<_> = names.map(both).collect();
    let default: Vec<_> = r.default_sort.split(',').collect();
    let mut parameter = query(
        "sort",
        "The columns to sort by, each with `-` before it for the descending order, none of them \
         twice. The id is always the last one.",
        json!({
            "type": "array",
            "items": { "type": "string", "enum": keys },
            "minItems": 1,
            "maxItems": r.sorts.len(),
            "uniqueItems": true,
            "not": { "anyOf": twice },
            "default": default,
        }),
    );
    parameter["style"] = "form".into();
    parameter["explode"] = false.into();
    parameter
}

/// Puts definitions in the place of references to them, unless the document has the same.
fn resolve(schema: &mut Value, definitions: &Map<String, Value>, schemas: &Schemas, depth: u8) {
    match schema {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str);
            let name = name
                .and_then(|to| to.strip_prefix("#/$defs/"))
                .map(str::to_owned);
            if let Some(name) = name {
                let definition = definitions.get(&name).cloned().unwrap_or_default();
                if schemas.known(&name) == Some(&definition) {
                    object.insert("$ref".to_owned(), format!("{}{name}", schemas::PATH).into());
                    return;
                }
                object.remove("$ref");
                if let Value::Object(definition) = definition {
                    for (key, value) in definition {
                        object.entry(key).or_insert(value);
                    }
                }
                if depth == 0 {
                    return;
                }
                return resolve(schema, definitions, schemas, depth - 1);
            }
            for value in object.values_mut() {
                resolve(value, definitions, schemas, depth);
            }
        }
        Value::Array(items) => {
            for item in items {
                resolve(item, definitions, schemas, depth);
            }
        }
        _ => {}
    }
}

/// A parameter is given or left out, but never null.
fn strip_null(schema: &mut Value) {
    let Value::Object(object) = schema else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = &types[..] {
            object["type"] = one.clone();
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|one| !one.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|one| one["type"] != "null");
        if let [one] = &choices[..] {
            let one = one.clone();
            object.remove("anyOf");
            if let Value::Object(one) = one {
                for (key, value) in one {
                    object.entry(key).or_insert(value);
                }
            }
        }
    }
}
