//! Routes that are not generated. A handler gets in only together with its description, so that none
//! can be served without being documented.

use std::collections::BTreeMap;

use axum::{
    Router,
    handler::Handler,
    http::{Method, StatusCode, header},
    routing::{self, MethodFilter},
};

use super::Operation;
use crate::Error;

/// Custom routes with their descriptions. They may share the prefix and the tag of an entity, but not
/// a whole path.
///
/// Handlers are axum's, with the state `S` of the application's own choice.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::{auth::CurrentUser, openapi::{Operation, Routes}};
///
/// fn routes() -> Routes<App> {
///     Routes::new().route(
///         Operation::get("/whoami", "whoami").summary("Say who asks").returns::<String>(200, "The id"),
///         async |CurrentUser(by): CurrentUser| by.id().map(|id| id.to_string()).unwrap_or_default(),
///     )
/// }
/// ```
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    operations: Vec<Operation>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No route yet.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            operations: Vec::new(),
        }
    }

    /// Adds a route.
    ///
    /// # Panics
    /// If the method of the path is taken already, or the path is none. It is a mistake in the
    /// program, found at its start.
    #[must_use]
    pub fn route<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let path = operation.full_path();
        let Ok(filter) = MethodFilter::try_from(operation.method.clone()) else {
            panic!("`{} {path}`: the method cannot be routed", operation.method);
        };
        self.router = self.router.route(&path, routing::on(filter, handler));
        self.operations.push(operation);
        self
    }

    /// Adds all routes of another module.
    ///
    /// # Panics
    /// If both have a method of a path.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }

    /// The descriptions, for [`document`](super::document()).
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The routes, ready to be merged into the application's router. Each path also answers `OPTIONS`,
    /// and 405 to the methods that it does not have.
    pub fn mount(self, state: S) -> Router {
        let mut methods: BTreeMap<String, Vec<Method>> = BTreeMap::new();
        for operation in &self.operations {
            let known = methods.entry(operation.full_path()).or_default();
            known.push(operation.method.clone());
            if operation.method == Method::GET {
                known.push(Method::HEAD);
            }
        }
        let mut router = self.router;
        for (path, mut methods) in methods {
            methods.push(Method::OPTIONS);
            let allow: Vec<_> = methods.iter().map(Method::as_str).collect();
            // Kept for as long as the server runs: one text for each path.
            let allow: &'static str = allow.join(", ").leak();
            let answer = async move || (StatusCode::NO_CONTENT, [(header::ALLOW, allow)]);
            let refuse = async move || Error::MethodNotAllowed { allow };
            router = router.route(&path, routing::options(answer).fallback(refuse));
        }
        router.with_state(state)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}
