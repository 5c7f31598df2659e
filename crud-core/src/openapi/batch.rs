//! The operation of `/batch`, as `router::batch` has it.

use serde_json::{Value, json};

use super::{
    Info,
    document::Paths,
    operations::{body, masked},
    parameters, responses,
    schemas::Schemas,
};
use crate::{
    App,
    policy::Action,
    registry::{Registry, Resource},
    router::{LONGEST_LOCAL_ID, MOST_OPERATIONS, POST_TYPES},
};

pub(super) const DESCRIPTION: &str = "Writes to rows of several entities, all or none.";

/// Adds it.
pub(super) fn describe(
    registry: &Registry,
    info: &Info<'_>,
    schemas: &mut Schemas,
    paths: &mut Paths,
) {
    let (mut operations, mut rows) = (Vec::new(), vec![json!({ "type": "null" })]);
    for r in registry.resources() {
        operations.extend(of_entity(registry, r, schemas));
        rows.push(schemas.row(r.schemas.get, &masked(r, info)));
    }
    let request = json!({
        "type": "object",
        "properties": {
            "operations": {
                "description": "What is done, one after the other.",
                "type": "array", "items": { "anyOf": operations },
                "minItems": 1, "maxItems": MOST_OPERATIONS,
            },
        },
        "required": ["operations"],
        "additionalProperties": false,
    });
    let answer = json!({
        "type": "object",
        "properties": {
            "results": {
                "description": "Each row after its operation; null where it was deleted.",
                "type": "array", "items": { "anyOf": rows },
                "minItems": 1, "maxItems": MOST_OPERATIONS,
            },
        },
        "required": ["results"],
        "additionalProperties": false,
    });
    let headers = ["Idempotent-Replayed", "Cache-Control", "Vary"];
    let done = responses::success("All is done.", &headers, Some(answer));
    let mut answers = json!({ "200": done });
    for status in [400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 500, 503] {
        answers[status.to_string()] = responses::error(status);
    }
    let operation = json!({
        "operationId": "batch",
        "summary": "Several writes at once",
        "description": "All of it is done or nothing, in one transaction, each operation under the rules of its \
            own route. `{\"$ref\": \"…\"}` in the place of an id is the row that an operation before it creates \
            with this `local_id`. Errors name the place: `/operations/3/body/title`.",
        "tags": ["batch"],
        "parameters": [parameters::idempotency_key()],
        "requestBody": body(&request, POST_TYPES),
        "responses": answers,
    });
    let path = format!("{}/batch", App::PREFIX);
    paths.add(&path, "post", operation);
}

/// Of each action that has a route.
fn of_entity(registry: &Registry, r: &Resource, schemas: &mut Schemas) -> Vec<Value> {
    let has = |action: &Action| r.actions().any(|known| known == *action);
    let columns = r.shape.columns.iter();
    let ids: Vec<_> = columns
        .map(|column| column.name)
        .filter(|column| registry.refers_by(r, column).is_some())
        .collect();
    let among = |shape: &[crate::dto::Field]| {
        let is_field = |id: &&&str| shape.iter().any(|field| field.name == **id);
        ids.iter().filter(is_field).copied().collect::<Vec<_>>()
    };
    let local = json!({
        "description": "What later operations call the new row.",
        "type": "string", "minLength": 1, "maxLength": LONGEST_LOCAL_ID,
    });
    let id = json!({ "anyOf": [parameters::of_id(r.ids), reference()] });
    let version = json!({
        "description": "The version that the row must have; any if left out.",
        "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
    });
    let away = [Action::Archive, Action::Restore, Action::Delete];
    let away: Vec<_> = away.iter().filter(|a| has(a)).map(|a| a.as_str()).collect();
    let entity = json!({ "const": r.endpoint });
    let mut operations = Vec::new();
    if has(&Action::Create) {
        let create = schemas.entity_body(r.schemas.create, r.create_shape.fields);
        let create = schemas.referring(&create, &among(r.create_shape.fields));
        operations.push(json!({
            "type": "object",
            "properties": {
                "op": { "const": "create" }, "entity": entity, "local_id": local, "body": create,
            },
            "required": ["op", "entity", "body"],
            "additionalProperties": false,
        }));
    }
    let demanded = r.if_match_required.then_some("version");
    let required = |fields: &[&'static str]| {
        let fields = fields.iter().copied();
        fields.chain(demanded).collect::<Vec<_>>()
    };
    if has(&Action::Update) {
        let update = schemas.entity_body(r.schemas.update, r.update_shape.fields);
        let update = schemas.referring(&update, &among(r.update_shape.fields));
        operations.push(json!({
            "type": "object",
            "properties": {
                "op": { "const": "update" }, "entity": entity, "id": id, "version": version,
                "body": update,
            },
            "required": required(&["op", "entity", "id", "body"]),
            "additionalProperties": false,
        }));
    }
    if !away.is_empty() {
        operations.push(json!({
            "type": "object",
            "properties": {
                "op": { "enum": away }, "entity": entity, "id": id, "version": version,
            },
            "required": required(&["op", "entity", "id"]),
            "additionalProperties": false,
        }));
    }
    operations
}

/// A row that an operation before this one creates.
fn reference() -> Value {
    json!({
        "description": "The row that an operation before this one creates with this `local_id`.",
        "type": "object",
        "properties": {
            "$ref": { "type": "string", "minLength": 1, "maxLength": LONGEST_LOCAL_ID },
        },
        "required": ["$ref"],
        "additionalProperties": false,
    })
}

/// Lets fields of a body refer to rows of the batch.
pub(super) fn referring(body: &mut Value, ids: &[&str]) {
    for id in ids {
        if let Some(field) = body["properties"].get_mut(*id) {
            let own = field.take();
            *field = json!({ "anyOf": [own, reference()] });
        }
    }
}
