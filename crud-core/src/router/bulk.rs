//! `/things/bulk`: many rows by one request, all or none, each as its single route has it. Reads with
//! [`items`](super::items), and leaves the rest to [`crate::operations`].

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::Response,
    routing::{delete_service as delete, patch_service as patch, post_service as post},
};

use super::{
    Methods, handler, items,
    once::{Key, once},
    request::{Call, POST_TYPES},
    response::{no_content, rows_response},
};
use crate::{App, Error, Principal, Result, policy::Action, registry::Resource};

/// Adds the path, which goes before `/things/{id}`.
pub(super) fn routes(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    let path = format!("{}/{}/bulk", App::PREFIX, r.endpoint);
    Methods::of(r)
        .on(Action::Create, "POST", post(handler(app, r, create)))
        .on(Action::Update, "PATCH", patch(handler(app, r, update)))
        .on(Action::Delete, "DELETE", delete(handler(app, r, remove)))
        .mount(router, &path)
}

async fn create(call: Box<Call>) -> Result<Response> {
    let (by, key) = caller(&call, Action::Create).await?;
    let (app, r) = call.parts();
    let cx = app.on_behalf(&by);
    // Whoever may create nothing is told so before his body is read.
    cx.admit(&r, Action::Create)?;
    let body = call.body(POST_TYPES).await?;
    let sets = items::creates(&r, &body, &by)?;
    once(key, &app, &by, &body, |cx| {
        Box::pin(async move {
            let rows = cx.create_rows(&r, sets).await?;
            Ok(rows_response(StatusCode::CREATED, &rows))
        })
    })
    .await
}

async fn update(call: Box<Call>) -> Result<Response> {
    let (by, key) = caller(&call, Action::Update).await?;
    let (app, r) = call.parts();
    let body = call.body(POST_TYPES).await?;
    let changes = items::changes(&r, &body, &by)?;
    once(key, &app, &by, &body, |cx| {
        Box::pin(async move {
            let rows = cx.update_rows(&r, changes).await?;
            Ok(rows_response(StatusCode::OK, &rows))
        })
    })
    .await
}

async fn remove(call: Box<Call>) -> Result<Response> {
    let (by, key) = caller(&call, Action::Delete).await?;
    if call.resource.if_match_required {
        // A list of ids names no version.
        return Err(Error::PreconditionRequired);
    }
    let (app, r) = call.parts();
    let body = call.body(POST_TYPES).await?;
    let ids = items::ids(r.ids, &body)?;
    once(key, &app, &by, &body, |cx| {
        Box::pin(async move {
            cx.delete_rows(&r, &ids).await?;
            Ok(no_content())
        })
    })
    .await
}

/// The caller and the key, and nothing else beside the body that would mean something.
async fn caller(call: &Call, action: Action) -> Result<(Principal, Option<Key>)> {
    let by = call.principal(action).await?;
    call.no_parameters()?;
    if call.header(&header::IF_MATCH)?.is_some() {
        let detail = "`If-Match` is about one row: in PATCH, give each item its `version`";
        return Err(Error::bad_request("if_match", detail));
    }
    let key = call.key(&by)?;
    Ok((by, key))
}
