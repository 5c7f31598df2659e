//! The operations of an entity's generated routes, in the words and the order of `router`.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Info, children, document::Paths, parameters, responses, schemas::Schemas};
use crate::{
    App, Principal, Uuid,
    policy::{Action, Mask},
    query::LARGEST_SIZE,
    registry::{Registry, Resource},
    router::{PATCH_TYPES, POST_TYPES},
};

pub(super) const ROW: &[&str] = &["ETag", "Cache-Control", "Vary"];
const FILE: &[&str] = &["ETag", "Cache-Control", "Content-Disposition", "Vary"];
pub(super) const NEW: &[&str] = &["Location", "ETag", "Cache-Control", "Vary"];
pub(super) const LIST: &[&str] = &["X-Total-Count", "Link", "Cache-Control", "Vary"];

/// Adds all operations of an entity.
pub(super) fn entity(
    r: &Arc<Resource>,
    registry: &Registry,
    info: &Info<'_>,
    schemas: &mut Schemas,
    paths: &mut Paths,
) {
    let (adds, changes) = (r.offers(Action::Create), r.offers(Action::Update));
    let create = match adds || changes {
        true => schemas.entity_body(r.schemas.create, r.create_shape.fields),
        false => Value::Null,
    };
    let update = match changes {
        true => schemas.entity_body(r.schemas.update, r.update_shape.fields),
        false => Value::Null,
    };
    let get = schemas.row(r.schemas.get, &masked(r, info));
    let all = format!("{}/{}", App::PREFIX, r.endpoint);

    if r.offers(Action::List) {
        let list = Draft::new(r, Action::List, "list");
        let list = list.reads(Read::exported_list(r, info, schemas));
        paths.add(&all, "get", list);
    }
    if adds {
        let mut answer = responses::success("The new row.", new_row(r), Some(get.clone()));
        if schemas.row_has(&get, "id") {
            answer["links"] = links(r);
        }
        let body = children::body(r, registry, &create, schemas);
        let draft = Draft::new(r, Action::Create, "create").body(&body, POST_TYPES);
        let draft = draft.answers(201, answer).once();
        paths.add(
            &all,
            "post",
            draft.done(match r.has_hooks() || children::have_hooks(r, registry) {
                // A hook may find that what the row refers to is not there.
                true => &[400, 403, 404, 408, 409, 413, 415, 422],
                false => &[400, 403, 408, 409, 413, 415, 422],
            }),
        );
    }

    if r.has_aggregates() && r.offers(Action::List) {
        let read = super::aggregate::read(r, &get, info, schemas);
        let draft = Draft::new(r, Action::List, "aggregate");
        paths.add(&format!("{all}/aggregate"), "get", draft.reads(read));
    }

    super::bulk::entity(r, &create, &update, &get, schemas, paths);
    super::by_key::entity(r, info, &create, &get, schemas, paths);

    reads_of(r, registry, info, &get, schemas, paths);
    changes_of(r, &create, &update, &get, paths);
}

/// The operations that read one row, in whatever form.
fn reads_of(
    r: &Resource,
    registry: &Registry,
    info: &Info<'_>,
    get: &Value,
    schemas: &mut Schemas,
    paths: &mut Paths,
) {
    let one = format!("{}/{}/{{id}}", App::PREFIX, r.endpoint);
    if r.offers(Action::Get) {
        let mut read = Read::row(r, info, schemas);
        let parameters = [parameters::id(r)]
            .into_iter()
            .chain(parameters::archived(r));
        read.parameters.splice(..0, parameters);
        read.parameters.extend(parameters::as_of(r));
        let draft = Draft::new(r, Action::Get, "get");
        paths.add(&one, "get", draft.reads(read));
        if r.history.is_some() {
            super::history::entity(r, get, schemas, paths);
        }
        lists_of(r, registry, info, schemas, paths);
    }

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
}

