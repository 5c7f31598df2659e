//! `POST /batch`: writes to rows of several entities by one request, all or none, each as its single route has it.
//!
//! What a body refers to by `{"$ref": …}` is the id of a row that an operation before it creates. Ids are made when the
//! request is read, so that a body is complete before it is checked.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    items::{self, Fields, one},
    local_ids::LocalIds,
    no_parameters,
    once::{Key, once},
    options,
    request::POST_TYPES,
    response::json,
};
use crate::{
    App, Error, Principal, Result,
    error::FieldError,
    extract::media_type,
    operations::{Operation, Row, Step, all, given, placed},
    policy::Action,
    registry::{Registry, Resource},
    serve::{BODY_LIMIT, read_body},
};

/// The operations that one request may have.
pub(crate) const MOST_OPERATIONS: usize = 100;
/// Characters of a local id.
pub(crate) const LONGEST_LOCAL_ID: usize = 64;

const FIELDS: [&str; 6] = ["op", "entity", "local_id", "id", "version", "body"];
const OPS: [Action; 5] = [
    Action::Create,
    Action::Update,
    Action::Archive,
    Action::Restore,
    Action::Delete,
];

/// Adds the path.
pub(super) fn route(router: Router, app: &App) -> Router {
    let app = app.clone();
    let handler = async move |request: Request| match answer(&app, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    let path = format!("{}/batch", App::PREFIX);
    router.route(&path, options(post(handler), "POST, OPTIONS"))
}

async fn answer(app: &App, request: Request) -> Result<Response> {
    let (head, body) = request.into_parts();
    let by = caller(app, &head.headers).await?;
    no_parameters(head.uri.query().unwrap_or_default())?;
    let key = Key::of(&head, &by)?;
    media_type(&head.headers, POST_TYPES)?;
    let body = read_body(body, BODY_LIMIT).await?;
    let known = LocalIds::of(app, &by, &body).await?;
    let operations = operations(app.registry(), &body, &by, known)?;
    once(key, app, &by, &body, |cx| {
        Box::pin(async move {
            let done = cx.run_batch(operations).await;
            let rows = done.map_err(|error| placed("/operations", "/operations", error))?;
            Ok(results(&rows))
        })
    })
    .await
}

/// Someone who is signed in.
async fn caller(app: &App, headers: &HeaderMap) -> Result<Principal> {
    let by = app.auth().principal(headers).await?;
    if by.is_anonymous() {
        return Err(Error::Unauthenticated("Sign in to do this".into()));
    }
    if headers.contains_key(header::IF_MATCH) {
        let detail = "`If-Match` is about one row: give each operation its `version`";
        return Err(Error::bad_request("if_match", detail));
    }
    Ok(by)
}

fn results(rows: &[Option<Row>]) -> Response {
    let mut out = b"{\"results\":[".to_vec();
    for (i, row) in rows.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(row.as_ref().map_or(b"null", |row| &row.json));
    }
    out.extend_from_slice(b"]}");
    json(StatusCode::OK, out.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    pub(super) operations: Vec<&'a RawValue>,
}

/// Reads all operations, or says what is wrong with any of them.
fn operations(
    registry: &Registry,
    body: &[u8],
    by: &Principal,
    mut known: LocalIds,
) -> Result<Vec<Operation>> {
    let Ok(Batch { operations }) = serde_json::from_slice(body) else {
        let Err(error) = serde_json::from_slice::<&RawValue>(body) else {
            let detail = "The body must be an object with the list `operations`, and nothing else";
            return Err(Error::invalid("", "type", detail));
        };
        let detail = format!("The body is not valid JSON: {error}");
        return Err(Error::bad_request("malformed_json", detail));
    };
    let given = operations.len();
    if !(1..=MOST_OPERATIONS).contains(&given) {
        let detail = format!("There must be from 1 to {MOST_OPERATIONS} operations, not {given}");
        return Err(Error::invalid("/operations", "length", detail));
    }
    let read = operations
        .into_iter()
        .map(|item| operation(registry, item, by, &mut known));
    all(read).map_err(|error| placed("/operations", "/operations", error))
}

fn operation(
    registry: &Registry,
    item: &RawValue,
    by: &Principal,
    known: &mut LocalIds,
) -> Result<Operation> {
    let Ok(Fields(fields)) = serde_json::from_str(item.get()) else {
        return Err(Error::invalid("", "type", "An operation is an object"));
    };
    let mut read = Reading {
        fields: &fields,
        faults: Vec::new(),
    };
    let words = OPS.map(Action::as_str);
    let op = read.word("op", &words);
    let op = op.and_then(|word| OPS.into_iter().find(|op| op.as_str() == word));
    let endpoints: Vec<_> = registry.resources().iter().map(|r| r.endpoint).collect();
    let entity = read
        .word("entity", &endpoints)
        .and_then(|e| registry.get(e));
    read.no_others(op);
    let local_id = read.local_id();
    let (Some(op), Some(r)) = (op, entity) else {
        return Err(Error::Invalid(read.faults));
    };
    let mut id = match op {
        Action::Create => {
            let id = known.fresh(r);
            known.name(local_id.as_deref(), id.clone(), &mut read.faults);
            id
        }
        _ => read
            .required("id")
            .and_then(|id| known.id(r.ids, id, "/id", &mut read.faults)),
    };
    // What has no route of its own is not reached in this way either.
    if !r.actions().any(|known| known == op) {
        let detail = format!("`{}` does not have `{}`", r.endpoint, op.as_str());
        read.faults.push(FieldError::at("/op", "enum", detail));
    }
    let version = read.value("version", "a whole number", items::read);
    if r.if_match_required && op != Action::Create && version.is_none() {
        let detail = "`version` is required: the entity demands to know which one is changed";
        read.faults
            .push(FieldError::at("/version", "required", detail));
    }
    let mut refers = false;
    let step = match op {
        Action::Archive => Step::Archive,
        Action::Restore => Step::Restore,
        Action::Delete => Step::Delete,
        _ => {
            let (step, in_body) = read.body(registry, r, op == Action::Create, by, known)?;
            refers = in_body;
            if let Step::Create(set) = &step
                && let Some(own) = given(r, set).map_err(|error| placed("/body", "", error))?
            {
                known.set(local_id.as_deref(), own.clone());
                id = Some(own);
            }
            step
        }
    };
    match id {
        Some(id) if read.faults.is_empty() => Ok(Operation {
            resource: Arc::clone(r),
            id,
            step,
            refers,
            version,
        }),
        _ => Err(Error::Invalid(read.faults)),
    }
}

/// An operation that is being read; its faults so far.
struct Reading<'f, 'a> {
    fields: &'f [(String, &'a RawValue)],
    faults: Vec<FieldError>,
}

