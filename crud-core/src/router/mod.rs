//! HTTP in, HTTP out: thin handlers, compiled once for all entities. Each knows its caller first,
//! then its path, query and body, and leaves the rest to [`crate::operations`]. Together the two
//! are the whole story of a request.

mod aggregate;
mod batch;
mod beside;
mod bulk;
mod by_key;
mod children;
mod export;
mod history;
mod import;
mod items;
mod lines;
mod local_ids;
mod nested;
mod once;
mod request;
mod response;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts as _, Path, Request, State, rejection::PathRejection},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{
        MethodRouter, delete_service as delete, get_service as get, patch_service as patch,
        post_service as post, put_service as put,
    },
};

pub use self::beside::EntityRequest;
pub(crate) use self::{
    batch::{LONGEST_LOCAL_ID, MOST_OPERATIONS},
    children::MOST_CHILDREN,
    import::IMPORT_TYPES,
    items::MOST_ITEMS,
    request::{PATCH_TYPES, POST_TYPES},
};
use self::{
    children::New,
    request::Call,
    response::{file_response, list_response, no_content, not_modified, row_response, tagged},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use tower::{Service, service_fn};

use crate::{
    App, Context, Error, FileFormat, Principal, Result,
    db::Frag,
    dto::Assignment,
    etag::{self, Tags},
    id::Id,
    operations::Row,
    policy::Action,
    query::{Archived, Params, parse_list},
    registry::Resource,
};

/// The routes of every entity, and the answers where there is no route.
pub(crate) fn routes(app: &App) -> Router {
    let mut router = batch::route(Router::new(), app);
    for resource in app.registry().resources() {
        router = bulk::routes(router, app, resource);
        router = import::routes(router, app, resource);
        router = by_key::routes(router, app, resource);
        router = aggregate::routes(router, app, resource);
        router = entity_routes(router, app, resource);
        router = nested::routes(router, app, resource);
    }
    router.fallback(async || Error::NotFound("There is nothing at this path".to_owned()))
}

fn entity_routes(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    let all = format!("{}/{}", App::PREFIX, r.endpoint);
    let one = format!("{all}/{{id}}");
    let many = Methods::of(r)
        .on(Action::List, "GET, HEAD", get(handler(app, r, list)))
        .on(Action::Create, "POST", post(handler(app, r, create)));
    let mut single = Methods::of(r)
        .on(Action::Get, "GET, HEAD", get(handler(app, r, read)))
        .on(Action::Update, "PATCH", patch(handler(app, r, update)))
        .on(Action::Update, "PUT", put(handler(app, r, replace)))
        .on(Action::Delete, "DELETE", delete(handler(app, r, remove)));
    single.is_file_too = !r.files.is_empty();
    let away = patch(handler(app, r, archive));
    let away = Methods::of(r).on(Action::Archive, "PATCH", away);
    let back = patch(handler(app, r, restore));
    let back = Methods::of(r).on(Action::Restore, "PATCH", back);
    let router = many.mount(router, &all);
    let router = single.mount(router, &one);
    let router = match r.history.is_some() && r.offers(Action::Get) {
        true => history::route(router, app, r),
        false => router,
    };
    let router = away.mount(router, &format!("{one}/archive"));
    back.mount(router, &format!("{one}/restore"))
}

/// The methods of one path: those for which the entity has routes.
struct Methods<'a> {
    r: &'a Arc<Resource>,
    routes: MethodRouter,
    allow: Vec<&'static str>,
    /// Whether the path is also that of a row's other forms.
    is_file_too: bool,
}

impl<'a> Methods<'a> {
    fn of(r: &'a Arc<Resource>) -> Self {
        Self {
            r,
            routes: MethodRouter::new(),
            allow: Vec::new(),
            is_file_too: false,
        }
    }

    fn on(mut self, action: Action, methods: &'static str, routes: MethodRouter) -> Self {
        if self.r.offers(action) {
            self.routes = self.routes.merge(routes);
            self.allow.push(methods);
        }
        self
    }

