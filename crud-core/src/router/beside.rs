//! Routes of an application's own beside the generated ones of an entity: `/examples/active`. They differ in which rows
//! they answer, or in what they write, and in nothing else: [`EntityRequest`] knows
//! the caller, the parameters, the preconditions and the answer as the generated routes do.

use std::{marker::PhantomData, str::FromStr};

use axum::{
    extract::{FromRef, FromRequest, FromRequestParts as _, RawPathParams, Request},
    response::Response,
};
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use validator::Validate;

use super::{
    list_response,
    once::once,
    one_live,
    request::{Call, POST_TYPES},
};
use crate::{
    App, Context, Error, Principal, Result,
    body::{self, BodyShape},
    entity::EntityInterface,
    error::FieldError,
    policy::Action,
    query::parse_list,
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
/// // GET /courses/of-code/{code}, with `by = |code| courses::code.eq(code)`
/// async move |request: EntityRequest<E>| {
///     let code: String = request.path("code")?;
///     request.row(by(code)).await
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
        one_live(&call, &by, condition).await
    }

    /// Answers as `GET /things` does, with the rows for which the further conditions hold.
    ///
    /// # Errors
    /// As `GET /things`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # fn main() {}
    /// use axum::response::Response;
    /// use crud_core::extract::EntityRequest;
    ///
    /// /// `GET /courses/own`, with the filters, orders and pages of `GET /courses`.
    /// async fn own(request: EntityRequest<Course>) -> Result<Response> {
    ///     let by = request.principal(Action::List).await?.id();
    ///     let by = by.ok_or(Error::Unauthenticated("Sign in to do this".into()))?;
    ///     request.list(|search| search.filter(courses::created_by.eq(by))).await
    /// }
    /// ```
    pub async fn list(
        self,
        narrow: impl FnOnce(Search<E::Table>) -> Search<E::Table>,
    ) -> Result<Response> {
        let (call, further) = (self.call, narrow(Search::new()).into_conditions());
        let by = call.principal(Action::List).await?;
        let (r, query) = (&call.resource, call.query());
        let cx = call.app.on_behalf(&by);
        let mut request = parse_list(&cx, r, query)?;
        request.conditions.extend(further);
        let listing = cx.list_rows(r, &request).await?;
        Ok(list_response(call.path(), query, request.page, listing))
    }
}

impl<E: EntityInterface> EntityRequest<E> {
    /// Reads a JSON body and does a write of the route's own with it: once, however often it is sent, if the request
    /// has an `Idempotency-Key`. Then everything runs in one transaction, which an error undoes; else what the
    /// work does with the [`Context`] is each by itself.
    ///
    /// # Errors
    /// 400, 408, 413, 415 and 422 for the body; those of the work.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # fn main() {}
    /// use axum::{http::StatusCode, response::{IntoResponse as _, Response}};
    /// use crud_core::extract::EntityRequest;
    ///
    /// /// The body of `POST /courses/{id}/copy`.
    /// #[derive(Deserialize, JsonSchema, Validate)]
    /// struct Copy {
    ///     #[validate(length(min = 1, max = 200))]
    ///     title: String,
    /// }
    ///
    /// async fn copy(request: EntityRequest<Course>) -> Result<Response> {
    ///     let id: Uuid = request.path("id")?;
    ///     let copied = request.write(Action::Create, move |cx, body: Copy| {
    ///         Box::pin(async move {
    ///             let CourseGet { price, properties, .. } = cx.get::<Course>(id).await?;
    ///             let new = CourseCreate { title: body.title, price, is_published: false, properties };
    ///             cx.create::<Course>(new).await?;
    ///             Ok(StatusCode::CREATED.into_response())
    ///         })
    ///     });
    ///     copied.await
    /// }
    /// ```
    pub async fn write<B, W>(self, action: Action, work: W) -> Result<Response>
    where
        B: DeserializeOwned + JsonSchema + Validate + Send + 'static,
        W: for<'t> FnOnce(Context<'t>, B) -> BoxFuture<'t, Result<Response>> + Send + 'static,
    {
        let call = self.call;
        let by = call.principal(action).await?;
        call.no_parameters()?;
        let key = call.key(&by)?;
        let (app, _) = call.parts();
        let sent = call.body(POST_TYPES).await?;
        let body: B = body::read(&sent, &BodyShape::of::<B>(&[]))?;
        once(key, &app, &by, &sent, |cx| work(cx, body)).await
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
        Ok(Self {
            call: Call::new(app, resource, None, head, body),
            path: path.ok(),
            entity: PhantomData,
        })
    }
}
