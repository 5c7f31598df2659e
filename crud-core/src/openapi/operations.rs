//! The operations of an entity's generated routes, in the words and the order of `router`.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Info, document::Paths, parameters, responses, schemas::Schemas};
use crate::{
    App, Principal, Uuid,
    policy::{Action, Mask},
    query::LARGEST_SIZE,
    registry::Resource,
    router::{PATCH_TYPES, POST_TYPES},
};

const ROW: &[&str] = &["ETag", "Cache-Control", "Vary"];
const FILE: &[&str] = &["ETag", "Cache-Control", "Content-Disposition", "Vary"];
const NEW: &[&str] = &["Location", "ETag", "Cache-Control", "Vary"];
const LIST: &[&str] = &["X-Total-Count", "Link", "Cache-Control", "Vary"];

/// Adds all operations of an entity.
pub(super) fn entity(r: &Arc<Resource>, info: &Info<'_>, schemas: &mut Schemas, paths: &mut Paths) {
    let create = schemas.entity_body(r.schemas.create, r.create_shape.fields);
    let update = schemas.entity_body(r.schemas.update, r.update_shape.fields);
    let get = schemas.row(r.schemas.get, &masked(r, info));
    let all = format!("{}/{}", App::PREFIX, r.endpoint);
    let one = format!("{all}/{{id}}");
    let row = || responses::success("The row as it is now.", ROW, Some(get.clone()));

    let list = Draft::new(r, Action::List, "list");
    paths.add(&all, "get", list.reads(Read::list(r, info, schemas)));

    let mut answer = responses::success("The new row.", NEW, Some(get.clone()));
    if schemas.row_has(&get, "id") {
        answer["links"] = links(r);
    }
    let draft = Draft::new(r, Action::Create, "create").body(&create, POST_TYPES);
    let draft = draft.answers(201, answer);
    paths.add(
        &all,
        "post",
        draft.done(match r.has_hooks() {
            // A hook may find that what the row refers to is not there.
            true => &[400, 403, 404, 408, 409, 413, 415, 422],
            false => &[400, 403, 408, 409, 413, 415, 422],
        }),
    );

    super::bulk::entity(r, &create, &update, &get, schemas, paths);

    let mut read = Read::row(r, info, schemas);
    let parameters = [parameters::id(r)]
        .into_iter()
        .chain(parameters::archived(r));
    read.parameters.splice(..0, parameters);
    let draft = Draft::new(r, Action::Get, "get");
    paths.add(&one, "get", draft.reads(read));

    for file in &r.files {
        let mut parameters = vec![parameters::id(r)];
        parameters.extend(parameters::archived(r));
        parameters.push(parameters::if_none_match());
        let unchanged = responses::success("The client has this version.", ROW, None);
        let draft = Draft::new(r, Action::Get, &format!("get_{}_of", file.extension))
            .takes(parameters)
            .answers(200, responses::file(file.media_type, FILE))
            .answers(304, unchanged);
        let path = format!("{one}.{}", file.extension);
        paths.add(&path, "get", draft.done(&[400, 404, 422]));
    }

    let change = |action, verb| {
        Draft::new(r, action, verb).takes(vec![parameters::id(r), parameters::if_match()])
    };
    let patched = &[400, 403, 404, 408, 409, 412, 413, 415, 422];
    let draft = change(Action::Update, "update").body(&update, PATCH_TYPES);
    paths.add(&one, "patch", draft.answers(200, row()).done(patched));
    let draft = change(Action::Update, "replace").body(&create, POST_TYPES);
    paths.add(&one, "put", draft.answers(200, row()).done(patched));

    let moved = &[400, 403, 404, 409, 412, 422];
    let gone = responses::success("The row is gone.", &[], None);
    paths.add(
        &one,
        "delete",
        change(Action::Delete, "delete")
            .answers(204, gone)
            .done(moved),
    );
    if r.archivable {
        let draft = change(Action::Archive, "archive").answers(200, row());
        paths.add(&format!("{one}/archive"), "patch", draft.done(moved));
        let draft = change(Action::Restore, "restore").answers(200, row());
        paths.add(&format!("{one}/restore"), "patch", draft.done(moved));
    }
}

/// What a route that reads rows of an entity takes and answers, whatever its path.
pub(super) struct Read {
    pub(super) parameters: Vec<Value>,
    pub(super) answers: Vec<(u16, Value)>,
    pub(super) errors: &'static [u16],
    pub(super) public: bool,
}

impl Read {
    /// One row.
    pub(super) fn row(r: &Resource, info: &Info<'_>, schemas: &mut Schemas) -> Self {
        let get = schemas.row(r.schemas.get, &masked(r, info));
        let get = with_relations(r, get, schemas);
        let row = responses::success("The row as it is now.", ROW, Some(get));
        let unchanged = responses::success("The client has this version.", ROW, None);
        let mut parameters: Vec<_> = parameters::include(r).into_iter().collect();
        parameters.push(parameters::if_none_match());
        Self {
            parameters,
            answers: vec![(200, row), (304, unchanged)],
            errors: &[400, 404, 422],
            public: r.is_public(Action::Get),
        }
    }

