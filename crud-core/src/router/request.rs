//! What a handler reads of a request: its caller, its id, its preconditions, its body.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderName, header, request::Parts},
};

use crate::{
    App, Error, FileFormat, Principal, Result, Uuid,
    error::FieldError,
    etag::Tags,
    extract::media_type,
    policy::Action,
    query::{Archived, Params, archived, include},
    registry::Resource,
    serve::{BODY_LIMIT, read_body},
};

pub(crate) const POST_TYPES: &[&str] = &["application/json"];
pub(crate) const PATCH_TYPES: &[&str] = &["application/json", "application/merge-patch+json"];

/// One request to one entity.
pub(super) struct Call {
    pub(super) app: App,
    pub(super) resource: Arc<Resource>,
    id: Option<String>,
    head: Parts,
    /// Locked by nobody: a body may be sent to another thread but not shared, and a handler's future,
    /// which shares the rest of the call, must be sendable.
    body: Mutex<Body>,
}

impl Call {
    pub(super) fn new(
        app: App,
        resource: Arc<Resource>,
        id: Option<String>,
        request: Request,
    ) -> Self {
        let (head, body) = request.into_parts();
        Self {
            app,
            resource,
            id,
            head,
            body: Mutex::new(body),
        }
    }

    /// What the answer needs after the body has been read.
    pub(super) fn parts(&self) -> (App, Arc<Resource>) {
        (self.app.clone(), Arc::clone(&self.resource))
    }

    /// Who asks. Where nobody needs to be signed in, a bad token is as none.
    ///
    /// # Errors
    /// 401 for no token or a bad one elsewhere.
    pub(super) async fn principal(&self, action: Action) -> Result<Principal> {
        let headers = &self.head.headers;
        if self.resource.is_public(action) {
            return self.app.auth().optional_principal(headers).await;
        }
        let principal = self.app.auth().principal(headers).await?;
        if principal.is_anonymous() {
            return Err(Error::Unauthenticated("Sign in to do this".into()));
        }
        Ok(principal)
    }

    /// The id in the path.
    ///
    /// # Errors
    /// 422 if it is not of the id's type.
    pub(super) fn id(&self) -> Result<Uuid> {
        let given = self.id.as_deref().unwrap_or_default();
        given.parse().map_err(|_| {
            let detail = format!("{} ids are UUIDs", self.resource.title());
            Error::Invalid(vec![FieldError::parameter("id", "type", detail)])
        })
    }

    /// The path, as it was sent.
    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The id in the path, and the form of the row that is asked for if it is not JSON.
    ///
    /// # Errors
    /// 422 if it is not of the id's type.
    pub(super) fn id_or_file(&self) -> Result<(Uuid, Option<FileFormat>)> {
        let given = self.id.as_deref().unwrap_or_default();
        match self.resource.id_of_file(given) {
            Some((id, file)) => Ok((id, Some(file.clone()))),
            None => Ok((self.id()?, None)),
        }
    }

    /// The query string.
    pub(super) fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// # Errors
    /// 400 if there is any parameter.
    pub(super) fn no_parameters(&self) -> Result<()> {
        super::no_parameters(self.query())
    }

    /// Whether archived rows are asked for, and which relations.
    ///
    /// # Errors
    /// 400 for any other parameter.
    pub(super) fn reading(&self) -> Result<(Archived, Option<String>)> {
        if self.query().is_empty() {
            return Ok((Archived::Hidden, None));
        }
        let mut params = Params::parse(self.query())?;
        let archived = match self.resource.archivable {
            true => archived(&mut params),
            false => Archived::Any,
        };
        let include = include(&self.resource, &mut params);
        params.finish()?;
        Ok((archived, include))
    }

    /// Which relations are asked for.
    ///
    /// # Errors
    /// 400 for any other parameter.
    pub(super) fn include(&self) -> Result<Option<String>> {
        let mut params = Params::parse(self.query())?;
        let include = include(&self.resource, &mut params);
        params.finish()?;
        Ok(include)
    }

    /// A header as text.
    ///
    /// # Errors
    /// 400 if it is not text.
    pub(super) fn header(&self, name: &HeaderName) -> Result<Option<&str>> {
        let Some(value) = self.head.headers.get(name) else {
            return Ok(None);
        };
        value.to_str().map(Some).map_err(|_| {
            Error::bad_request(
                "malformed_header",
                format!("The header `{name}` is not text"),
            )
        })
    }

    /// The versions that `If-Match` accepts.
    ///
    /// # Errors
    /// 400 if the header is not text.
    pub(super) fn expected(&self, id: Uuid) -> Result<Option<Vec<i64>>> {
        let tags = self.header(&header::IF_MATCH)?;
        Ok(tags.and_then(|tags| Tags::parse(tags).versions(id)))
    }

    /// The body, if it is of a type that the route reads.
    ///
    /// # Errors
    /// 415, 413, 400.
    pub(super) async fn body(self, types: &'static [&'static str]) -> Result<Bytes> {
        media_type(&self.head.headers, types)?;
        let body = self
            .body
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        read_body(body, BODY_LIMIT).await
    }
}
