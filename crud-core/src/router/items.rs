//! What a bulk route reads: a JSON list, each item of which goes the way of a single body. All faults of all
//! items are told at once, each with the index of its item.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    Error, Principal, Result,
    dto::Assignment,
    error::FieldError,
    id::{Id, IdKind},
    operations::{Change, all, repeated_id},
    registry::Resource,
};

/// The items that one request may have.
pub(crate) const MOST_ITEMS: usize = 1000;

/// Reads the list of a `POST`.
///
/// # Errors
/// 400 if it is no JSON; 403 and 422 as each item's own.
pub(super) fn creates(r: &Resource, body: &[u8], by: &Principal) -> Result<Vec<Vec<Assignment>>> {
    let read = |item: &RawValue| r.read_create(item.get().as_bytes(), by);
    all(items(body)?.into_iter().map(read))
}

/// Reads the list of a `PATCH`: each item is the body of a single one, with the row's `id` and, where it
/// must not have changed, its `version`.
///
/// # Errors
/// As [`creates`].
pub(super) fn changes(r: &Resource, body: &[u8], by: &Principal) -> Result<Vec<Change>> {
    let mut seen = HashSet::new();
    all(items(body)?.into_iter().map(|item| {
        let Ok(Fields(fields)) = serde_json::from_str(item.get()) else {
            // Its own reader says what is wrong with it.
            let refused = r.read_update(item.get().as_bytes(), by).map(drop);
            let unread = || Error::invalid("", "type", "The body must be an object");
            return Err(refused.err().unwrap_or_else(unread));
        };
        let (own, rest): (Vec<_>, Vec<_>) =
            (fields.into_iter()).partition(|(name, _)| name == "id" || name == "version");
        let mut faults = Vec::new();
        let id = one(
            &own,
            "id",
            r.ids.words(),
            |id| r.ids.of_json(id),
            &mut faults,
        );
        let version = one(&own, "version", "a whole number", read, &mut faults);
        if !own.iter().any(|(name, _)| name == "id") {
            faults.push(FieldError::at("/id", "required", "Id is required"));
        }
        if r.if_match_required && !own.iter().any(|(name, _)| name == "version") {
            let fault = FieldError::at("/version", "required", "Version is required");
            faults.push(fault);
        }
        if id.as_ref().is_some_and(|id: &Id| !seen.insert(id.clone())) {
            faults.push(repeated_id("/id".to_owned()));
        }
        match (r.read_update(&object(&rest), by), id) {
            (Ok(set), Some(id)) if faults.is_empty() => Ok(Change { id, set, version }),
            (Err(Error::Invalid(more)), _) => {
                faults.extend(more);
                Err(Error::Invalid(faults))
            }
            (Err(error), _) if faults.is_empty() => Err(error),
            _ => Err(Error::Invalid(faults)),
        }
    }))
}

/// Reads the list of a `DELETE`.
///
/// # Errors
/// As [`creates`].
pub(super) fn ids(kind: IdKind, body: &[u8]) -> Result<Vec<Id>> {
    let mut seen = HashSet::new();
    all(items(body)?.into_iter().map(|item| {
        let id = kind.of_json(item.get()).ok_or_else(|| {
            let detail = format!("Each item must be {}", kind.words());
            Error::invalid("", "type", detail)
        })?;
        match seen.insert(id.clone()) {
            true => Ok(id),
            false => Err(Error::Invalid(vec![repeated_id(String::new())])),
        }
    }))
}

/// The items of a list, each as it was sent.
fn items(body: &[u8]) -> Result<Vec<&RawValue>> {
    let Ok(items) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
        return Err(no_list(body));
    };
    if items.is_empty() || items.len() > MOST_ITEMS {
        let given = items.len();
        let detail = format!("The list must have from 1 to {MOST_ITEMS} items, not {given}");
        return Err(Error::invalid("", "length", detail));
    }
    Ok(items)
}

fn no_list(body: &[u8]) -> Error {
    if body.iter().all(u8::is_ascii_whitespace) {
        let detail = "The body is empty: send a JSON list";
        return Error::bad_request("malformed_json", detail);
    }
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(_) => Error::invalid("", "type", "The body must be a list"),
        Err(error) => {
            let detail = format!("The body is not valid JSON: {error}");
            Error::bad_request("malformed_json", detail)
        }
    }
}

