//! What routes answer, as `router::response` and `error` write it: the envelope of a list, the headers,
//! and every error as a problem (RFC 9457).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::query::LARGEST_SIZE;

/// An error's status, its name among the components, and when it is the answer.
const ERRORS: &[(u16, &str, &str)] = &[
    (
        400,
        "BadRequest",
        "The request cannot be read, or names something that does not exist: a parameter, a sort.",
    ),
    (
        401,
        "Unauthorized",
        "There are no credentials where they are needed, or bad ones.",
    ),
    (403, "Forbidden", "Visible, but not allowed."),
    (
        404,
        "NotFound",
        "There is no such row, or the caller may not see it.",
    ),
    (
        405,
        "MethodNotAllowed",
        "The path exists, the method does not.",
    ),
    (408, "Timeout", "The body took too long to arrive."),
    (
        409,
        "Conflict",
        "A unique, foreign-key or state conflict, which names the field.",
    ),
    (
        412,
        "PreconditionFailed",
        "`If-Match` names another version than the row has.",
    ),
    (
        413,
        "BodyTooLarge",
        "The body is larger than the server takes.",
    ),
    (
        415,
        "UnsupportedMediaType",
        "The body is of a type that the route does not read.",
    ),
    (
        422,
        "Invalid",
        "Well formed, but breaks a rule. All faults are listed at once.",
    ),
    (
        428,
        "PreconditionRequired",
        "The write needs an `If-Match` header with the row's `ETag`.",
    ),
    (
        429,
        "TooManyRequests",
        "Too many requests: try again later.",
    ),
    (500, "InternalError", "A fault of the server's own."),
    (
        503,
        "Unavailable",
        "The server or its database is busy or away: try again.",
    ),
];

/// The answer of an error, by reference where it is one of the common ones.
pub(super) fn error(status: u16) -> Value {
    match ERRORS.iter().find(|(code, ..)| *code == status) {
        Some((_, name, _)) => json!({ "$ref": format!("#/components/responses/{name}") }),
        None => {
            let reason = StatusCode::from_u16(status)
                .ok()
                .and_then(|s| s.canonical_reason());
            problem(reason.unwrap_or("An error"), &[])
        }
    }
}

/// The common errors.
pub(super) fn errors() -> Value {
    let all = ERRORS.iter().map(|(status, name, description)| {
        let extra: &[&str] = match status {
            401 => &["WWW-Authenticate"],
            405 => &["Allow"],
            429 | 503 => &["Retry-After"],
            _ => &[],
        };
        let mut answer = problem(description, extra);
        if *status == 412 {
            answer["headers"]["ETag"] = json!({
                "description": "The entity tag of the row's version; left out if there is no row.",
                "schema": { "type": "string" },
            });
        }
        ((*name).to_owned(), answer)
    });
    all.collect::<Map<_, _>>().into()
}

fn problem(description: &str, extra: &[&str]) -> Value {
    let content = json!({
        "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
    });
    json!({ "description": description, "headers": refer(extra), "content": content })
}

/// A successful answer.
pub(super) fn success(description: &str, headers: &[&str], schema: Option<Value>) -> Value {
    let mut answer = json!({ "description": description, "headers": refer(headers) });
    if let Some(schema) = schema {
        answer["content"] = json!({ "application/json": { "schema": schema } });
    }
    answer
}

/// A successful answer that is a file.
pub(super) fn file(media_type: &str, headers: &[&str]) -> Value {
    let mut answer = success("The row as a file.", headers, None);
    answer["content"] = json!({ media_type: {} });
    answer
}

/// Adds to the answer of a list the forms in which all rows come.
pub(super) fn exported(answer: &mut Value) {
    let text =
        |description: &str| json!({ "schema": { "type": "string", "description": description } });
    answer["content"]["application/x-ndjson"] = text("Lines, each of them a row as in `items`.");
    answer["content"]["text/csv"] = text("The names of the fields, then the rows.");
    answer["headers"]["Content-Disposition"] = text("The name to keep an export under.");
}

fn refer(headers: &[&str]) -> Value {
    let headers = headers.iter().chain(&["X-Request-Id"]);
    let refer = |name: &&str| json!({ "$ref": format!("#/components/headers/{name}") });
    headers
        .map(|name| ((*name).to_owned(), refer(name)))
        .collect::<Map<_, _>>()
        .into()
}

