//! A client of a router, without sockets: it sends what a real one would and hands back a [`Reply`].
//!
//! Tests and the conformance suite call it. It knows no entity; what it answers is what the router said.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, Method, header},
};
use serde_json::Value;
use tower::ServiceExt as _;

use super::reply::Reply;
use crate::{App, Uuid};

/// Someone who calls the API: nobody in particular, or a user with a token.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// use crud_core::testing::Client;
/// use serde_json::json;
///
/// let app = app().await;
/// let anonymous = Client::new(app.router());
/// let id = Uuid::now_v7();
/// let teacher = anonymous.signed_in(id, app.auth().jwt().issue(id, "teacher").0);
/// let course = teacher.post("/courses", json!({"title": " Rust "})).await.is(201);
/// assert_eq!(course["title"], "Rust");
/// anonymous.get(&format!("/courses/{}", course.id())).await.is_problem(404, "not_found");
/// teacher.post("/courses", json!({"title": ""})).await.is_problem(422, "invalid").names(&["/title"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    router: Router,
    prefix: &'static str,
    user: Option<(Uuid, String)>,
    watches: Vec<fn(&Reply)>,
}

impl Client {
    /// A client that sends no token. Its paths are below [`App::PREFIX`]: `/courses`; those that begin
    /// with it already, as links do, stay as they are.
    #[must_use]
    pub const fn new(router: Router) -> Self {
        Self {
            router,
            prefix: App::PREFIX,
            user: None,
            watches: Vec::new(),
        }
    }

    /// The same client, which has every reply looked at by one function more, that panics if it is wrong.
    #[must_use]
    pub fn watched(&self, watch: fn(&Reply)) -> Self {
        let mut client = self.clone();
        client.watches.push(watch);
        client
    }

    /// The same client without a token.
    #[must_use]
    pub fn signed_out(&self) -> Self {
        Self {
            user: None,
            ..self.clone()
        }
    }

    /// The same client with a user's token.
    #[must_use]
    pub fn signed_in(&self, id: Uuid, token: impl Into<String>) -> Self {
        Self {
            user: Some((id, token.into())),
            ..self.clone()
        }
    }

    /// The same client for paths that are not below the prefix: `/openapi.json`.
    #[must_use]
    pub fn at_root(&self) -> Self {
        Self {
            prefix: "",
            ..self.clone()
        }
    }

    /// The user's id.
    ///
    /// # Panics
    /// If nobody is signed in.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> Uuid {
        self.user.as_ref().expect("a client who is signed in").0
    }

    /// What it sends as `Authorization`.
    pub(super) fn authorization(&self) -> Option<String> {
        let (_, token) = self.user.as_ref()?;
        Some(format!("Bearer {token}"))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path).send().await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.request(Method::POST, path).json(body).send().await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.request(Method::PATCH, path).json(body).send().await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.request(Method::PUT, path).json(body).send().await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.request(Method::DELETE, path).send().await
    }

    /// Any request, to be completed and sent.
    pub fn request(&self, method: Method, path: &str) -> Call<'_> {
        let path = if path.starts_with(self.prefix) {
            path.to_owned()
        } else {
            format!("{}{path}", self.prefix)
        };
        Call {
            client: self,
            method,
            path,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// A request that is not yet sent.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use axum::http::{Method, header};
///
/// let client = crud_core::testing::Client::new(app().await.router());
/// let call = client.request(Method::GET, "/courses").header(header::ACCEPT, "application/json");
/// assert_eq!(call.send().await.is(200).total(), 0);
/// # }
/// ```
#[must_use]
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

impl Call<'_> {
    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets a JSON body.
    pub fn json(self, body: Value) -> Self {
        let bytes = body.to_string();
        self.body("application/json", bytes)
    }

    /// Sets a body of any type.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self.header(header::CONTENT_TYPE, content_type)
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Panics
    /// If the path or a header is none, or the answer breaks off.
    pub async fn send(self) -> Reply {
        let (method, path) = (self.method, self.path);
        let mut request = Request::builder().method(method.clone()).uri(&path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = self.client.authorization() {
            request = request.header(header::AUTHORIZATION, token);
        }
        let sent = String::from_utf8_lossy(&self.body).into_owned();
        let request = request
            .body(Body::from(self.body))
            .unwrap_or_else(|e| panic!("`{method} {path}` is no request: {e}"));
        let router = self.client.router.clone();
        let response = router.oneshot(request).await;
        let response = response.unwrap_or_else(|never| match never {});
        let reply = Reply::read(format!("{method} {path}"), sent, response).await;
        for watch in &self.client.watches {
            watch(&reply);
        }
        reply
    }
}
