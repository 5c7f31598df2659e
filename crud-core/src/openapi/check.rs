//! Says what is wrong with an OpenAPI document, for tests: what no schema of OpenAPI tells, and whether
//! an answer is what the document promises.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::shared::followed;

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Every fault of a document, each as a sentence with its place; empty if there is none.
///
/// Looked at are: references and links, operation ids, tags, parameters against the path, paths that
/// differ by the names of parameters only, successful answers, security schemes, and whether every
/// schema is one of JSON Schema 2020-12 whose patterns compile and whose default is valid.
///
/// ```
/// use crud_core::openapi::check;
/// use serde_json::json;
///
/// let document = json!({ "openapi": "3.1.0", "info": { "title": "Campus", "version": "1" }, "paths": {
///     "/courses": { "get": { "operationId": "list_courses", "responses": {} } },
/// } });
/// assert_eq!(check(&document), ["/paths/~1courses/get has no successful answer"]);
/// ```
pub fn check(document: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    if !document["openapi"]
        .as_str()
        .is_some_and(|version| version.starts_with("3.1."))
    {
        faults.add("/openapi", "is not 3.1");
    }
    for key in ["title", "version"] {
        if document["info"][key]
            .as_str()
            .unwrap_or_default()
            .is_empty()
        {
            faults.add(&format!("/info/{key}"), "is missing");
        }
    }
    operations(document, &mut faults);
    references(document, document, "", &mut faults);
    let mut schemas = Vec::new();
    gather(document, "", false, &mut schemas);
    for pointer in schemas {
        schema(document, &pointer, &mut faults);
    }
    faults.0
}

/// What is wrong with a JSON value by the schema at a pointer of the document
/// (`/components/schemas/Problem`); empty if nothing is. Formats count.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::openapi::{Info, document, faults};
/// use serde_json::json;
///
/// let document = document(app().await.registry(), &Info { title: "Campus", version: "1", ..Info::default() }, &[]);
/// let of_course = |body| faults(&document, "/components/schemas/CourseCreate", &body);
/// assert!(of_course(json!({ "title": "Rust" })).is_empty());
/// assert_eq!(of_course(json!({ "title": "Rust", "price": "a lot" })).len(), 1);
/// # }
/// ```
pub fn faults(document: &Value, pointer: &str, value: &Value) -> Vec<String> {
    match validator(document, pointer) {
        Ok(validator) => validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect(),
        Err(error) => vec![error],
    }
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, place: &str, fault: &str) {
        self.0.push(format!("{place} {fault}"));
    }
}

fn validator(document: &Value, pointer: &str) -> Result<jsonschema::Validator, String> {
    let schema = document
        .pointer(pointer)
        .ok_or_else(|| format!("{pointer} is not there"))?;
    validator_of(document, schema).map_err(|error| format!("{pointer} {error}"))
}

/// What holds values to a schema of a document. Formats count.
pub(super) fn validator_of(
    document: &Value,
    schema: &Value,
) -> Result<jsonschema::Validator, String> {
    let mut schemas = Map::new();
    gather_referred(document, schema, &mut schemas);
    let within = json!({ "allOf": [schema], "components": { "schemas": schemas } });
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&within)
        .map_err(|error| format!("is no schema: {error}"))
}

/// The schemas that this value refers to, in any number of steps.
fn gather_referred(document: &Value, within: &Value, found: &mut Map<String, Value>) {
    match within {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|to| to.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && let Some(schema) = document["components"]["schemas"].get(name)
                && !found.contains_key(name)
            {
                found.insert(name.to_owned(), schema.clone());
                gather_referred(document, schema, found);
            }
            let values = object.values();
            values.for_each(|value| gather_referred(document, value, found));
        }
        Value::Array(items) => {
            let items = items.iter();
            items.for_each(|item| gather_referred(document, item, found));
        }
        _ => {}
    }
}

fn operations(document: &Value, faults: &mut Faults) {
    let nothing = Map::new();
    let paths = document["paths"].as_object().unwrap_or(&nothing);
    let tags: BTreeSet<_> = strings(&document["tags"], |tag| tag["name"].as_str()).collect();
    let mut ids = BTreeSet::new();
    let mut shapes = BTreeMap::new();
    for (path, item) in paths {
        let place = format!("/paths/{}", escape(path));
        if let Some(other) = shapes.insert(shape(path), path) {
            faults.add(&place, &format!("is the same as `{other}`"));
        }
        for (method, operation) in item.as_object().unwrap_or(&nothing) {
            let place = format!("{place}/{method}");
            if !METHODS.contains(&&**method) {
                faults.add(&place, "is no method");
                continue;
            }
            match operation["operationId"].as_str() {
                Some(id) if ids.insert(id) => {}
                Some(id) => faults.add(&place, &format!("has the operation id of another: `{id}`")),
                None => faults.add(&place, "has no operation id"),
            }
            for tag in strings(&operation["tags"], Value::as_str) {
                if !tags.contains(tag) {
                    faults.add(&place, &format!("has the unknown tag `{tag}`"));
                }
            }
            let responses = operation["responses"].as_object().unwrap_or(&nothing);
            if !responses.keys().any(|status| status.starts_with('2')) {
                faults.add(&place, "has no successful answer");
            }
            parameters(document, path, operation, &place, faults);
            security(document, operation, &place, faults);
        }
    }
    links(document, &ids, faults);
}

