//! HTTP in, HTTP out: thin handlers, compiled once for all entities. Each knows its caller first,
//! then its path, query and body, and leaves the rest to [`crate::operations`]. Together the two
//! are the whole story of a request.

mod beside;
mod bulk;
mod items;
mod request;
mod response;

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, patch, post, put},
};

pub use self::beside::EntityRequest;
pub(crate) use self::{
    items::MOST_ITEMS,
    request::{PATCH_TYPES, POST_TYPES},
};
use self::{
    request::Call,
    response::{file_response, list_response, no_content, not_modified, row_response, tagged},
};
use crate::{
    App, Error, FileFormat, Principal, Result,
    etag::{self, Tags},
    operations::Row,
    policy::Action,
    query::{Params, parse_list},
    registry::Resource,
};

/// The routes of every entity, and the answers where there is no route.
pub(crate) fn routes(app: &App) -> Router {
    let mut router = Router::new();
    for resource in app.registry().resources() {
        router = bulk::routes(router, app, resource);
        router = entity_routes(router, app, resource);
    }
    router.fallback(async || Error::NotFound("There is nothing at this path".to_owned()))
}

fn entity_routes(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    let all = format!("{}/{}", App::PREFIX, r.endpoint);
    let one = format!("{all}/{{id}}");
    let many = get(handler(app, r, list)).merge(post(handler(app, r, create)));
    let single = get(handler(app, r, read))
        .merge(patch(handler(app, r, update)))
        .merge(put(handler(app, r, replace)))
        .merge(delete(handler(app, r, remove)));
    let mut single = options(single, "GET, HEAD, PATCH, PUT, DELETE, OPTIONS");
    if !r.files.is_empty() {
        single = single.layer(from_fn_with_state(Arc::clone(r), files_are_read));
    }
    let mut router = router
        .route(&all, options(many, "GET, HEAD, POST, OPTIONS"))
        .route(&one, single);
    if r.archivable {
        let away = patch(handler(app, r, archive));
        let back = patch(handler(app, r, restore));
        router = router
            .route(&format!("{one}/archive"), options(away, "PATCH, OPTIONS"))
            .route(&format!("{one}/restore"), options(back, "PATCH, OPTIONS"));
    }
    router
}

/// Answers `OPTIONS`, and every method that a path does not have, with those that it has.
fn options(routes: MethodRouter, allow: &'static str) -> MethodRouter {
    routes
        .options(async move || (StatusCode::NO_CONTENT, [(header::ALLOW, allow)]))
        .fallback(async move || Error::MethodNotAllowed { allow })
}

/// Answers what is not a reading of `/things/{id}.pdf`, which is the same route as `/things/{id}`.
async fn files_are_read(
    State(r): State<Arc<Resource>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
    next: Next,
) -> Response {
    const ALLOW: &str = "GET, HEAD, OPTIONS";
    let is_file = id.is_ok_and(|Path(id)| r.id_of_file(&id).is_some());
    match *request.method() {
        _ if !is_file => next.run(request).await,
        Method::GET | Method::HEAD => next.run(request).await,
        Method::OPTIONS => (StatusCode::NO_CONTENT, [(header::ALLOW, ALLOW)]).into_response(),
        _ => Error::MethodNotAllowed { allow: ALLOW }.into_response(),
    }
}

/// An axum handler from a function of a [`Call`].
fn handler<F>(
    app: &App,
    r: &Arc<Resource>,
    answer: impl Fn(Call) -> F + Clone + Send + Sync + 'static,
) -> impl Fn(Result<Path<String>, PathRejection>, Request) -> BoxResponse + Clone + Send + Sync + 'static
where
    F: Future<Output = Result<Response>> + Send + 'static,
{
    let (app, r) = (app.clone(), Arc::clone(r));
    move |id, request| {
        let id = id.ok().map(|Path(id)| id);
        let answer = answer(Call::new(app.clone(), Arc::clone(&r), id, request));
        Box::pin(async move { answer.await.into_response() })
    }
}

type BoxResponse = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

