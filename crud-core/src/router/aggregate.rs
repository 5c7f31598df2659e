//! `GET /things/aggregate`, of entities that declare what may be asked: reads the query, and leaves the rest to
//! [`crate::operations`].

use std::sync::Arc;

use axum::{Router, http::StatusCode, response::Response, routing::get_service as get};

use super::{handler, options, request::Call, response::json};
use crate::{App, Result, policy::Action, query::parse_aggregate, registry::Resource};

/// Adds the path, which goes before `/things/{id}`.
pub(super) fn routes(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    if !(r.has_aggregates() && r.offers(Action::List)) {
        return router;
    }
    let path = format!("{}/{}/aggregate", App::PREFIX, r.endpoint);
    let answer = get(handler(app, r, aggregate));
    router.route(&path, options(answer, "GET, HEAD, OPTIONS"))
}

async fn aggregate(call: Box<Call>) -> Result<Response> {
    let by = call.principal(Action::List).await?;
    let r = &call.resource;
    let cx = call.app.on_behalf(&by);
    let request = parse_aggregate(&cx, r, call.query())?;
    let body = cx.aggregate(r, &request).await?;
    Ok(json(StatusCode::OK, body.into()))
}