/// The headers of answers.
pub(super) fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "required": true, "schema": { "type": "string" } });
    let mut headers = json!({
        "Allow": text("The methods that the path has."),
        "Cache-Control": text("Answers depend on who asks, and must be asked for again."),
        "Idempotent-Replayed": text("`true`: the answer to the first request with this `Idempotency-Key`."),
        "Content-Disposition": text("The name to keep the file under."),
        "ETag": text("The entity tag of the row's version, for `If-Match` and `If-None-Match`."),
        "Link": text("The pages `first`, `prev`, `next` and `last` (RFC 8288), those that exist; not with an export."),
        "Location": text("The path of the new row."),
        "Retry-After": text("Seconds until it makes sense to try again."),
        "Vary": text("The request headers that the answer depends on."),
        "WWW-Authenticate": text("How to sign in."),
        "X-Request-Id": text("The request's id, for the log; a client may send its own."),
        "X-Total-Count": text("The rows on all pages; left out if they were not counted."),
    });
    headers["Location"]["schema"]["format"] = "uri-reference".into();
    headers["Retry-After"]["schema"] = json!({ "type": "integer", "minimum": 0 });
    headers["X-Total-Count"]["schema"] = json!({ "type": "integer", "minimum": 0 });
    headers["X-Total-Count"]["required"] = false.into();
    headers["Link"]["required"] = false.into();
    headers["Idempotent-Replayed"]["required"] = false.into();
    headers["Idempotent-Replayed"]["schema"]["enum"] = json!(["true"]);
    // A layer around the routes adds it.
    headers["X-Request-Id"]["required"] = false.into();
    headers
}

/// The envelope of a list.
pub(super) fn page(row: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": row, "maxItems": LARGEST_SIZE },
            "total": {
                "description": "The rows on all pages; null if they were not counted.",
                "type": ["integer", "null"], "format": "int64", "minimum": 0,
            },
            "page": {
                "description": "The number of this page, from 1; null on a page by a cursor.",
                "type": ["integer", "null"], "format": "int64", "minimum": 1,
            },
            "page_size": { "type": "integer", "minimum": 1, "maximum": LARGEST_SIZE },
            "pages": {
                "description": "How many pages there are; null if the rows were not counted.",
                "type": ["integer", "null"], "format": "int64", "minimum": 0,
            },
            "next_cursor": {
                "description": "The `cursor` of the rows behind this page; null at the end.",
                "type": ["string", "null"],
            },
            "prev_cursor": {
                "description": "The `cursor` of the rows before this page; null at the beginning.",
                "type": ["string", "null"],
            },
            "total_is": {
                "description": "What `total` is, with `total=estimated`.",
                "type": "string", "enum": ["exact", "estimated"],
            },
        },
        "required": ["items", "total", "page", "page_size", "pages", "next_cursor", "prev_cursor"],
        "additionalProperties": false,
    })
}

/// The schemas of errors.
pub(super) fn schemas() -> [(&'static str, Value); 2] {
    let problem = json!({
        "description": "Why a request was refused or failed (RFC 9457).",
        "type": "object",
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "description": "The kind of error, in words.", "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "description": "A sentence for a person.", "type": "string" },
            "code": { "description": "Stable, for programs.", "type": "string" },
            "request_id": { "description": "As `X-Request-Id`.", "type": "string" },
            "errors": { "type": "array", "items": { "$ref": "#/components/schemas/ProblemField" } },
        },
        "required": ["type", "title", "status", "detail", "code"],
        "additionalProperties": false,
    });
    let field = json!({
        "description": "One fault of a body, a parameter or a field.",
        "type": "object",
        "properties": {
            "pointer": {
                "description": "Where in the body: a JSON pointer (RFC 6901).",
                "type": "string", "format": "json-pointer",
            },
            "parameter": { "description": "Which query or path parameter.", "type": "string" },
            "code": { "description": "Stable, for programs.", "type": "string" },
            "detail": { "description": "A sentence for a person.", "type": "string" },
        },
        "required": ["code", "detail"],
        "additionalProperties": false,
    });
    [("Problem", problem), ("ProblemField", field)]
}