/// The operations that change one row.
fn changes_of(r: &Resource, create: &Value, update: &Value, get: &Value, paths: &mut Paths) {
    let one = format!("{}/{}/{{id}}", App::PREFIX, r.endpoint);
    let row = || responses::success("The row as it is now.", ROW, Some(get.clone()));
    let change = |action, verb| {
        let parameters = vec![parameters::id(r), parameters::if_match(r.if_match_required)];
        Draft::new(r, action, verb).takes(parameters)
    };
    if r.offers(Action::Update) {
        let patched = demanded(r, &[400, 403, 404, 408, 409, 412, 413, 415, 422]);
        let draft = change(Action::Update, "update").body(update, PATCH_TYPES);
        let draft = draft.answers(200, row()).once();
        paths.add(&one, "patch", draft.done(&patched));
        let draft = change(Action::Update, "replace").body(create, POST_TYPES);
        let draft = draft.answers(200, row()).once();
        paths.add(&one, "put", draft.done(&patched));
    }

    let moved = demanded(r, &[400, 403, 404, 409, 412, 422]);
    if r.offers(Action::Delete) {
        let gone = responses::success("The row is gone.", &[], None);
        let draft = change(Action::Delete, "delete").answers(204, gone).once();
        paths.add(&one, "delete", draft.done(&moved));
    }
    for action in [Action::Archive, Action::Restore] {
        if r.offers(action) {
            let verb = action.as_str();
            let draft = change(action, verb).answers(200, row()).once();
            paths.add(&format!("{one}/{verb}"), "patch", draft.done(&moved));
        }
    }
}

/// The errors of a change.
fn demanded(r: &Resource, errors: &[u16]) -> Vec<u16> {
    let demand = r.if_match_required.then_some(428);
    errors.iter().copied().chain(demand).collect()
}