    /// Adds the path, unless it has no method.
    fn mount(mut self, router: Router, path: &str) -> Router {
        if self.allow.is_empty() {
            return router;
        }
        self.allow.push("OPTIONS");
        // Kept for as long as the server runs: one text for each path.
        let allow: &'static str = self.allow.join(", ").leak();
        let mut routes = options(self.routes, allow);
        if self.is_file_too {
            routes = routes.layer(from_fn_with_state(Arc::clone(self.r), files_are_read));
        }
        router.route(path, routes)
    }
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

type Answer = BoxFuture<'static, Result<Response, Infallible>>;

/// A service from a function of a [`Call`]: one method of one path.
fn handler<F>(
    app: &App,
    r: &Arc<Resource>,
    answer: impl Fn(Box<Call>) -> F + Clone + Send + Sync + 'static,
) -> impl Service<Request, Response = Response, Error = Infallible, Future = Answer>
+ Clone
+ Send
+ Sync
+ 'static
where
    F: Future<Output = Result<Response>> + Send + 'static,
{
    let (app, r) = (app.clone(), Arc::clone(r));
    service_fn(move |request: Request| -> Answer {
        let (mut head, body) = request.into_parts();
        let id = Path::<String>::from_request_parts(&mut head, &()).now_or_never();
        let id = id.and_then(Result::ok).map(|Path(id)| id);
        // Boxed, for an async function keeps its arguments twice.
        let call = Box::new(Call::new(app.clone(), Arc::clone(&r), id, head, body));
        Box::pin(answer(call).map(|answer| Ok(answer.into_response())))
    })
}

async fn create(call: Box<Call>) -> Result<Response> {
    let by = call.principal(Action::Create).await?;
    call.no_parameters()?;
    let key = call.key(&by)?;
    let (app, r) = call.parts();
    let cx = app.on_behalf(&by);
    // Whoever may create nothing is told so before his body is read.
    cx.admit(&r, Action::Create)?;
    let body = call.body(POST_TYPES).await?;
    let new = children::read(&cx, &r, &body).await?;
    match key {
        None => created(cx, &r, new).await,
        Some(key) => {
            key.once(&app, &by, &body, |cx| {
                Box::pin(async move { created(cx, &r, new).await })
            })
            .await
        }
    }
}

async fn created(cx: Context<'_>, r: &Resource, new: New) -> Result<Response> {
    let row = match new.children {
        None => cx.create_row(r, new.set).await?,
        // Boxed, or each plain create would carry its future about.
        Some((id, children)) => Box::pin(cx.create_row_with(r, id, new.set, children)).await?,
    };
    Ok(new_row(r, &row, cx.principal))
}

/// 201, with the row and where it is.
fn new_row(r: &Resource, row: &Row, by: &Principal) -> Response {
    let mut response = row_response(StatusCode::CREATED, row, &r.mask(by));
    let location = format!("{}/{}/{}", App::PREFIX, r.endpoint, row.id.in_path());
    if r.offers(Action::Get)
        && let Ok(location) = location.parse()
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn read(call: Box<Call>) -> Result<Response> {
    let by = call.principal(Action::Get).await?;
    let (id, file) = call.id_or_file()?;
    let (archived, reading) = call.reading(&by)?;
    let (cx, r) = (call.app.on_behalf(&by), &call.resource);
    if file.is_some() && (reading.include.is_some() || reading.fields.is_some()) {
        let detail = "Unknown parameter: a file shows the whole row and the row alone";
        return Err(Error::bad_request("unknown_parameter", detail));
    }
    let fields = reading.fields.as_deref();
    if let Some(include) = reading.include {
        let body = Box::pin(cx.get_with(r, &id, archived, &include, fields)).await?;
        return whole(&call, body);
    }
    let row = match (&r.history, reading.as_of) {
        (Some(kept), Some(at)) => {
            Box::pin(cx.get_row_as_of(r, kept, &id, at, archived, fields)).await?
        }
        _ => cx.get_row(r, &id, archived, fields).await?,
    };
    match file {
        None => seen(&call, &by, &row, fields),
        Some(file) => Box::pin(printed(&call, &by, row, file)).await,
    }
}

/// The one row for which a condition holds, as `GET /things/{id}` answers it.
async fn one_live(call: &Call, by: &Principal, condition: Frag) -> Result<Response> {
    let reading = call.reading_live(by)?;
    let (cx, r, fields) = (
        call.app.on_behalf(by),
        &call.resource,
        reading.fields.as_deref(),
    );
    let row = cx.find_row(r, condition, fields).await?;
    match reading.include {
        Some(include) => {
            let body = cx.get_with(r, &row.id, Archived::Hidden, &include, fields);
            whole(call, Box::pin(body).await?)
        }
        None => seen(call, by, &row, fields),
    }
}

/// The row, or 304 if the client has it already.
fn seen(
    call: &Call,
    by: &Principal,
    row: &Row,
    fields: Option<&[&'static str]>,
) -> Result<Response> {
    let mask = call.resource.mask(by);
    let tag = match fields {
        None => etag::masked(&row.id, row.version, &mask),
        Some(fields) => etag::of_fields(&row.id, row.version, &mask, fields),
    };
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
    let tag = etag::masked(&row.id, row.version, &mask);
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

async fn list(call: Box<Call>) -> Result<Response> {
    let by = call.principal(Action::List).await?;
    if let Some(format) = export::wanted(&call)? {
        return Box::pin(export::answer(&call, by, format)).await;
    }
    let r = &call.resource;
    let query = call.query();
    let cx = call.app.on_behalf(&by);
    let request = parse_list(&cx, r, query)?;
    let listing = cx.list_rows(r, &request).await?;
    let path = format!("{}/{}", App::PREFIX, r.endpoint);
    let mut response = list_response(&path, query, request.page, listing);
    let varies = HeaderValue::from_static(LIST_VARIES);
    response.headers_mut().insert(header::VARY, varies);
    Ok(response)
}

async fn update(call: Box<Call>) -> Result<Response> {
    change(call, PATCH_TYPES, Resource::read_update).await
}

async fn replace(call: Box<Call>) -> Result<Response> {
    change(call, POST_TYPES, Resource::read_replace).await
}

async fn change(
    call: Box<Call>,
    types: &'static [&'static str],
    read: ReadBody,
) -> Result<Response> {
    let by = call.principal(Action::Update).await?;
    let id = call.id()?;
    call.no_parameters()?;
    let (key, expected) = (call.key(&by)?, call.expected(&id)?);
    let (app, r) = call.parts();
    let body = call.body(types).await?;
    let set = read(&r, &body, &by)?;
    match key {
        None => changed(app.on_behalf(&by), &r, id, set, expected).await,
        Some(key) => {
            key.once(&app, &by, &body, |cx| {
                Box::pin(async move { changed(cx, &r, id, set, expected).await })
            })
            .await
        }
    }
}

type ReadBody = fn(&Resource, &[u8], &Principal) -> Result<Vec<Assignment>>;

async fn changed(
    cx: Context<'_>,
    r: &Resource,
    id: Id,
    set: Vec<Assignment>,
    expected: Option<Vec<i64>>,
) -> Result<Response> {
    let row = cx.update_row(r, &id, set, expected.as_deref()).await?;
    Ok(row_response(StatusCode::OK, &row, &r.mask(cx.principal)))
}

async fn archive(call: Box<Call>) -> Result<Response> {
    without_body(call, Action::Archive).await
}

async fn restore(call: Box<Call>) -> Result<Response> {
    without_body(call, Action::Restore).await
}

async fn remove(call: Box<Call>) -> Result<Response> {
    without_body(call, Action::Delete).await
}

/// A change that says all in its method and path.
async fn without_body(call: Box<Call>, action: Action) -> Result<Response> {
    let by = call.principal(action).await?;
    let id = call.id()?;
    call.no_parameters()?;
    let (key, expected) = (call.key(&by)?, call.expected(&id)?);
    let (app, r) = call.parts();
    match key {
        None => moved(app.on_behalf(&by), &r, action, id, expected).await,
        Some(key) => {
            key.once(&app, &by, &[], |cx| {
                Box::pin(async move { moved(cx, &r, action, id, expected).await })
            })
            .await
        }
    }
}

async fn moved(
    cx: Context<'_>,
    r: &Resource,
    action: Action,
    id: Id,
    expected: Option<Vec<i64>>,
) -> Result<Response> {
    let expected = expected.as_deref();
    let row = match action {
        Action::Archive => cx.archive_row(r, &id, expected).await?,
        Action::Restore => cx.restore_row(r, &id, expected).await?,
        _ => {
            cx.delete_row(r, &id, expected).await?;
            return Ok(no_content());
        }
    };
    Ok(row_response(StatusCode::OK, &row, &r.mask(cx.principal)))
}

/// What a list depends on, as it may be an export.
const LIST_VARIES: &str = "Authorization, Accept";

/// Reads a query string that takes no parameter.
fn no_parameters(query: &str) -> Result<()> {
    if query.is_empty() {
        return Ok(());
    }
    Params::parse(query)?.finish()
}
