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
pub fn note_principal(principal: &Principal) {
    let _ = CALLER.try_with(|caller| caller.set(principal.id()));
}
