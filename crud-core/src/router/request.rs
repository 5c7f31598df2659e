//! What a handler reads of a request: its caller, its id, its preconditions, its body.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, header, request::Parts},
};

use super::once::Key;
use crate::{
    App, Error, FileFormat, Principal, Result, Timestamp,
    error::FieldError,
    etag::Tags,
    extract::media_type,
    id::Id,
    policy::Action,
    query::{Archived, Fields, Params, archived, fields, include},
    registry::Resource,
    serve::{BODY_LIMIT, read_body},
};

pub(crate) const POST_TYPES: &[&str] = &["application/json"];
pub(crate) const PATCH_TYPES: &[&str] = &["application/json", "application/merge-patch+json"];

/// What is asked for of a row.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) include: Option<String>,
    pub(super) fields: Option<Fields>,
    /// As it was then.
    pub(super) as_of: Option<Timestamp>,
}

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
        head: Parts,
        body: Body,
    ) -> Self {
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
        if self.resource.is_public(action) {
            let headers = &self.head.headers;
            return self.app.auth().optional_principal(headers).await;
        }
        self.signed_in().await
    }

    /// Who asks, where somebody must be signed in.
    ///
    /// # Errors
    /// 401 for no token or a bad one.
    pub(super) async fn signed_in(&self) -> Result<Principal> {
        let principal = self.app.auth().principal(&self.head.headers).await?;
        if principal.is_anonymous() {
            return Err(Error::Unauthenticated("Sign in to do this".into()));
        }
        Ok(principal)
    }

    /// The id in the path.
    ///
    /// # Errors
    /// 422 if it is not of the id's type.
    pub(super) fn id(&self) -> Result<Id> {
        let given = self.id.as_deref().unwrap_or_default();
        let r = &self.resource;
        r.ids.parse(given).ok_or_else(|| {
            let detail = format!("{} ids are {}", r.title(), r.ids.plural());
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
    pub(super) fn id_or_file(&self) -> Result<(Id, Option<FileFormat>)> {
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

    /// Whether archived rows are asked for, and what of the row.
    ///
    /// # Errors
    /// 400 for any other parameter.
    pub(super) fn reading(&self, by: &Principal) -> Result<(Archived, Reading)> {
        if self.query().is_empty() {
            return Ok((Archived::Hidden, Reading::default()));
        }
        let mut params = Params::parse(self.query())?;
        let archived = match self.resource.archivable {
            true => archived(&mut params),
            false => Archived::Any,
        };
        let as_of = match self.resource.history {
            Some(_) => params.take("as_of"),
            None => None,
        };
        let reading = Reading {
            as_of,
            ..self.shown(params, by)?
        };
        if reading.include.is_some() && as_of.is_some() {
            let detail = "`include` shows rows as they are now, and so does not go with `as_of`";
            return Err(Error::bad_request("mixed_parameters", detail));
        }
        Ok((archived, reading))
    }

    /// What is asked for of the row.
    ///
    /// # Errors
    /// 400 for any other parameter.
    pub(super) fn reading_live(&self, by: &Principal) -> Result<Reading> {
        self.shown(Params::parse(self.query())?, by)
    }

    fn shown(&self, mut params: Params, by: &Principal) -> Result<Reading> {
        let r = &self.resource;
        let include = include(r, &mut params);
        let fields = fields(r, &r.get, &r.mask(by), &mut params)?;
        params.finish()?;
        Ok(Reading {
            include,
            fields,
            as_of: None,
        })
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
    /// 400 if the header is not text; 428 if the entity demands it.
    pub(super) fn expected(&self, id: &Id) -> Result<Option<Vec<i64>>> {
        let tags = self.header(&header::IF_MATCH)?;
        if tags.is_none() && self.resource.if_match_required {
            return Err(Error::PreconditionRequired);
        }
        Ok(tags.and_then(|tags| Tags::parse(tags).versions(id)))
    }

    /// The text at the end of the path.
    ///
    /// # Errors
    /// 422 if it is no text that a row can have.
    pub(super) fn text(&self, name: &'static str) -> Result<String> {
        let text = self.id.clone().filter(|text| !text.contains('\0'));
        text.ok_or_else(|| {
            let detail = format!("`{name}` in the path has a value that is not accepted");
            Error::Invalid(vec![FieldError::parameter(name, "type", detail)])
        })
    }

    /// Its `Idempotency-Key`.
    ///
    /// # Errors
    /// 400 if that is none, or nobody is signed in.
    pub(super) fn key(&self, by: &Principal) -> Result<Option<Key>> {
        Key::of(&self.head, by)
    }

    /// The body, if it is of a type that the route reads.
    ///
    /// # Errors
    /// 415, 413, 400.
    pub(super) async fn body(self, types: &'static [&'static str]) -> Result<Bytes> {
        media_type(&self.head.headers, types)?;
        self.bytes(BODY_LIMIT).await
    }

    /// The body, of whatever type.
    ///
    /// # Errors
    /// 413, 408, 400.
    pub(super) async fn bytes(self, limit: usize) -> Result<Bytes> {
        let body = self.body.into_inner();
        read_body(body.unwrap_or_else(PoisonError::into_inner), limit).await
    }
}
