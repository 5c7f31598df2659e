//! The operation of `/things/{id}/history`, as `router::history` has it.

use serde_json::{Value, json};

use super::{
    document::Paths,
    operations::{Draft, LIST},
    parameters, responses,
    schemas::Schemas,
};
use crate::{App, policy::Action, registry::Resource};

/// Adds it.
pub(super) fn entity(r: &Resource, get: &Value, schemas: &mut Schemas, paths: &mut Paths) {
    let mut parameters = vec![parameters::id(r)];
    parameters.extend(parameters::pages());
    parameters.push(parameters::total());
    let page = schemas.page(&format!("{}History", r.name), &version(r, get));
    let answer = responses::success("A page of versions, the latest first.", LIST, Some(page));
    let draft = Draft::new(r, Action::Get, "history_of")
        .summary(&format!("History of {}", r.noun))
        .takes(parameters)
        .answers(200, answer);
    let path = format!("{}/{}/{{id}}/history", App::PREFIX, r.endpoint);
    paths.add(&path, "get", draft.done(&[400, 404, 422]));
}

fn version(r: &Resource, get: &Value) -> Value {
    let mut actions = vec!["create", "update", "delete"];
    if r.archivable {
        actions.splice(2..2, ["archive", "restore"]);
    }
    json!({
        "type": "object",
        "properties": {
            "version": { "type": "integer", "format": "int64", "minimum": 0 },
            "action": { "description": "What led to it.", "type": "string", "enum": actions },
            "at": {
                "description": "When; null to whom `updated_at` is not shown.",
                "type": ["string", "null"], "format": "date-time",
            },
            "by": {
                "description": "Who; null if that was nobody signed in, is not known any more, or is not shown.",
                "type": ["string", "null"], "format": "uuid",
            },
            "row": {
                "description": "The row after it; null if that is gone.",
                "oneOf": [get, { "type": "null" }],
            },
        },
        "required": ["version", "action", "at", "by", "row"],
        "additionalProperties": false,
    })
}
