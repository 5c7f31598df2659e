//! What a router answered, with the assertions that tests make about it. Each one that fails prints the
//! whole exchange, and points to the line of the test.

use std::{fmt, ops::Index};

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::openapi::Promises;

/// What only the server's code or its database says.
const INSIDE: [&str; 11] = [
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE ",
    "RETURNING",
    "sqlite",
    "ostgres",
    "diesel",
    "constraint",
    "panicked",
    ".rs:",
];
/// How the names of constraints and indexes begin.
const PREFIXES: [&str; 7] = ["uq_", "ck_", "fk_", "pk_", "ty_", "ix_", "sqlite_"];

/// An answer.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// use crud_core::testing::Client;
///
/// let reply = Client::new(app().await.router()).get("/courses?sort=-price").await.is(200);
/// assert_eq!((reply.total(), reply.items().len()), (0, 0));
/// assert_eq!(reply.header("x-total-count"), Some("0"));
/// # Ok(())
/// # }
/// ```
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub json: Value,
    /// The body as it came.
    pub bytes: Bytes,
    /// `PATCH /api/v1/courses/…`
    request: String,
    /// The request's body.
    sent: String,
}

impl Reply {
    pub(super) async fn read(request: String, sent: String, response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => panic!("{request}: the answer breaks off: {error}"),
        };
        Self {
            status: head.status,
            headers: head.headers,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            bytes,
            request,
            sent,
        }
    }

    /// Demands that the answer is what a document promises; for [`Client::watched`](super::Client::watched).
    ///
    /// # Panics
    /// If it is another, with each difference.
    #[track_caller]
    pub fn keeps(&self, promises: &Promises) {
        let (method, path) = self.request.split_once(' ').unwrap_or_default();
        let method = method.parse().unwrap_or_default();
        let faults = promises.faults(&method, path, self.status, &self.headers, &self.bytes);
        let told = faults.join("\n");
        self.demand(
            faults.is_empty(),
            format_args!("what the document promises, and not\n{told}"),
        );
    }

    /// Demands a status.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        self.demand(self.status == status, format_args!("status {status}"));
        self
    }

    /// Demands an error with a status and a code.
    ///
    /// # Panics
    /// If it is another, or no `application/problem+json`.
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        let reply = self.is(status);
        let kind = reply.header("content-type");
        reply.demand(
            kind == Some("application/problem+json"),
            format_args!("a problem"),
        );
        reply.demand(reply.json["code"] == code, format_args!("code {code}"));
        reply
    }

    /// Demands an error that names exactly these JSON pointers (or parameters), in any order.
    ///
    /// # Panics
    /// If it names others.
    #[track_caller]
    pub fn names(self, fields: &[&str]) -> Self {
        let mut named: Vec<_> = self.faults().into_iter().map(|(name, _)| name).collect();
        let mut expected = fields.to_vec();
        named.sort_unstable();
        // One field may break several rules.
        named.dedup();
        expected.sort_unstable();
        self.demand(named == expected, format_args!("errors at {expected:?}"));
        self
    }

    /// Demands that the error's sentence has a text in it.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let detail = self.json["detail"].as_str().unwrap_or_default();
        self.demand(
            detail.contains(text),
            format_args!("a detail with `{text}`"),
        );
        self
    }

    /// The faults of an error: pointer or parameter, and code.
    #[must_use]
    pub fn faults(&self) -> Vec<(&str, &str)> {
        let errors = self.json["errors"].as_array();
        errors
            .into_iter()
            .flatten()
            .map(|error| {
                let place = error.get("pointer").or_else(|| error.get("parameter"));
                let place = place.and_then(Value::as_str).unwrap_or_default();
                (place, error["code"].as_str().unwrap_or_default())
            })
            .collect()
    }

    /// A header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The entity tag.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn etag(&self) -> String {
        let tag = self.header("etag");
        self.demand(tag.is_some(), format_args!("an ETag"));
        tag.unwrap_or_default().to_owned()
    }

    /// The `id` of the row.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> String {
        let id = id_of(&self.json);
        self.demand(id.is_some(), format_args!("a row"));
        id.unwrap_or_default()
    }

    /// The rows of a list.
    ///
    /// # Panics
    /// If it is no list.
    #[must_use]
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        let items = self.json["items"].as_array();
        self.demand(items.is_some(), format_args!("a list"));
        items.map(Vec::as_slice).unwrap_or_default()
    }

    /// One field of every row of a list.
    ///
    /// # Panics
    /// If it is no list.
    #[must_use]
    #[track_caller]
    pub fn column(&self, field: &str) -> Vec<Value> {
        self.items()
            .iter()
            .map(|item| item[field].clone())
            .collect()
    }

    /// How many rows the whole list has.
    ///
    /// # Panics
    /// If they were not counted.
    #[must_use]
    #[track_caller]
    pub fn total(&self) -> u64 {
        let total = self.json["total"].as_u64();
        self.demand(total.is_some(), format_args!("a total"));
        total.unwrap_or_default()
    }

    /// The address of `Link` with this relation.
    #[must_use]
    pub fn link(&self, relation: &str) -> Option<String> {
        let end = format!("rel=\"{relation}\"");
        let links = self.header("link")?;
        let link = links.split(", ").find(|link| link.ends_with(&end))?;
        let (address, _) = link.strip_prefix('<')?.split_once('>')?;
        Some(address.to_owned())
    }

    /// What every answer must be: an error is a problem that says all it has to, and nothing of the
    /// server's inside. For [`Client::watched`](super::Client::watched).
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn well_formed(&self) {
        let status = self.status.as_u16();
        if status < 400 || self.request.starts_with("HEAD ") {
            return;
        }
        let kind = self.header("content-type");
        self.demand(
            kind == Some("application/problem+json"),
            format_args!("a problem"),
        );
        let members = ["type", "title", "detail", "code"];
        for name in members {
            let text = self.json[name].as_str().unwrap_or_default();
            self.demand(!text.is_empty(), format_args!("a member `{name}`"));
        }
        self.demand(
            self.json["status"] == status,
            format_args!("its status in the body"),
        );
        let id = self.header("x-request-id");
        let same = id.is_none_or(|id| self.json["request_id"] == id);
        self.demand(same, format_args!("the request id in the body"));
        let text = String::from_utf8_lossy(&self.bytes);
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let named = words
            .into_iter()
            .find(|w| PREFIXES.iter().any(|p| w.starts_with(p)));
        let inside = INSIDE.iter().copied().find(|inside| text.contains(inside));
        let inside = inside.or(named).unwrap_or_default();
        self.demand(
            inside.is_empty(),
            format_args!("no word of the inside: `{inside}`"),
        );
        let challenge = self.header("www-authenticate");
        let right = (status == 401) == (challenge == Some("Bearer"));
        self.demand(
            right,
            format_args!("`WWW-Authenticate: Bearer` with 401 only"),
        );
        let again = self.header("retry-after").is_some();
        self.demand(
            again || !matches!(status, 429 | 503),
            format_args!("Retry-After"),
        );
    }

    #[track_caller]
    pub(super) fn demand(&self, holds: bool, what: fmt::Arguments<'_>) {
        assert!(holds, "expected {what}\n{self}");
    }
}

/// The whole exchange.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.request)?;
        if !self.sent.is_empty() {
            writeln!(f, "{}", self.sent)?;
        }
        writeln!(f, "→ {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", value.to_str().unwrap_or("(not text)"))?;
        }
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A field of the body; null if there is none.
impl Index<&str> for Reply {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

/// The id of a row as an address has it, before it is encoded.
pub(super) fn id_of(row: &serde_json::Value) -> Option<String> {
    Some(text_of(&row["id"])).filter(|id| !id.is_empty())
}

/// An id as a text; empty if it is none.
pub(super) fn text_of(id: &serde_json::Value) -> String {
    match id {
        serde_json::Value::String(id) => id.clone(),
        serde_json::Value::Number(id) => id.to_string(),
        _ => String::new(),
    }
}
