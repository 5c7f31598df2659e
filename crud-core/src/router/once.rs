//! `Idempotency-Key`: a write that is done once, however often it is sent, and answered the same each time. Without
//! the header none of this runs. What is kept, and where, is [`crate::once`]'s.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::future::BoxFuture;

use super::response::private;
use crate::{
    App, Context, Error, Principal, Result,
    once::{Answer, Request, claim, failed, keep},
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The longest key, in characters.
const LONGEST: usize = 255;

/// Does the work; once, if it has a key.
pub(super) async fn once<W>(
    key: Option<Key>,
    app: &App,
    by: &Principal,
    body: &[u8],
    work: W,
) -> Result<Response>
where
    W: for<'t> FnOnce(Context<'t>) -> BoxFuture<'t, Result<Response>> + Send,
{
    match key {
        None => work(app.on_behalf(by)).await,
        Some(key) => key.once(app, by, body, work).await,
    }
}

/// The key of a request, and what else tells it from others before its body is read.
pub(crate) struct Key {
    key: String,
    method: String,
    path: String,
}

impl Key {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// 400 if it is none, or nobody is signed in: what one was answered is nobody else's, and who is
    /// nobody in particular cannot be told from anybody else.
    pub(crate) fn of(head: &Parts, by: &Principal) -> Result<Option<Self>> {
        let mut given = head.headers.get_all(KEY).iter();
        let Some(key) = given.next() else {
            return Ok(None);
        };
        let key = key.as_bytes();
        let is_key = (1..=LONGEST).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        let detail = match (is_key, given.next(), by.is_anonymous()) {
            (true, None, false) => {
                return Ok(Some(Self {
                    key: String::from_utf8_lossy(key).into_owned(),
                    method: head.method.to_string(),
                    path: head.uri.path().to_owned(),
                }));
            }
            (true, None, true) => "`Idempotency-Key` is for callers who are signed in",
            (true, Some(_), _) => "`Idempotency-Key` stands there twice",
            (false, ..) => "`Idempotency-Key` must be of 1 to 255 visible ASCII characters",
        };
        Err(Error::bad_request("idempotency_key", detail))
    }

    /// Does the work of a write in a transaction together with the note of its answer, or gives the answer again.
    /// Only a success is noted: whatever is refused had no effect, and runs again.
    ///
    /// # Errors
    /// Those of the work. 422 if the key was another request's; 503 if the first of them takes too long.
    pub(crate) fn once<'a, W>(
        self,
        app: &'a App,
        by: &'a Principal,
        body: &'a [u8],
        work: W,
    ) -> BoxFuture<'a, Result<Response>>
    where
        W: for<'t> FnOnce(Context<'t>) -> BoxFuture<'t, Result<Response>> + Send + 'a,
    {
        // Boxed: whoever sends no key must not carry its future about.
        Box::pin(self.run(app, by, body, work))
    }

    async fn run<W>(self, app: &App, by: &Principal, body: &[u8], work: W) -> Result<Response>
    where
        W: for<'t> FnOnce(Context<'t>) -> BoxFuture<'t, Result<Response>> + Send,
    {
        let request = Request {
            principal: by.id().unwrap_or_default(),
            key: &self.key,
            hash: self.hash(body),
        };
        let tx = app.db().begin().await.map_err(failed)?;
        let done = match claim(&tx, &request).await {
            Ok(None) => {
                let done = work(app.on_behalf(by).inside(&tx)).await;
                match done {
                    Ok(response) if response.status().is_success() => {
                        noted(&tx, &request, response).await
                    }
                    refused => {
                        // The refusal is what the caller must know; a rollback that fails closes the connection.
                        drop(tx.rollback().await);
                        return refused;
                    }
                }
            }
            Ok(Some(answer)) => {
                drop(tx.rollback().await);
                return replayed(answer);
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(response) => match tx.commit().await {
                Ok(()) => Ok(response),
                Err(error) => Err(failed(error)),
            },
            Err(error) => {
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }

    /// Of all that makes two requests the same: each part after its length.
    fn hash(&self, body: &[u8]) -> [u8; 32] {
        let mut hash = blake3::Hasher::new();
        for part in [self.method.as_bytes(), self.path.as_bytes(), body] {
            hash.update(&part.len().to_le_bytes()).update(part);
        }
        hash.finalize().into()
    }
}

/// Notes an answer; gives it back.
async fn noted(tx: &crate::Tx, request: &Request<'_>, response: Response) -> Result<Response> {
    let (head, body) = response.into_parts();
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.map_err(Error::internal)?;
    let text = |name: HeaderName| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
    let answer = Answer {
        status: head.status.as_u16(),
        location: text(header::LOCATION),
        etag: text(header::ETAG),
        content_type: text(header::CONTENT_TYPE),
        body: body.to_vec(),
    };
    keep(tx, request, answer).await?;
    Ok(Response::from_parts(head, Body::from(body)))
}

/// What was answered before.
fn replayed(answer: Answer) -> Result<Response> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(Error::internal)?;
    let headers = response.headers_mut();
    if answer.content_type.is_some() {
        private(headers);
    }
    for (name, value) in [
        (header::LOCATION, answer.location),
        (header::ETAG, answer.etag),
        (header::CONTENT_TYPE, answer.content_type),
    ] {
        set(headers, name, value)?;
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) -> Result<()> {
    if let Some(value) = value {
        let value = HeaderValue::try_from(value).map_err(Error::internal)?;
        headers.insert(name, value);
    }
    Ok(())
}
