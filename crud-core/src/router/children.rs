//! Rows that the body of a `POST` brings along: `{"title": "Rust", "modules": [{"title": "One"}]}`, for the lists that the
//! declaration opens. Each is read as the body of its own `POST`, but for the key, which is the new row's id.

use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};

use super::items::{self, Fields, object, one};
use crate::{
    Context, Error, Result, Uuid,
    dto::Assignment,
    error::FieldError,
    id::{Id, IdKind},
    operations::{Children, all, joined, placed},
    policy::Action,
    registry::Resource,
    relation::{Relation, RelationKind},
};

/// The rows that one body may bring along.
pub(crate) const MOST_CHILDREN: usize = 100;

/// A new row, and what comes with it.
pub(super) struct New {
    pub(super) set: Vec<Assignment>,
    /// With its id, which they have.
    pub(super) children: Option<(Id, Vec<Children>)>,
}

/// Reads the body of a `POST`.
///
/// # Errors
/// 400, 403 and 422 as of a single body; of a child at its place: `/modules/3/title`.
pub(super) async fn read(cx: &Context<'_>, r: &Resource, body: &[u8]) -> Result<New> {
    let by = cx.principal;
    let alone = |body: &[u8]| {
        let set = r.read_create(body, by)?;
        Ok(New {
            set,
            children: None,
        })
    };
    if !r.relations.iter().any(|relation| relation.nested) {
        return alone(body);
    }
    let Ok(Fields(fields)) = serde_json::from_slice(body) else {
        // Its own reader says what is wrong with it.
        return alone(body);
    };
    let is_nested = |name: &str| {
        r.relations
            .iter()
            .any(|known| known.nested && known.name == name)
    };
    let (nested, own): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| is_nested(name));
    if nested.is_empty() {
        return alone(body);
    }
    let set = r.read_create(&object(&own), by);
    let id = match &set {
        Ok(set) => cx.new_id(r, set).await?,
        // The body is refused: its children are read for their own faults only.
        Err(_) => some(r.ids),
    };
    match (set, children(cx, r, &nested, &id)) {
        (Ok(set), Ok(children)) => Ok(New {
            set,
            children: Some((id, children)),
        }),
        (Err(first), Err(more)) => Err(joined(Some(first), more)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Some id.
fn some(kind: IdKind) -> Id {
    match kind {
        IdKind::Uuid => Uuid::now_v7().into(),
        IdKind::Int => Id::Int(0),
        IdKind::Text => Id::Text("-".into()),
    }
}

/// Reads all lists, or says what is wrong with any of them.
fn children(
    cx: &Context<'_>,
    r: &Resource,
    lists: &[(String, &RawValue)],
    parent: &Id,
) -> Result<Vec<Children>> {
    let (mut read, mut refused, mut count) = (Vec::new(), None, 0);
    for relation in r.relations.iter().filter(|known| known.nested) {
        let at = format!("/{}", relation.name);
        let list = match list(lists, relation.name) {
            Ok(Some(list)) if !list.is_empty() => list,
            Ok(_) => continue,
            Err(error) => {
                refused = Some(joined(refused, error));
                continue;
            }
        };
        count += list.len();
        if count > MOST_CHILDREN {
            let detail = format!("A body may bring {MOST_CHILDREN} rows along");
            return Err(Error::invalid(&at, "length", detail));
        }
        match list_of(cx, relation, &list, parent) {
            Ok(children) => read.push(children),
            Err(error) => refused = Some(joined(refused, placed(&at, &at, error))),
        }
    }
    refused.map_or(Ok(read), Err)
}

/// The items of the only list of a name.
fn list<'a>(lists: &[(String, &'a RawValue)], name: &str) -> Result<Option<Vec<&'a RawValue>>> {
    let mut faults = Vec::new();
    let list = one(lists, name, "a list", items::read, &mut faults);
    match faults.is_empty() {
        true => Ok(list),
        false => Err(Error::Invalid(faults)),
    }
}

fn list_of(
    cx: &Context<'_>,
    relation: &Relation,
    list: &[&RawValue],
    parent: &Id,
) -> Result<Children> {
    let (Some(of), RelationKind::HasMany(key)) =
        (cx.registry.get(relation.endpoint), relation.kind)
    else {
        return Err(Error::internal("a relation leads to no list"));
    };
    cx.admit(of, Action::Create)?;
    let sets = list.iter().map(|item| child(cx, of, key, item, parent));
    Ok(Children {
        name: relation.name,
        of: Arc::clone(of),
        sets: all(sets)?,
    })
}

/// Reads one child, whose key is the new row.
fn child(
    cx: &Context<'_>,
    of: &Resource,
    key: &'static str,
    item: &RawValue,
    parent: &Id,
) -> Result<Vec<Assignment>> {
    let by = cx.principal;
    let sent = item.get().as_bytes();
    let Ok(Fields(mut fields)) = serde_json::from_slice(sent) else {
        return of.read_create(sent, by);
    };
    let given = fields.len();
    fields.retain(|(name, _)| name != key);
    let fault = (fields.len() < given).then(|| {
        let detail = format!("Unknown field `{key}`: it is the row that this one comes with");
        Error::Invalid(vec![FieldError::at(
            format!("/{key}"),
            "unknown_field",
            detail,
        )])
    });
    let sent = object(&fields);
    let own = to_raw_value(parent).map_err(Error::internal)?;
    if of.create_shape.fields.iter().any(|field| field.name == key) {
        fields.push((key.to_owned(), &own));
    }
    let set = of.read_create_as(&sent, &object(&fields), by);
    let mut set = match (fault, set) {
        (None, Ok(set)) => set,
        (Some(fault), Ok(_)) => return Err(fault),
        (fault, Err(error)) => return Err(joined(fault, error)),
    };
    // Whatever the entity's own code makes of it.
    set.retain(|a| a.column != key);
    set.push(Assignment::new(key, parent.bound()));
    Ok(set)
}
