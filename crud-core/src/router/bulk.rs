//! `/things/bulk`: many rows by one request, all or none, each as its single route has it. Reads with
//! [`items`](super::items), and leaves the rest to [`crate::operations`].

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::Response,
    routing::{delete, patch, post},
};

use super::{
    handler, items, options,
    request::{Call, POST_TYPES},
    response::{no_content, rows_response},
};
use crate::{App, Error, Principal, Result, policy::Action, registry::Resource};

/// Adds the path, which goes before `/things/{id}`.
pub(super) fn routes(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    let path = format!("{}/{}/bulk", App::PREFIX, r.endpoint);
    let methods = post(handler(app, r, create))
        .merge(patch(handler(app, r, update)))
        .merge(delete(handler(app, r, remove)));
    router.route(&path, options(methods, "POST, PATCH, DELETE, OPTIONS"))
}

async fn create(call: Call) -> Result<Response> {
    let by = caller(&call, Action::Create).await?;
    let (app, r) = call.parts();
    let cx = app.on_behalf(&by);
    // Whoever may create nothing is told so before his body is read.
    cx.admit(&r, Action::Create)?;
    let body = call.body(POST_TYPES).await?;
    let sets = items::creates(&r, &body, &by)?;
    let rows = Box::pin(cx.create_rows(&r, sets)).await?;
    Ok(rows_response(StatusCode::CREATED, &rows))
}

async fn update(call: Call) -> Result<Response> {
    let by = caller(&call, Action::Update).await?;
    let (app, r) = call.parts();
    let body = call.body(POST_TYPES).await?;
    let changes = items::changes(&r, &body, &by)?;
    let rows = Box::pin(app.on_behalf(&by).update_rows(&r, changes)).await?;
    Ok(rows_response(StatusCode::OK, &rows))
}

async fn remove(call: Call) -> Result<Response> {
    let by = caller(&call, Action::Delete).await?;
    let (app, r) = call.parts();
    let body = call.body(POST_TYPES).await?;
    let ids = items::ids(&body)?;
    Box::pin(app.on_behalf(&by).delete_rows(&r, &ids)).await?;
    Ok(no_content())
}

/// The caller, and nothing beside the body that would mean something.
async fn caller(call: &Call, action: Action) -> Result<Principal> {
    let by = call.principal(action).await?;
    call.no_parameters()?;
    if call.header(&header::IF_MATCH)?.is_some() {
        let detail = "`If-Match` is about one row: in PATCH, give each item its `version`";
        return Err(Error::bad_request("if_match", detail));
    }
    Ok(by)
}
