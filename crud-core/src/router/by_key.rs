//! `/things/by-slug/{slug}`: a row by a unique value instead of its id. `GET` answers as `GET /things/{id}`; `PUT` makes
//! the row or replaces it, whichever is due.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::Response,
    routing::{get_service as get, put_service as put},
};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Methods, handler,
    items::{Fields, object},
    new_row,
    once::once,
    one_live,
    request::{Call, POST_TYPES},
    response::row_response,
};
use crate::{
    App, Context, Error, Principal, Result, entity::UniqueColumn, etag::Tags, operations::Wanted,
    policy::Action, registry::Resource,
};

/// Adds the paths, which go before `/things/{id}`.
pub(super) fn routes(mut router: Router, app: &App, r: &Arc<Resource>) -> Router {
    for (n, unique) in r.unique.iter().enumerate() {
        let (all, by, name) = (r.endpoint, unique.segment(), unique.name);
        let path = format!("{}/{all}/{by}/{{{name}}}", App::PREFIX);
        let methods = get(handler(app, r, move |call| read(call, n)));
        let mut methods = Methods::of(r).on(Action::Get, "GET, HEAD", methods);
        // It creates and replaces.
        if r.offers(Action::Create) {
            let put = put(handler(app, r, move |call| write(call, n)));
            methods = methods.on(Action::Update, "PUT", put);
        }
        router = methods.mount(router, &path);
    }
    router
}

/// Archived rows are not among those asked, and there is no parameter for them: what is unique is so among the
/// others.
async fn read(call: Box<Call>, n: usize) -> Result<Response> {
    let unique = &call.resource.unique[n];
    let value = call.text(unique.name)?;
    let by = call.principal(Action::Get).await?;
    one_live(&call, &by, unique.is(&value)).await
}

async fn write(call: Box<Call>, n: usize) -> Result<Response> {
    let value = call.text(call.resource.unique[n].name)?;
    let by = call.principal(Action::Update).await?;
    call.no_parameters()?;
    let key = call.key(&by)?;
    let matches = call.header(&header::IF_MATCH)?.map(Tags::parse);
    let none_matches = call.header(&header::IF_NONE_MATCH)?.map(Tags::parse);
    if call.resource.if_match_required && matches.is_none() && none_matches.is_none() {
        return Err(Error::PreconditionRequired);
    }
    let (app, r) = call.parts();
    let sent = call.body(POST_TYPES).await?;
    let body = of_the_path(&r, &r.unique[n], &value, &sent, &by)?;
    let wanted = Wanted {
        create: r.read_create(&body, &by)?,
        replace: r.read_replace(&body, &by)?,
        matches,
        none_matches,
    };
    once(key, &app, &by, &sent, |cx| {
        Box::pin(async move { written(cx, &r, n, &value, wanted).await })
    })
    .await
}

async fn written(
    cx: Context<'_>,
    r: &Resource,
    n: usize,
    value: &str,
    wanted: Wanted,
) -> Result<Response> {
    let put = cx.put_row(r, &r.unique[n], value, wanted);
    Ok(match Box::pin(put).await? {
        (row, true) => new_row(r, &row, cx.principal),
        (row, false) => row_response(StatusCode::OK, &row, &r.mask(cx.principal)),
    })
}

/// The body with the value of the path, which it may say again but not otherwise.
fn of_the_path(
    r: &Resource,
    unique: &UniqueColumn,
    value: &str,
    sent: &[u8],
    by: &Principal,
) -> Result<Vec<u8>> {
    let name = unique.name;
    let Ok(Fields(mut fields)) = serde_json::from_slice(sent) else {
        // Its own reader says what is wrong with it.
        return Ok(sent.to_vec());
    };
    let own: Box<RawValue> = to_raw_value(value).map_err(Error::internal)?;
    if !fields.iter().any(|(known, _)| known == name) {
        fields.push((name.to_owned(), &own));
    }
    let body = object(&fields);
    // The entity may have a form of its own for it, as slugs do.
    let completed = r.completed(&body, by)?;
    if completed[name] == value {
        return Ok(body);
    }
    let detail = match completed[name].as_str() {
        Some(other) => format!("`{name}` is `{other}` here, and `{value}` in the path"),
        None => format!("`{name}` must be that of the path, or left out"),
    };
    Err(Error::invalid(&format!("/{name}"), "path", detail))
}
