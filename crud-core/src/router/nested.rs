//! `GET /courses/{id}/lessons`: for each `has_many` relation the list of the related entity, narrowed to the rows of one
//! parent. Everything else is the list's own; a parent that the caller does not see is 404.

use std::sync::Arc;

use axum::{Router, response::Response, routing::get_service as get};

use super::{handler, options, request::Call, response::list_response};
use crate::{
    App, Error, Result,
    policy::Action,
    query::{Archived, parse_list},
    registry::Resource,
    relation::{Relation, RelationKind},
};

/// Adds the paths of an entity's relations.
///
/// # Panics
/// If the related entity is not registered. It is a mistake in the program, found at its start.
pub(super) fn routes(mut router: Router, app: &App, r: &Arc<Resource>) -> Router {
    for relation in &r.relations {
        let RelationKind::HasMany(column) = relation.kind else {
            continue;
        };
        let of = related(app, r, relation);
        if !(r.offers(Action::Get) && of.offers(Action::List)) {
            continue;
        }
        let list = handler(app, r, move |call| list(call, Arc::clone(&of), column));
        let path = format!("{}/{}/{{id}}/{}", App::PREFIX, r.endpoint, relation.name);
        router = router.route(&path, options(get(list), "GET, HEAD, OPTIONS"));
    }
    router
}

fn related(app: &App, r: &Resource, relation: &Relation) -> Arc<Resource> {
    let of = app.registry().get(relation.endpoint);
    let Some(of) = of else {
        panic!(
            "`{}` relates to `{}`, which is not registered",
            r.name, relation.endpoint
        );
    };
    Arc::clone(of)
}

async fn list(call: Box<Call>, of: Arc<Resource>, column: &'static str) -> Result<Response> {
    let parent = &call.resource;
    let by = match of.is_public(Action::List) {
        true => call.principal(Action::Get).await?,
        false => call.signed_in().await?,
    };
    let id = call.id()?;
    let mask = of.mask(&by);
    let cx = call.app.on_behalf(&by);
    let mut request = parse_list(&cx, &of, call.query())?;
    cx.get_row(parent, &id, Archived::Hidden, None).await?;
    if mask.hides(column) {
        // Which rows belong to which parent is not his to know.
        return Err(Error::NotFound("There is nothing at this path".to_owned()));
    }
    request.conditions.push(of.refers_to(column, &id));
    let listing = cx.list_rows(&of, &request).await?;
    Ok(list_response(
        call.path(),
        call.query(),
        request.page,
        listing,
    ))
}