    /// A page of rows.
    pub(super) fn list(r: &Resource, info: &Info<'_>, schemas: &mut Schemas) -> Self {
        let masked = masked(r, info);
        let list = schemas.row(r.schemas.list, &masked);
        let list = with_relations(r, list, schemas);
        let page = schemas.page(r.name, &list);
        Self {
            parameters: parameters::list(r, &masked, schemas),
            answers: vec![(200, responses::success("A page of rows.", LIST, Some(page)))],
            errors: &[400, 403, 422],
            public: r.is_public(Action::List),
        }
    }
}

/// A row, and what is answered within it if that is asked for.
fn with_relations(r: &Resource, row: Value, schemas: &mut Schemas) -> Value {
    if r.relations.is_empty() {
        return row;
    }
    let mut properties = Map::new();
    for relation in &r.relations {
        let related = schemas.answer(relation.schema);
        let schema = match relation.is_many() {
            true => json!({ "type": "array", "items": related, "maxItems": LARGEST_SIZE }),
            false => json!({ "oneOf": [related, { "type": "null" }] }),
        };
        properties.insert(relation.name.to_owned(), schema);
    }
    json!({ "allOf": [row, { "type": "object", "properties": properties }] })
}

/// The fields that some caller may not see.
fn masked(r: &Resource, info: &Info<'_>) -> BTreeSet<&'static str> {
    let nobody = [Principal::anonymous(), Principal::user(Uuid::default(), "")];
    let roles = info
        .roles
        .iter()
        .map(|role| Principal::user(Uuid::default(), *role));
    let masks = nobody.into_iter().chain(roles).map(|by| r.mask(&by));
    let hidden = |mask: Mask| {
        let computed: Vec<_> = r.get.hidden(&mask).chain(r.list.hidden(&mask)).collect();
        mask.hidden.into_iter().chain(computed)
    };
    masks.flat_map(hidden).collect()
}

/// What can be done next with a new row: clients and test generators follow these.
fn links(r: &Resource) -> Value {
    let away: &[&str] = if r.archivable {
        &["archive", "restore"]
    } else {
        &[]
    };
    let verbs = ["get", "update", "replace", "delete"].iter().chain(away);
    let link = |verb: &&str| {
        let id = operation_id(r, verb);
        let link = json!({ "operationId": id, "parameters": { "id": "$response.body#/id" } });
        (id, link)
    };
    verbs.map(link).collect::<Map<_, _>>().into()
}

/// `list_lesson_progress`, `get_course`.
fn operation_id(r: &Resource, verb: &str) -> String {
    match verb {
        "list" | "create_many" | "update_many" | "delete_many" => {
            format!("{verb}_{}", r.endpoint.replace('-', "_"))
        }
        verb => format!("{verb}_{}", r.noun.replace(' ', "_")),
    }
}

/// An operation that is being written.
pub(super) struct Draft {
    operation: Value,
    responses: Map<String, Value>,
    errors: Vec<u16>,
}

impl Draft {
    pub(super) fn new(r: &Resource, action: Action, verb: &str) -> Self {
        let things = match action {
            Action::List => r.endpoint.replace('-', " "),
            _ => r.noun.clone(),
        };
        let mut summary = format!("{verb} {things}");
        summary[..1].make_ascii_uppercase();
        let mut operation = json!({
            "operationId": operation_id(r, verb),
            "summary": summary,
            "tags": [r.endpoint],
        });
        let public = r.is_public(action);
        if public {
            operation["security"] = open();
        }
        // Where anyone may read, a bad token is as none; a write by nobody can still be refused.
        let errors = if public && action.is_read() {
            vec![]
        } else {
            vec![401]
        };
        Self {
            operation,
            responses: Map::new(),
            errors,
        }
    }

    pub(super) fn summary(mut self, summary: &str) -> Self {
        self.operation["summary"] = summary.into();
        self
    }

    fn takes(mut self, parameters: Vec<Value>) -> Self {
        self.operation["parameters"] = parameters.into();
        self
    }

    pub(super) fn body(mut self, schema: &Value, types: &[&str]) -> Self {
        self.operation["requestBody"] = body(schema, types);
        self
    }

    pub(super) fn answers(mut self, status: u16, answer: Value) -> Self {
        self.responses.insert(status.to_string(), answer);
        self
    }

    fn reads(self, read: Read) -> Value {
        let draft = self.takes(read.parameters);
        let answers = read.answers.into_iter();
        answers
            .fold(draft, |draft, (status, answer)| {
                draft.answers(status, answer)
            })
            .done(read.errors)
    }

    pub(super) fn done(mut self, errors: &[u16]) -> Value {
        self.errors.extend(errors);
        self.errors.extend([500, 503]);
        self.errors.sort_unstable();
        for status in self.errors {
            self.responses
                .insert(status.to_string(), responses::error(status));
        }
        self.operation["responses"] = self.responses.into();
        self.operation
    }
}

/// A token is read if there is one, but not needed.
pub(super) fn open() -> Value {
    json!([{}, { "bearer": [] }])
}

/// A body, which must be there.
pub(super) fn body(schema: &Value, types: &[&str]) -> Value {
    let content = types
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "schema": schema })));
    json!({ "required": true, "content": content.collect::<Map<_, _>>() })
}
