//! `GET /things/{id}/history`: the versions of a row, of entities that keep them.

use std::sync::Arc;

use axum::{Router, response::Response, routing::get_service as get};

use super::{handler, list_response, options, request::Call};
use crate::{App, Result, policy::Action, query::parse_page, registry::Resource};

/// Adds the path.
pub(super) fn route(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    let path = format!("{}/{}/{{id}}/history", App::PREFIX, r.endpoint);
    let methods = get(handler(app, r, versions));
    router.route(&path, options(methods, "GET, HEAD, OPTIONS"))
}

async fn versions(call: Box<Call>) -> Result<Response> {
    let by = call.principal(Action::Get).await?;
    let id = call.id()?;
    let (page, total) = parse_page(call.query())?;
    let (cx, r) = (call.app.on_behalf(&by), &call.resource);
    let Some(kept) = &r.history else {
        return Err(r.missing(id));
    };
    let listing = cx.versions(r, kept, &id, page, total).await?;
    Ok(list_response(call.path(), call.query(), page, listing))
}