impl<'f, 'a> Reading<'f, 'a> {
    fn value<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        one(self.fields, name, expected, read, &mut self.faults)
    }

    fn required(&mut self, name: &str) -> Option<&'a RawValue> {
        if self.fields.iter().all(|(known, _)| known != name) {
            let detail = format!("`{name}` is required");
            let fault = FieldError::at(format!("/{name}"), "required", detail);
            self.faults.push(fault);
        }
        self.value(name, "JSON", items::read)
    }

    /// A field that is one of these words.
    fn word<'w>(&mut self, name: &str, words: &[&'w str]) -> Option<&'w str> {
        let given = self.required(name)?;
        let text: Option<String> = serde_json::from_str(given.get()).ok();
        let word = words.iter().find(|word| text.as_deref() == Some(word));
        if word.is_none() {
            let detail = format!("`{name}` must be one of {}", words.join(", "));
            let fault = FieldError::at(format!("/{name}"), "enum", detail);
            self.faults.push(fault);
        }
        word.copied()
    }

    /// Refuses what an operation of this kind does not have.
    fn no_others(&mut self, op: Option<Action>) {
        let accepted: &[&str] = match op {
            None => &FIELDS,
            Some(Action::Create) => &["op", "entity", "local_id", "body"],
            Some(Action::Update) => &["op", "entity", "id", "version", "body"],
            Some(_) => &["op", "entity", "id", "version"],
        };
        for (name, _) in self.fields {
            if !accepted.contains(&name.as_str()) {
                let list = accepted.join(", ");
                let detail = format!("Unknown field `{name}`: accepted are {list}");
                let at = name.replace('~', "~0").replace('/', "~1");
                let fault = FieldError::at(format!("/{at}"), "unknown_field", detail);
                self.faults.push(fault);
            }
        }
    }

    fn local_id(&mut self) -> Option<String> {
        let id: String = self.value("local_id", "text", items::read)?;
        if (1..=LONGEST_LOCAL_ID).contains(&id.chars().count()) {
            return Some(id);
        }
        let detail = format!("`local_id` must have from 1 to {LONGEST_LOCAL_ID} characters");
        self.faults
            .push(FieldError::at("/local_id", "length", detail));
        None
    }

    /// The body, with ids in the place of local ones, as its single route reads it.
    fn body(
        &mut self,
        registry: &Registry,
        r: &Resource,
        is_new: bool,
        by: &Principal,
        known: &LocalIds,
    ) -> Result<(Step, bool)> {
        let Some(body) = self.required("body") else {
            return Err(Error::Invalid(std::mem::take(&mut self.faults)));
        };
        let before = self.faults.len();
        let (body, refers) = known.resolved(registry, r, body, &mut self.faults);
        if self.faults.len() > before {
            return Err(Error::Invalid(std::mem::take(&mut self.faults)));
        }
        let read = match is_new {
            true => r.read_create(&body, by).map(Step::Create),
            false => r.read_update(&body, by).map(Step::Update),
        };
        let read = read.map(|step| (step, refers));
        read.map_err(|error| match placed("/body", "", error) {
            Error::Invalid(more) => {
                let mut faults = std::mem::take(&mut self.faults);
                faults.extend(more);
                Error::Invalid(faults)
            }
            other => other,
        })
    }
}
