//! What operators see: one log line and one metric sample for each request, a request id, panics
//! turned into answers, `/metrics` and `/health`.
//!
//! `main` calls [`init`] once; [`crate::serve::edge`] puts [`RequestLayer`] around the router. Log
//! lines and labels never hold a query string, a body, a token or (in labels) an id.

mod health;
mod layer;
mod log;
mod metrics;
mod panics;
mod request_id;

use std::cell::Cell;

pub use health::{ReadyCheck, health_routes};
pub use layer::{RequestLayer, RequestService};
pub use log::{LogFormat, TelemetryConfig, TelemetryError, check_filter, init};
pub(crate) use metrics::start_counting;
pub use metrics::{metrics_text, spawn_upkeep};

use crate::{Principal, Uuid};

tokio::task_local! {
    /// Who the request being answered turned out to come from, for its log line.
    static CALLER: Cell<Option<Uuid>>;
}

/// Has the current request's log line name the caller. Does nothing outside a request.
///
/// ```
/// use axum::http::HeaderMap;
/// use crud_core::{Principal, Uuid, telemetry::note_principal};
///
/// /// The caller of a route that other machines call, with a key that both sides know.
/// fn machine(headers: &HeaderMap, key: &str, id: Uuid) -> Principal {
///     match headers.get("x-api-key").is_some_and(|given| given == key) {
///         true => {
///             let principal = Principal::user(id, "machine");
///             note_principal(&principal);
///             principal
///         }
///         false => Principal::anonymous(),
///     }
/// }
/// ```
pub fn note_principal(principal: &Principal) {
    let _ = CALLER.try_with(|caller| caller.set(principal.id()));
}