/// The lists of an entity's rows, each as the list of the entity that it is of.
fn lists_of(
    r: &Resource,
    registry: &Registry,
    info: &Info<'_>,
    schemas: &mut Schemas,
    paths: &mut Paths,
) {
    let one = format!("{}/{}/{{id}}", App::PREFIX, r.endpoint);
    for relation in r.relations.iter().filter(|relation| relation.is_many()) {
        let of = registry.get(relation.endpoint);
        let Some(of) = of.filter(|of| of.offers(Action::List)) else {
            continue;
        };
        let mut list = Read::list(of, info, schemas);
        list.parameters.insert(0, parameters::id(r));
        list.errors = &[400, 403, 404, 422];
        let id = format!("list_{}_of", relation.name);
        let public = list.public && r.is_public(Action::Get);
        let things = format!("List {} of {}", relation.name.replace('_', " "), r.noun);
        let draft = Draft::for_reading(r, &id, public).summary(&things);
        paths.add(
            &format!("{one}/{}", relation.name),
            "get",
            draft.reads(list),
        );
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
        let get = schemas.or_part(get);
        let get = with_relations(r, get, schemas);
        let row = responses::success("The row as it is now.", ROW, Some(get));
        let unchanged = responses::success("The client has this version.", ROW, None);
        let mut parameters: Vec<_> = parameters::include(r).into_iter().collect();
        let names: Vec<_> = r.get.seen(&Mask::default()).collect();
        parameters.push(parameters::fields(&names));
        parameters.push(parameters::if_none_match());
        Self {
            parameters,
            answers: vec![(200, row), (304, unchanged)],
            errors: &[400, 404, 422],
            public: r.is_public(Action::Get),
        }
    }

    /// A page of rows, or all of them in another form.
    fn exported_list(r: &Resource, info: &Info<'_>, schemas: &mut Schemas) -> Self {
        let mut read = Self::list(r, info, schemas);
        read.parameters.push(parameters::format());
        if let Some((_, answer)) = read.answers.first_mut() {
            responses::exported(answer);
        }
        read
    }

    /// A page of rows.
    pub(super) fn list(r: &Resource, info: &Info<'_>, schemas: &mut Schemas) -> Self {
        let masked = masked(r, info);
        let list = schemas.row(r.schemas.list, &masked);
        let list = schemas.or_part(list);
        let list = with_relations(r, list, schemas);
        let page = schemas.page(r.name, &list);
        Self {
            parameters: parameters::list(r, &masked, &callers(info), schemas),
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

/// Callers of every kind.
pub(super) fn callers(info: &Info<'_>) -> Vec<Principal> {
    let nobody = [Principal::anonymous(), Principal::user(Uuid::default(), "")];
    let roles = info.roles.iter();
    let roles = roles.map(|role| Principal::user(Uuid::default(), *role));
    nobody.into_iter().chain(roles).collect()
}

/// The fields that some caller may not see.
pub(super) fn masked(r: &Resource, info: &Info<'_>) -> BTreeSet<&'static str> {
    let masks = callers(info).into_iter().map(|by| r.mask(&by));
    let hidden = |mask: Mask| {
        let computed: Vec<_> = r.get.hidden(&mask).chain(r.list.hidden(&mask)).collect();
        mask.hidden.into_iter().chain(computed)
    };
    masks.flat_map(hidden).collect()
}

/// The headers of the answer to a new row, which has an address where it can be read.
fn new_row(r: &Resource) -> &'static [&'static str] {
    match r.offers(Action::Get) {
        true => NEW,
        false => ROW,
    }
}

/// What can be done next with a new row: clients and test generators follow these.
fn links(r: &Resource) -> Value {
    const VERBS: [(Action, &str); 6] = [
        (Action::Get, "get"),
        (Action::Update, "update"),
        (Action::Update, "replace"),
        (Action::Delete, "delete"),
        (Action::Archive, "archive"),
        (Action::Restore, "restore"),
    ];
    let offered = VERBS.into_iter().filter(|(action, _)| r.offers(*action));
    let link = |(_, verb): (_, &str)| {
        let id = operation_id(r, verb);
        let link = json!({ "operationId": id, "parameters": { "id": "$response.body#/id" } });
        (id, link)
    };
    offered.map(link).collect::<Map<_, _>>().into()
}

/// `list_lesson_progress`, `get_course`.
fn operation_id(r: &Resource, verb: &str) -> String {
    match verb {
        "list" | "aggregate" | "import" | "create_many" | "update_many" | "delete_many" => {
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
        let public = r.is_public(action);
        // Where anyone may read, a bad token is as none; a write by nobody can still be refused.
        let errors = if public && action.is_read() {
            vec![]
        } else {
            vec![401]
        };
        let things = match action {
            Action::List => r.endpoint.replace('-', " "),
            _ => r.noun.clone(),
        };
        Self::of(r, verb, &things, public, errors)
    }

    /// An operation that reads, and needs nobody to be signed in if it is public.
    fn for_reading(r: &Resource, verb: &str, public: bool) -> Self {
        let errors = if public { vec![] } else { vec![401] };
        Self::of(r, verb, &r.noun, public, errors)
    }

    fn of(r: &Resource, verb: &str, things: &str, public: bool, errors: Vec<u16>) -> Self {
        let mut summary = format!("{verb} {things}");
        summary[..1].make_ascii_uppercase();
        let mut operation = json!({
            "operationId": operation_id(r, verb),
            "summary": summary,
            "tags": [r.endpoint],
        });
        if public {
            operation["security"] = open();
        }
        Self {
            operation,
            responses: Map::new(),
            errors,
        }
    }

    /// By a unique value.
    pub(super) fn by(mut self, name: &str) -> Self {
        let (id, summary) = (&self.operation["operationId"], &self.operation["summary"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, summary) = (text(id), text(summary));
        self.operation["operationId"] = format!("{id}_by_{name}").into();
        self.summary(&format!("{summary} by {}", name.replace('_', " ")))
    }

    pub(super) fn summary(mut self, summary: &str) -> Self {
        self.operation["summary"] = summary.into();
        self
    }

    /// It takes an `Idempotency-Key`.
    pub(super) fn once(mut self) -> Self {
        let key = parameters::idempotency_key();
        match self.operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(key),
            None => self.operation["parameters"] = json!([key]),
        }
        let answers = self.responses.iter_mut();
        for (_, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
            let name = "Idempotent-Replayed";
            answer["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
        self
    }

    pub(super) fn takes(mut self, parameters: Vec<Value>) -> Self {
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

    pub(super) fn reads(self, read: Read) -> Value {
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
