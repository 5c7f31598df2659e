//! Whether an answer is what the document promises, for tests: its status, its headers, its media type and its body.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;

use super::{check::validator_of, shared::followed};

type Validator = Result<jsonschema::Validator, String>;

/// A document that answers are held to.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use axum::http::{HeaderMap, Method, StatusCode};
/// use crud_core::openapi::{Info, Promises, document};
///
/// let promises = Promises::new(document(app().await.registry(), &Info::default(), &[]));
/// let (path, headers) = ("/api/v1/courses", HeaderMap::new());
/// let faults = promises.faults(&Method::GET, path, StatusCode::IM_A_TEAPOT, &headers, b"");
/// assert_eq!(faults, ["418 is not among the answers"]);
/// # }
/// ```
pub struct Promises {
    document: Value,
    /// By what an answer is an answer to, and its media type.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Promises {
    /// Takes an OpenAPI document.
    #[must_use]
    pub fn new(document: Value) -> Self {
        Self {
            document,
            validators: Mutex::default(),
        }
    }

    /// What is wrong with an answer, as sentences; empty if nothing is. `path` is the request's, which may have a query.
    /// Nothing is promised of paths and methods that the document does not have.
    pub fn faults(
        &self,
        method: &Method,
        path: &str,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        let Some((template, operation)) = self.operation(method, path) else {
            return Vec::new();
        };
        let responses = &operation["responses"];
        let status = status.as_str();
        let Some(response) = responses.get(status).or_else(|| responses.get("default")) else {
            return vec![format!("{status} is not among the answers")];
        };
        let response = followed(&self.document, response);
        let mut faults = Vec::new();
        for (name, promised) in response["headers"].as_object().into_iter().flatten() {
            let is_required = followed(&self.document, promised)["required"] == true;
            if is_required && !headers.contains_key(name) {
                faults.push(format!("{status} has no `{name}`"));
            }
        }
        if body.is_empty() {
            return faults;
        }
        let media_type = headers.get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next());
        let media_type = media_type.unwrap_or_default().trim();
        match response["content"].get(media_type) {
            None => faults.push(format!("{status} is not promised as `{media_type}`")),
            Some(content) if is_json(media_type) && content.get("schema").is_some() => {
                let key = format!("{method} {template} {status} {media_type}");
                faults.extend(self.body(key, &content["schema"], body));
            }
            Some(_) => {}
        }
        faults
    }

    fn body(&self, key: String, schema: &Value, body: &[u8]) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return vec!["the body is no JSON".to_owned()];
        };
        let mut known = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let validator = known
            .entry(key)
            .or_insert_with(|| Arc::new(validator_of(&self.document, schema)));
        let validator = Arc::clone(validator);
        drop(known);
        match &*validator {
            Ok(validator) => (validator.iter_errors(&body))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect(),
            Err(error) => vec![error.clone()],
        }
    }

    /// The operation of a request: that whose path says the most about its own.
    fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Value)> {
        let method = method.as_str().to_ascii_lowercase();
        let paths = self.document["paths"].as_object()?.iter();
        let fitting =
            paths.filter_map(|(template, item)| Some((fits(template, path)?, template, item)));
        let (_, template, item) = fitting.max_by_key(|(said, ..)| *said)?;
        Some((template, item.get(&method)?))
    }
}

/// `application/json`, `application/problem+json`; not lines of JSON.
fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

/// How many characters of a path its template says, outside of placeholders; `None`: it is not of its shape.
fn fits(template: &str, path: &str) -> Option<usize> {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    let mut said = 0;
    loop {
        match (template.next(), path.next()) {
            (None, None) => return Some(said),
            (Some(expected), Some(segment)) => {
                // `{id}` and `{id}.pdf`: a placeholder begins its segment.
                let end = match expected.split_once('}') {
                    Some((_, end)) => end,
                    None if expected == segment => segment,
                    None => return None,
                };
                if !segment.ends_with(end) {
                    return None;
                }
                said += end.len();
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_held_to_the_operation_of_its_path() {
        let answer = |schema: Value| {
            json!({ "responses": { "200": {
            "headers": { "ETag": { "required": true } },
            "content": { "application/json": { "schema": schema } },
        } } })
        };
        let text = json!({ "$ref": "#/components/schemas/Text" });
        let promises = Promises::new(json!({
            "paths": {
                "/things/{id}": { "get": answer(json!({ "type": "integer" })) },
                "/things/{id}.pdf": { "get": answer(json!({ "type": "boolean" })) },
                "/things/all": { "get": answer(text) },
            },
            "components": { "schemas": { "Text": { "type": "string" } } },
        }));
        let sent = HeaderMap::from_iter([
            (
                header::CONTENT_TYPE,
                "application/json".parse().expect("a value"),
            ),
            (header::ETAG, "1".parse().expect("a value")),
        ]);
        let faults = |path: &str, headers: &HeaderMap, status: u16, body: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            promises
                .faults(&Method::GET, path, status, headers, body.as_bytes())
                .len()
        };
        for (path, right, wrong) in [
            ("/things/1", "1", "true"),
            ("/things/1.pdf", "true", "1"),
            ("/things/all?page=1", "\"x\"", "1"),
        ] {
            assert_eq!(faults(path, &sent, 200, right), 0, "{path}");
            assert_eq!(faults(path, &sent, 200, wrong), 1, "{path}");
            assert_eq!(faults(path, &sent, 200, "{"), 1, "{path}");
            assert_eq!(faults(path, &sent, 201, right), 1, "{path}");
            // Neither the header nor the media type.
            assert_eq!(faults(path, &HeaderMap::new(), 200, right), 2, "{path}");
        }
        assert_eq!(faults("/others/1", &sent, 200, "{"), 0);
    }
}
