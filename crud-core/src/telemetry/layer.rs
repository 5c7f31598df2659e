//! Around every request: its id, its log line, its metrics, and a 500 if it panics.
//!
//! Put it on with `Router::layer`, outermost, so that the matched route is known. It adds no
//! allocation but the id's and no lock that another request holds for long.

use std::{
    any::Any,
    cell::Cell,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt as _, future::CatchUnwind};
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tower::{Layer, Service};
use tracing::Level;

use super::{
    CALLER,
    metrics::{UNMATCHED, metrics},
    panics,
    request_id::{X_REQUEST_ID, request_id},
};
use crate::{
    Error, Uuid,
    error::{Failure, REQUEST_ID},
};

/// The target of request lines: `RUST_LOG=info,http=warn` keeps those of failures only.
const TARGET: &str = "http";

/// What a request is logged and counted as when its client hangs up before the answer.
const CLIENT_CLOSED: u16 = 499;

/// Adds [`RequestService`].
///
/// ```
/// use axum::{Router, body::Body, extract::Request, routing::get};
/// use crud_core::telemetry::RequestLayer;
/// use tower::ServiceExt as _;
///
/// # #[tokio::main]
/// # async fn main() {
/// let router: Router = Router::new().route("/", get(async || "hello")).layer(RequestLayer);
/// let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
/// assert!(answer.headers().contains_key("x-request-id"));
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestLayer;

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { inner }
    }
}

/// Answers requests as the inner service does, and records them.
///
/// ```
/// use axum::{body::Body, extract::Request, response::Response};
/// use crud_core::telemetry::{RequestLayer, RequestService};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # #[tokio::main]
/// # async fn main() {
/// let buggy = service_fn(async |request: Request| {
///     assert!(request.uri().path() != "/", "a mistake in the program");
///     Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
/// });
/// let service: RequestService<_> = RequestLayer.layer(buggy);
/// let answer = service.oneshot(Request::new(Body::empty())).await.unwrap();
/// assert_eq!(answer.status(), 500);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RequestService<S> {
    inner: S,
}

impl<S> Service<Request> for RequestService<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Recorded<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = request_id(request.headers());
        let record = Record::begin(&request, &id);
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let answer = REQUEST_ID.scope(id, answer);
        Recorded {
            answer: CALLER.scope(Cell::new(None), answer),
            record: Some(record),
        }
    }
}

type Scoped<F> =
    TaskLocalFuture<Cell<Option<Uuid>>, TaskLocalFuture<String, CatchUnwind<AssertUnwindSafe<F>>>>;

pin_project! {
    /// The future of [`RequestService`].
    pub struct Recorded<F> {
        #[pin]
        answer: Scoped<F>,
        record: Option<Record>,
    }
}

impl<F, E> Future for Recorded<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let answer = ready!(this.answer.as_mut().poll(cx));
        let caller = this.answer.take_value().and_then(|caller| caller.get());
        let Some(record) = this.record.take() else {
            unreachable!("a future is not polled again after it is ready");
        };
        Poll::Ready(match answer {
            Ok(Ok(response)) => Ok(record.finish(response, caller)),
            Ok(Err(error)) => Err(error),
            Err(panic) => {
                let response = record.answer_panic(panic.as_ref());
                Ok(record.finish(response, caller))
            }
        })
    }
}

/// What is known of a request from its start. Dropped before it is finished, it records that the
/// client did not wait.
struct Record {
    start: Instant,
    id: HeaderValue,
    method: Method,
    route: Option<MatchedPath>,
    /// Only if it will be logged.
    uri: Option<Uri>,
    finished: bool,
}

impl Record {
    fn begin(request: &Request, id: &str) -> Self {
        metrics().begin();
        // Errors are logged with their path too, so this asks for the least of the levels used.
        let logged = tracing::enabled!(target: TARGET, Level::ERROR);
        Self {
            start: Instant::now(),
            id: HeaderValue::from_str(id).expect("ids hold ASCII letters, digits and `._-` only"),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            uri: logged.then(|| request.uri().clone()),
            finished: false,
        }
    }

    fn finish(mut self, mut response: Response, caller: Option<Uuid>) -> Response {
        self.finished = true;
        let failure = response.extensions_mut().remove::<Failure>();
        self.write(response.status(), failure.as_ref(), caller);
        response.headers_mut().insert(X_REQUEST_ID, self.id.clone());
        response
    }

    fn answer_panic(&self, panic: &(dyn Any + Send)) -> Response {
        let error = Error::internal(panics::describe(panic));
        REQUEST_ID.sync_scope(self.id().to_owned(), || error.into_response())
    }

    fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    fn write(&self, status: StatusCode, failure: Option<&Failure>, caller: Option<Uuid>) {
        let took = self.start.elapsed();
        let route = self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        metrics().end(route, &self.method, status, took);
        let Some(uri) = &self.uri else { return };
        // `tracing` takes the level as a constant, hence the macro for the one line.
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    method = self.method.as_str(),
                    route,
                    path = uri.path(),
                    status = status.as_u16(),
                    duration_ms = millis(took),
                    principal = caller.map(tracing::field::display),
                    request_id = self.id(),
                    error = failure.map(|failure| failure.0.as_str()),
                    "request"
                )
            };
        }
        match failure {
            Some(_) => line!(Level::ERROR),
            None => line!(Level::INFO),
        }
    }
}

/// Milliseconds, to the microsecond.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.finished {
            let status = StatusCode::from_u16(CLIENT_CLOSED).expect("499 is a status");
            self.write(status, None, None);
        }
    }
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