/// The only field of a name, if it can be read.
pub(super) fn one<'a, T>(
    fields: &[(String, &'a RawValue)],
    name: &str,
    expected: &str,
    read: impl FnOnce(&'a str) -> Option<T>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let mut given = fields.iter().filter(|(known, _)| known == name);
    let (_, value) = given.next()?;
    let at = format!("/{name}");
    if given.next().is_some() {
        let detail = format!("Duplicate field `{name}`");
        faults.push(FieldError::at(at, "repeated_field", detail));
        return None;
    }
    let read = read(value.get());
    if read.is_none() {
        let detail = format!("`{name}` must be {expected}");
        faults.push(FieldError::at(at, "type", detail));
    }
    read
}

/// What JSON says.
pub(super) fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    serde_json::from_str(json).ok()
}

/// Fields as an object again, those that come twice too.
pub(super) fn object(fields: &[(String, &RawValue)]) -> Vec<u8> {
    let mut json = Vec::with_capacity(256);
    json.push(b'{');
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            json.push(b',');
        }
        json.extend_from_slice(
            serde_json::Value::from(name.as_str())
                .to_string()
                .as_bytes(),
        );
        json.push(b':');
        json.extend_from_slice(value.get().as_bytes());
    }
    json.push(b'}');
    json
}

/// An object's fields in their order.
pub(super) struct Fields<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Object).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(error: Error) -> Vec<(String, String)> {
        match error {
            Error::Invalid(faults) => faults
                .into_iter()
                .map(|f| (f.pointer.unwrap_or_default(), f.code.into_owned()))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    fn pair(pointer: &str, code: &str) -> (String, String) {
        (pointer.to_owned(), code.to_owned())
    }

    #[test]
    fn a_list_has_from_one_to_a_thousand_items() {
        let list = |n: usize| format!("[{}]", vec!["1"; n].join(","));
        for (n, fits) in [
            (0, false),
            (1, true),
            (MOST_ITEMS, true),
            (MOST_ITEMS + 1, false),
        ] {
            assert_eq!(items(list(n).as_bytes()).is_ok(), fits, "{n}");
        }
        let refused = items(b"{\"id\": 1}").expect_err("no list");
        assert_eq!(faults(refused), [pair("", "type")]);
        for body in ["", " ", "[1", "[1,]", "{", "[1] 2", "[\"\u{1}\"]"] {
            let refused = items(body.as_bytes()).expect_err("no JSON");
            assert_eq!(refused.code(), "malformed_json", "{body}");
        }
    }

    #[test]
    fn each_id_that_is_none_and_each_that_comes_again_is_named() {
        let id = crate::Uuid::now_v7();
        let uuids = format!("[\"{id}\", \"x\", 3, \"{id}\"]");
        for (kind, body) in [
            (IdKind::Uuid, &*uuids),
            (IdKind::Int, "[3, \"3\", 3.5, 3]"),
            (IdKind::Text, "[\"x\", 3, \"\", \"x\"]"),
        ] {
            let refused = ids(kind, body.as_bytes()).expect_err("refused");
            let expected = [
                pair("/1", "type"),
                pair("/2", "type"),
                pair("/3", "repeated"),
            ];
            assert_eq!(faults(refused), expected);
        }
    }

    #[test]
    fn an_object_is_taken_apart_and_put_together_as_it_was() {
        let text = r#"{"a":1,"id":"x","\n":{"b" : [1.0]},"a":2}"#;
        let Fields(fields) = serde_json::from_str(text).expect("an object");
        assert_eq!(object(&fields), text.as_bytes());
        let mut wrong = Vec::new();
        assert_eq!(one::<i64>(&fields, "a", "a number", read, &mut wrong), None);
        assert_eq!(
            one::<i64>(&fields, "id", "a number", read, &mut wrong),
            None
        );
        assert_eq!(one::<i64>(&fields, "c", "a number", read, &mut wrong), None);
        let expected = [pair("/a", "repeated_field"), pair("/id", "type")];
        assert_eq!(faults(Error::Invalid(wrong)), expected);
    }
}
