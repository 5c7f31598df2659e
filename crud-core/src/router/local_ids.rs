//! The ids of the rows that the operations of a batch create, by the local ones that its bodies refer to. Ids that the
//! database gives are taken before the operations are read.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    batch::{Batch, MOST_OPERATIONS},
    items::{Fields, object},
};
use crate::{
    App, Principal, Result, Uuid,
    error::FieldError,
    id::{Id, IdKind},
    policy::Action,
    registry::{Registry, Resource},
};

/// The ids of the rows that operations create, by their local ones.
pub(super) struct LocalIds {
    /// `None`: it is in a body that has not been read.
    ids: HashMap<String, Option<Id>>,
    /// By endpoint, those that the database has given and no row has yet.
    numbers: HashMap<&'static str, Vec<Id>>,
}

/// The ids of new rows that the database numbers, by endpoint: taken before the operations are read, since their bodies
/// may refer to them. What is not used is lost, as the numbers of a transaction that is undone are.
async fn numbers(app: &App, by: &Principal, body: &[u8]) -> Result<HashMap<&'static str, Vec<Id>>> {
    #[derive(Deserialize)]
    struct Create {
        op: String,
        entity: String,
    }
    let registry = app.registry();
    let mut numbers = HashMap::new();
    if registry.resources().iter().all(|r| r.ids != IdKind::Int) {
        return Ok(numbers);
    }
    let Ok(Batch { operations }) = serde_json::from_slice(body) else {
        // Whoever reads the body says what is wrong with it.
        return Ok(numbers);
    };
    let mut counts: HashMap<&'static str, usize> = HashMap::new();
    for item in operations.iter().take(MOST_OPERATIONS) {
        let create = serde_json::from_str::<Create>(item.get());
        let of = create
            .ok()
            .filter(|item| item.op == Action::Create.as_str());
        let of = of.and_then(|item| registry.get(&item.entity));
        if let Some(of) = of.filter(|of| of.ids == IdKind::Int) {
            *counts.entry(of.endpoint).or_default() += 1;
        }
    }
    let cx = app.on_behalf(by);
    for (endpoint, count) in counts {
        let Some(r) = registry.get(endpoint) else {
            continue;
        };
        let ids = match cx.admit(r, Action::Create) {
            Ok(_) => cx.fresh_ids(r, count).await?,
            // The operation is refused before it is done.
            Err(_) => vec![Id::Int(0); count],
        };
        numbers.insert(endpoint, ids);
    }
    Ok(numbers)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    #[serde(rename = "$ref")]
    local: String,
}

impl LocalIds {
    /// For the operations of this body.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn of(app: &App, by: &Principal, body: &[u8]) -> Result<Self> {
        Ok(Self {
            ids: HashMap::new(),
            numbers: numbers(app, by, body).await?,
        })
    }

    /// The id of a new row, unless its body has it.
    pub(super) fn fresh(&mut self, r: &Resource) -> Option<Id> {
        match r.ids {
            IdKind::Uuid => Some(Id::Uuid(Uuid::now_v7())),
            // In the order in which they were given. One that is missing is asked for with the row.
            IdKind::Int => {
                let numbers = self.numbers.get_mut(r.endpoint)?;
                (!numbers.is_empty()).then(|| numbers.remove(0))
            }
            IdKind::Text => None,
        }
    }

    pub(super) fn name(
        &mut self,
        local: Option<&str>,
        id: Option<Id>,
        faults: &mut Vec<FieldError>,
    ) {
        if let Some(local) = local
            && self.ids.insert(local.to_owned(), id).is_some()
        {
            let detail = "Another operation has this local id: give each its own";
            faults.push(FieldError::at("/local_id", "repeated", detail));
        }
    }

    pub(super) fn set(&mut self, local: Option<&str>, id: Id) {
        if let Some(known) = local.and_then(|local| self.ids.get_mut(local)) {
            *known = Some(id);
        }
    }

    /// The id that is given, or referred to.
    pub(super) fn id(
        &self,
        kind: IdKind,
        given: &RawValue,
        at: &str,
        faults: &mut Vec<FieldError>,
    ) -> Option<Id> {
        if let Some(id) = kind.of_json(given.get()) {
            return Some(id);
        }
        let Some(reference) = reference(given) else {
            let words = kind.words();
            let detail = format!("It must be {words}, or {{\"$ref\": \"…\"}} with a local id");
            faults.push(FieldError::at(at, "type", detail));
            return None;
        };
        self.find(kind, &reference, at, faults)
    }

    fn find(
        &self,
        kind: IdKind,
        local: &str,
        at: &str,
        faults: &mut Vec<FieldError>,
    ) -> Option<Id> {
        let id = self.ids.get(local).and_then(Option::as_ref);
        let detail = match id {
            Some(id) if id.kind() == kind => return Some(id.clone()),
            Some(_) => format!("The row with the local id `{local}` has an id of another type"),
            None => format!("No operation before this one has the local id `{local}`"),
        };
        faults.push(FieldError::at(at, "local_id", detail));
        None
    }

    /// The body as its entity knows it, and whether that is another than was sent.
    pub(super) fn resolved(
        &self,
        registry: &Registry,
        r: &Resource,
        body: &RawValue,
        faults: &mut Vec<FieldError>,
    ) -> (Vec<u8>, bool) {
        let as_sent = || (body.get().as_bytes().to_vec(), false);
        let Ok(Fields(mut fields)) = serde_json::from_str(body.get()) else {
            // Its own reader says what is wrong with it.
            return as_sent();
        };
        let mut ids = Vec::new();
        for (place, (name, value)) in fields.iter().enumerate() {
            if let Some(kind) = registry.refers_by(r, name)
                && let Some(local) = reference(value)
                && let Some(id) = self.find(kind, &local, &format!("/body/{name}"), faults)
                && let Ok(id) = serde_json::value::to_raw_value(&id)
            {
                ids.push((place, id));
            }
        }
        if ids.is_empty() {
            return as_sent();
        }
        for (place, id) in &ids {
            fields[*place].1 = id;
        }
        (object(&fields), true)
    }
}

fn reference(value: &RawValue) -> Option<String> {
    let reference: Reference = serde_json::from_str(value.get()).ok()?;
    Some(reference.local)
}
