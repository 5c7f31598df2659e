//! The operations of `/things/bulk` and `/things/import`, as `router` has them.

use serde_json::{Value, json};

use super::{document::Paths, operations::Draft, parameters, responses, schemas::Schemas};
use crate::{
    App,
    id::IdKind,
    policy::Action,
    registry::Resource,
    router::{IMPORT_TYPES, MOST_ITEMS, POST_TYPES},
};

const ROWS: &[&str] = &["Cache-Control", "Vary"];

/// Adds them.
pub(super) fn entity(
    r: &Resource,
    create: &Value,
    update: &Value,
    get: &Value,
    schemas: &mut Schemas,
    paths: &mut Paths,
) {
    let path = format!("{}/{}/bulk", App::PREFIX, r.endpoint);
    let rows = |description| responses::success(description, ROWS, Some(list(get)));
    let draft = |action, verb: &str, body: &Value| {
        let what = format!("{verb} many {}", r.endpoint.replace('-', " "));
        let draft = Draft::new(r, action, &format!("{}_many", verb.to_lowercase()));
        draft.summary(&what).body(body, POST_TYPES)
    };
    if r.offers(Action::Create) {
        let one = draft(Action::Create, "Create", &list(create));
        let one = one.answers(201, rows("The new rows, in the order of the list."));
        paths.add(
            &path,
            "post",
            one.once().done(match r.has_hooks() {
                true => &[400, 403, 404, 408, 409, 413, 415, 422],
                false => &[400, 403, 408, 409, 413, 415, 422],
            }),
        );
    }
    if r.offers(Action::Create) {
        let import = format!("{}/{}/import", App::PREFIX, r.endpoint);
        paths.add(&import, "post", import_of(r));
    }
    if r.offers(Action::Update) {
        let change = schemas.change(r, update);
        let one = draft(Action::Update, "Update", &list(&change));
        let one = one.answers(
            200,
            rows("The rows as they are now, in the order of the list."),
        );
        let errors = &[400, 403, 404, 408, 409, 412, 413, 415, 422];
        paths.add(&path, "patch", one.once().done(errors));
    }
    if r.offers(Action::Delete) {
        let mut ids = list(&parameters::of_id(r.ids));
        ids["uniqueItems"] = true.into();
        let one = draft(Action::Delete, "Delete", &ids);
        let one = one.answers(204, responses::success("The rows are gone.", &[], None));
        let errors: &[u16] = match r.if_match_required {
            true => &[400, 403, 404, 408, 409, 413, 415, 422, 428],
            false => &[400, 403, 404, 408, 409, 413, 415, 422],
        };
        paths.add(&path, "delete", one.once().done(errors));
    }
}

/// New rows from a file.
fn import_of(r: &Resource) -> Value {
    let schema = json!({
        "type": "object", "required": ["created"],
        "properties": { "created": {
            "description": "The rows that the file had.",
            "type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX,
        } },
    });
    let done = responses::success("All rows of the file are there.", ROWS, Some(schema));
    let draft = Draft::new(r, Action::Create, "import");
    draft
        .summary(&format!("Import {}", r.endpoint.replace('-', " ")))
        .takes(vec![parameters::format_of_body()])
        .body(&json!({ "type": "string" }), IMPORT_TYPES)
        .answers(201, done)
        .once()
        .done(match r.has_hooks() {
            true => &[400, 403, 404, 408, 409, 413, 415, 422],
            false => &[400, 403, 408, 409, 413, 415, 422],
        })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1, "maxItems": MOST_ITEMS })
}

/// The body of a change with the row that it is of.
pub(super) fn change(update: &mut Value, ids: IdKind, is_versioned: bool) {
    let mut id = parameters::of_id(ids);
    id["description"] = "The row.".into();
    let version = json!({
        "description": "The version that the row must have; any if left out.",
        "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
    });
    update["properties"]["id"] = id;
    update["properties"]["version"] = version;
    match update["required"].as_array_mut() {
        Some(required) => required.push("id".into()),
        None => update["required"] = json!(["id"]),
    }
    if is_versioned && let Some(required) = update["required"].as_array_mut() {
        required.push("version".into());
    }
    if let Some(object) = update.as_object_mut() {
        object.insert(
            "description".to_owned(),
            "A change of one row of several.".into(),
        );
    }
}
