//! The document as a whole: its head, the paths of entities and of custom routes, the components.

use serde_json::{Map, Value, json};

use super::{Info, Operation, batch, operations::entity, responses, schemas::Schemas, shared};
use crate::registry::Registry;

/// What all paths have in common, after the API's own description.
const CONVENTIONS: &str = "Errors are `application/problem+json` (RFC 9457): `code` is stable and \
    meant for programs, `detail` is a sentence for people. Every path also answers `OPTIONS`, and \
    `HEAD` where it answers `GET`; any other method is 405 with `Allow`.";

/// The OpenAPI 3.1 document of an application, always in the same order: entities as they were
/// registered, then custom routes, then components by name.
///
/// # Panics
/// If a DTO has the name of a schema of the framework's own. It is a mistake in the program, found at
/// its start.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::openapi::{Info, check, document};
///
/// let document = document(app().await.registry(), &Info { title: "Campus", version: "1", ..Info::default() }, &[]);
/// assert!(document["paths"]["/api/v1/courses/{id}"]["patch"].is_object());
/// assert_eq!(check(&document), Vec::<String>::new());
/// # }
/// ```
pub fn document(registry: &Registry, info: &Info<'_>, custom: &[Operation]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Paths::default();
    let mut tags = Tags::default();
    for resource in registry.resources() {
        tags.add(resource.endpoint, resource.description);
        entity(resource, registry, info, &mut schemas, &mut paths);
    }
    tags.add("batch", batch::DESCRIPTION);
    batch::describe(registry, info, &mut schemas, &mut paths);
    for operation in custom {
        tags.add(operation.tag, "");
        let described = operation.describe(&mut schemas, registry, info);
        paths.add(&operation.full_path(), operation.method.as_str(), described);
    }
    let description = match info.description {
        "" => CONVENTIONS.to_owned(),
        own => format!("{own}\n\n{CONVENTIONS}"),
    };
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": info.title,
            "version": info.version,
            "description": description,
        },
        "security": [{ "bearer": [] }],
        "tags": tags.0,
        "paths": paths.0,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    });
    let components = schemas.finish(&mut document);
    document["components"]["schemas"] = components;
    document["components"]["headers"] = responses::headers();
    document["components"]["responses"] = responses::errors();
    shared::share(&mut document);
    document
}

/// The paths with their operations.
#[derive(Default)]
pub(super) struct Paths(Map<String, Value>);

impl Paths {
    /// Adds an operation; custom routes may share the path of generated ones.
    pub(super) fn add(&mut self, path: &str, method: &str, operation: Value) {
        let item = self.0.entry(path).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = operation;
    }
}

/// The groups of operations; the first description of a name is kept.
#[derive(Default)]
struct Tags(Vec<Value>);

impl Tags {
    fn add(&mut self, name: &str, description: &str) {
        if name.is_empty() || self.0.iter().any(|tag| tag["name"] == name) {
            return;
        }
        let mut tag = json!({ "name": name });
        if !description.is_empty() {
            tag["description"] = description.into();
        }
        self.0.push(tag);
    }
}