async fn create(call: Call) -> Result<Response> {
    let by = call.principal(Action::Create).await?;
    call.no_parameters()?;
    let (app, r) = call.parts();
    let cx = app.on_behalf(&by);
    // Whoever may create nothing is told so before his body is read.
    cx.admit(&r, Action::Create)?;
    let body = call.body(POST_TYPES).await?;
    let set = r.read_create(&body, &by)?;
    let row = cx.create_row(&r, set).await?;
    let mut response = row_response(StatusCode::CREATED, &row, &r.mask(&by));
    let location = format!("{}/{}/{}", App::PREFIX, r.endpoint, row.id);
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn read(call: Call) -> Result<Response> {
    let by = call.principal(Action::Get).await?;
    let (id, file) = call.id_or_file()?;
    let (archived, include) = call.reading()?;
    let (cx, r) = (call.app.on_behalf(&by), &call.resource);
    if let Some(include) = include {
        if file.is_some() {
            let detail = "Unknown parameter `include`: a file shows the row alone";
            return Err(Error::bad_request("unknown_parameter", detail));
        }
        let body = Box::pin(cx.get_with(r, id, archived, &include)).await?;
        return whole(&call, body);
    }
    let row = cx.get_row(r, id, archived).await?;
    match file {
        None => seen(&call, &by, &row),
        Some(file) => Box::pin(printed(&call, &by, row, file)).await,
    }
}

/// The row, or 304 if the client has it already.
fn seen(call: &Call, by: &Principal, row: &Row) -> Result<Response> {
    let tag = etag::masked(row.id, row.version, &call.resource.mask(by));
    unless_known(call, &tag, || {
        tagged(StatusCode::OK, row.json.clone().into(), &tag)
    })
}

/// The row with what belongs to it, likewise.
fn whole(call: &Call, body: Vec<u8>) -> Result<Response> {
    let tag = etag::of_body(&body);
    unless_known(call, &tag, || tagged(StatusCode::OK, body.into(), &tag))
}

/// The row in another form, likewise.
async fn printed(call: &Call, by: &Principal, row: Row, file: FileFormat) -> Result<Response> {
    let mask = call.resource.mask(by);
    let tag = etag::masked(row.id, row.version, &mask);
    match knows(call, &tag)? {
        true => Ok(not_modified(&tag)),
        false => file_response(row, &mask, file).await,
    }
}

fn unless_known(call: &Call, tag: &str, answer: impl FnOnce() -> Response) -> Result<Response> {
    Ok(match knows(call, tag)? {
        true => not_modified(tag),
        false => answer(),
    })
}

/// Whether the client has what has this tag.
fn knows(call: &Call, tag: &str) -> Result<bool> {
    let known = call.header(&header::IF_NONE_MATCH)?;
    Ok(known.is_some_and(|tags| Tags::parse(tags).contains(tag)))
}

async fn list(call: Call) -> Result<Response> {
    let by = call.principal(Action::List).await?;
    let r = &call.resource;
    let query = call.query();
    let request = parse_list(r, &r.mask(&by), query)?;
    let listing = call.app.on_behalf(&by).list_rows(r, &request).await?;
    let path = format!("{}/{}", App::PREFIX, r.endpoint);
    Ok(list_response(&path, query, request.page, listing))
}

async fn update(call: Call) -> Result<Response> {
    change(call, PATCH_TYPES, Resource::read_update).await
}

async fn replace(call: Call) -> Result<Response> {
    change(call, POST_TYPES, Resource::read_replace).await
}

async fn change(call: Call, types: &'static [&'static str], read: ReadBody) -> Result<Response> {
    let by = call.principal(Action::Update).await?;
    let id = call.id()?;
    call.no_parameters()?;
    let expected = call.expected(id)?;
    let (app, r) = call.parts();
    let body = call.body(types).await?;
    let set = read(&r, &body, &by)?;
    let row = app
        .on_behalf(&by)
        .update_row(&r, id, set, expected.as_deref())
        .await?;
    Ok(row_response(StatusCode::OK, &row, &r.mask(&by)))
}

type ReadBody = fn(&Resource, &[u8], &Principal) -> Result<Vec<crate::dto::Assignment>>;

async fn archive(call: Call) -> Result<Response> {
    without_body(call, Action::Archive).await
}

async fn restore(call: Call) -> Result<Response> {
    without_body(call, Action::Restore).await
}

async fn remove(call: Call) -> Result<Response> {
    without_body(call, Action::Delete).await
}

/// A change that says all in its method and path.
async fn without_body(call: Call, action: Action) -> Result<Response> {
    let by = call.principal(action).await?;
    let id = call.id()?;
    call.no_parameters()?;
    let expected = call.expected(id)?;
    let (app, r) = call.parts();
    let (cx, expected) = (app.on_behalf(&by), expected.as_deref());
    let row = match action {
        Action::Archive => cx.archive_row(&r, id, expected).await?,
        Action::Restore => cx.restore_row(&r, id, expected).await?,
        _ => {
            cx.delete_row(&r, id, expected).await?;
            return Ok(no_content());
        }
    };
    Ok(row_response(StatusCode::OK, &row, &r.mask(&by)))
}

/// Reads a query string that takes no parameter.
fn no_parameters(query: &str) -> Result<()> {
    if query.is_empty() {
        return Ok(());
    }
    Params::parse(query)?.finish()
}
