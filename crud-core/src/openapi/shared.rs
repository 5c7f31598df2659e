//! What several operations have alike stands once among the components, and each of them refers to it: parameters
//! (every list of an entity has all of its filters) and answers.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// Moves every parameter and every answer that occurs more than once to `components`.
///
/// A parameter keeps its name there, brackets as dots; where another one has that name already, the operation that has
/// it first comes before it. So what is added to the end of a document renames nothing.
pub(super) fn share(document: &mut Value) {
    share_all(document, "parameters", |_, place, one| {
        let name = one["name"].as_str().unwrap_or(place);
        name.replace('[', ".").replace(']', "")
    });
    share_all(document, "responses", |operation, place, _| {
        format!("{operation}.{place}")
    });
}

/// Shares what all operations have under `key`. `name` makes the name of one from the operation, its place there and itself.
fn share_all(document: &mut Value, key: &str, name: fn(&str, &str, &Value) -> String) {
    let mut times: HashMap<String, usize> = HashMap::new();
    each(document, key, |_, _, one| {
        *times.entry(one.to_string()).or_default() += 1;
    });
    let mut known = match document["components"][key].take() {
        Value::Object(known) => known,
        _ => Map::new(),
    };
    let mut names: HashMap<String, String> = HashMap::new();
    each(document, key, |operation, place, one| {
        let text = one.to_string();
        if one.get("$ref").is_some() || times[&text] < 2 {
            return;
        }
        let name = names.entry(text).or_insert_with(|| {
            let plain = name(operation, place, one);
            let mut free = plain.clone();
            if known.contains_key(&free) {
                free = format!("{operation}.{plain}");
            }
            known.insert(free.clone(), one.clone());
            free
        });
        *one = json!({ "$ref": format!("#/components/{key}/{name}") });
    });
    document["components"][key] = known.into();
}

/// Calls with each parameter or answer of each operation, in order: the operation's id, the place within it, and itself.
fn each(document: &mut Value, key: &str, mut visit: impl FnMut(&str, &str, &mut Value)) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, operation) in paths.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten()) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let id = id.to_owned();
        match operation.get_mut(key) {
            Some(Value::Array(list)) => {
                for (i, one) in list.iter_mut().enumerate() {
                    visit(&id, &i.to_string(), one);
                }
            }
            Some(Value::Object(map)) => map
                .iter_mut()
                .for_each(|(place, one)| visit(&id, place, one)),
            _ => {}
        }
    }
}

/// What a part of a document is, or what it refers to: a parameter or an answer that several operations have.
///
/// ```
/// use crud_core::openapi::followed;
/// use serde_json::json;
///
/// let document = json!({
///     "components": { "parameters": { "page": { "name": "page", "in": "query" } } },
///     "paths": { "/courses": { "get": { "parameters": [{ "$ref": "#/components/parameters/page" }] } } },
/// });
/// let parameter = &document["paths"]["/courses"]["get"]["parameters"][0];
/// assert_eq!(followed(&document, parameter)["name"], "page");
/// ```
pub fn followed<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let to = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    to.and_then(|to| document.pointer(to)).unwrap_or(value)
}