fn parameters(document: &Value, path: &str, operation: &Value, place: &str, faults: &mut Faults) {
    let mut declared = BTreeSet::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = followed(document, parameter);
        let name = parameter["name"].as_str().unwrap_or_default();
        let within = parameter["in"].as_str().unwrap_or_default();
        if !declared.insert((within, name)) {
            faults.add(place, &format!("has the parameter `{name}` twice"));
        }
        if within == "path" && parameter["required"] != true {
            faults.add(
                place,
                &format!("has the path parameter `{name}`, which must be required"),
            );
        }
        if parameter.get("schema").is_none() {
            faults.add(
                place,
                &format!("has the parameter `{name}` without a schema"),
            );
        }
    }
    let declared: BTreeSet<_> = declared
        .into_iter()
        .filter(|(within, _)| *within == "path")
        .map(|(_, name)| name)
        .collect();
    let named: BTreeSet<_> = placeholders(path).collect();
    if declared != named {
        faults.add(place, "does not declare exactly the parameters of its path");
    }
}

fn security(document: &Value, operation: &Value, place: &str, faults: &mut Faults) {
    let required = operation.get("security").unwrap_or(&document["security"]);
    for requirement in required.as_array().into_iter().flatten() {
        for scheme in requirement.as_object().into_iter().flat_map(Map::keys) {
            if document["components"]["securitySchemes"]
                .get(scheme)
                .is_none()
            {
                faults.add(
                    place,
                    &format!("has the unknown security scheme `{scheme}`"),
                );
            }
        }
    }
}

fn links(document: &Value, ids: &BTreeSet<&str>, faults: &mut Faults) {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    let responses = operations.flat_map(|(_, o)| o["responses"].as_object().into_iter().flatten());
    for response in responses.map(|(_, response)| followed(document, response)) {
        for (name, link) in response["links"].as_object().into_iter().flatten() {
            if !link["operationId"]
                .as_str()
                .is_some_and(|id| ids.contains(id))
            {
                faults.add("/paths", &format!("has the link `{name}` to no operation"));
            }
        }
    }
}

/// References that lead nowhere.
fn references(document: &Value, value: &Value, place: &str, faults: &mut Faults) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(to)) = object.get("$ref") {
                let target = to
                    .strip_prefix('#')
                    .and_then(|pointer| document.pointer(pointer));
                if target.is_none() {
                    faults.add(place, &format!("refers to `{to}`, which is not there"));
                }
            }
            for (key, value) in object {
                references(document, value, &format!("{place}/{}", escape(key)), faults);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                references(document, value, &format!("{place}/{i}"), faults);
            }
        }
        _ => {}
    }
}

/// The pointers of all outermost schemas.
fn gather(value: &Value, place: &str, named: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let place = format!("{place}/{}", escape(key));
                if key == "schema" || named {
                    found.push(place);
                } else {
                    gather(value, &place, place == "/components/schemas", found);
                }
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                gather(value, &format!("{place}/{i}"), false, found);
            }
        }
        _ => {}
    }
}

fn schema(document: &Value, pointer: &str, faults: &mut Faults) {
    let Some(schema) = document.pointer(pointer) else {
        return;
    };
    for error in jsonschema::draft202012::meta::validator().iter_errors(schema) {
        faults.add(
            pointer,
            &format!("is no JSON Schema: {}: {error}", error.instance_path()),
        );
    }
    match validator(document, pointer) {
        Ok(validator) => {
            if schema
                .get("default")
                .is_some_and(|default| !validator.is_valid(default))
            {
                faults.add(pointer, "has a default that it does not accept");
            }
        }
        Err(error) => faults.0.push(error),
    }
}

fn strings<'a>(
    list: &'a Value,
    of: impl Fn(&'a Value) -> Option<&'a str> + 'a,
) -> impl Iterator<Item = &'a str> {
    list.as_array().into_iter().flatten().filter_map(of)
}

fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.split_once('}'))
        .map(|(name, _)| name)
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.split_once('}') {
        Some((name, rest)) if name.starts_with('{') => format!("{{}}{rest}"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A name as a segment of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
