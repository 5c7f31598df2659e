//! Routes of an application's own beside the generated ones of an entity: `/courses/by-slug/{slug}`,
//! `/examples/active`. They differ in which rows they answer, and in nothing else: [`EntityRequest`] knows
//! the caller, the parameters, the preconditions and the answer as the generated routes do.

use std::{marker::PhantomData, str::FromStr};

use axum::{
    extract::{FromRef, FromRequest, FromRequestParts as _, RawPathParams, Request},
    response::Response,
};

use super::{list_response, request::Call, seen, whole};
use crate::{
    App, Error, Principal, Result,
    entity::EntityInterface,
    error::FieldError,
    policy::Action,
    query::{Archived, parse_list},
    search::{Condition, Search},
};

/// A request to a route in the path of the entity `E`.
///
/// The router's state must offer an [`App`] ([`FromRef`]). [`Operation::row_of`](crate::openapi::Operation::row_of) and
/// [`list_of`](crate::openapi::Operation::list_of) describe such a route.
///
/// ```
/// # use crud_core::{prelude::*, extract::EntityRequest};
/// # fn route<E: EntityInterface, C: crud_core::search::Condition<E::Table> + Send>(by: fn(String) -> C) {
/// // GET /courses/by-slug/{slug}, with `by = |slug| courses::slug.eq(slug)`
/// async move |request: EntityRequest<E>| {
///     let slug: String = request.path("slug")?;
///     request.row(by(slug)).await
/// }
/// # ; }
/// ```
pub struct EntityRequest<E> {
    call: Call,
    path: Option<RawPathParams>,
    entity: PhantomData<fn() -> E>,
}

impl<E: EntityInterface> EntityRequest<E> {
    /// The application.
    pub const fn app(&self) -> &App {
        &self.call.app
    }

    /// Who asks. Where the policy lets anonymous callers do this, a bad token is as none.
    ///
    /// # Errors
    /// 401 for no token or a bad one elsewhere.
    pub async fn principal(&self, action: Action) -> Result<Principal> {
        self.call.principal(action).await
    }

    /// A parameter of the path, as a value of its type.
    ///
    /// # Errors
    /// 422 if it is not of that type.
    pub fn path<V: FromStr>(&self, name: &'static str) -> Result<V> {
        let given = self.path.iter().flat_map(RawPathParams::iter);
        let text = given.filter(|(known, _)| *known == name).map(|(_, v)| v);
        // PostgreSQL has no text with a NUL character, so that no row can have it.
        let text = text.last().filter(|text| !text.contains('\0'));
        text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            let detail = format!("`{name}` in the path has a value that is not accepted");
            Error::Invalid(vec![FieldError::parameter(name, "type", detail)])
        })
    }

    /// Answers as `GET /things/{id}` does, with the row for which a condition holds; `include` too. Archived
    /// rows are not among those asked, and there is no parameter for them: what is unique is so among the
    /// others.
    ///
    /// # Errors
    /// As `GET /things/{id}`. An internal error if there are several such rows.
    pub async fn row(self, condition: impl Condition<E::Table>) -> Result<Response> {
        let (call, condition) = (self.call, condition.erase());
        let by = call.principal(Action::Get).await?;
        let include = call.include()?;
        let (cx, r) = (call.app.on_behalf(&by), &call.resource);
        let row = cx.find_row(r, condition).await?;
        match include {
            Some(include) => {
                let body = cx.get_with(r, row.id, Archived::Hidden, &include);
                whole(&call, body.await?)
            }
            None => seen(&call, &by, &row),
        }
    }

    /// Answers as `GET /things` does, with the rows for which the further conditions hold.
    ///
    /// # Errors
    /// As `GET /things`.
    pub async fn list(
        self,
        narrow: impl FnOnce(Search<E::Table>) -> Search<E::Table>,
    ) -> Result<Response> {
        let (call, further) = (self.call, narrow(Search::new()).into_conditions());
        let by = call.principal(Action::List).await?;
        let (r, query) = (&call.resource, call.query());
        let mut request = parse_list(r, &r.mask(&by), query)?;
        request.conditions.extend(further);
        let listing = call.app.on_behalf(&by).list_rows(r, &request).await?;
        Ok(list_response(call.path(), query, request.page, listing))
    }
}

impl<S, E> FromRequest<S> for EntityRequest<E>
where
    App: FromRef<S>,
    S: Send + Sync,
    E: EntityInterface,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let app = App::from_ref(state);
        let Some(resource) = app.registry().get(E::ENDPOINT).cloned() else {
            let text = format!("a route is beside `{}`, which is not registered", E::NAME);
            return Err(Error::internal(text));
        };
        let (mut head, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut head, state).await;
        let request = Request::from_parts(head, body);
        Ok(Self {
            call: Call::new(app, resource, None, request),
            path: path.ok(),
            entity: PhantomData,
        })
    }
}
