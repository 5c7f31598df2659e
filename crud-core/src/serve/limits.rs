//! The bounds that hold for every request: how many at once, and how long a body may say it is.
//!
//! Above the bound a request is refused at once with 503: queued, it would only be answered after
//! its client has given up. Health checks and metrics pass, so that overload can be seen.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::Error;

const NOSNIFF: (HeaderName, HeaderValue) = (
    header::X_CONTENT_TYPE_OPTIONS,
    HeaderValue::from_static("nosniff"),
);

/// Adds [`LimitsService`]. All services it makes share one count, so the bound is the whole
/// application's even though axum wraps each route by itself.
///
/// ```
/// use axum::{Router, body::Body, extract::Request, routing::get};
/// use crud_core::serve::{BODY_LIMIT, LimitsLayer};
/// use tower::ServiceExt as _;
///
/// # #[tokio::main]
/// # async fn main() {
/// let of_at_most = |requests| {
///     let router: Router = Router::new().route("/", get(async || "hello"));
///     router.layer(LimitsLayer::new(requests, BODY_LIMIT)).oneshot(Request::new(Body::empty()))
/// };
/// assert_eq!(of_at_most(1).await.unwrap().status(), 200);
/// assert_eq!(of_at_most(0).await.unwrap().status(), 503);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LimitsLayer {
    in_flight: Arc<AtomicUsize>,
    max_in_flight: usize,
    body_limit: usize,
}

impl LimitsLayer {
    /// At most `max_in_flight` requests at once, with bodies of at most `body_limit` bytes.
    pub fn new(max_in_flight: usize, body_limit: usize) -> Self {
        Self {
            in_flight: Arc::new(AtomicUsize::new(0)),
            max_in_flight,
            body_limit,
        }
    }

    fn admit(&self, request: &Request) -> Result<Option<Slot>, Error> {
        let path = request.uri().path();
        if path.starts_with("/health/") || path == "/metrics" {
            return Ok(None);
        }
        let slot = Slot::new(&self.in_flight);
        if slot.others >= self.max_in_flight {
            return Err(Error::Unavailable(None));
        }
        if announced_length(request.headers()).is_some_and(|length| length > self.body_limit as u64)
        {
            return Err(Error::TooLarge {
                limit: self.body_limit,
            });
        }
        Ok(Some(slot))
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// A place among the requests in flight, given back on drop.
struct Slot {
    in_flight: Arc<AtomicUsize>,
    others: usize,
}

impl Slot {
    fn new(in_flight: &Arc<AtomicUsize>) -> Self {
        Self {
            others: in_flight.fetch_add(1, Relaxed),
            in_flight: Arc::clone(in_flight),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }
}

impl<S> Layer<S> for LimitsLayer {
    type Service = LimitsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitsService {
            inner,
            limits: self.clone(),
        }
    }
}

/// Refuses what is over the bounds, and adds `X-Content-Type-Options: nosniff`.
///
/// ```
/// use axum::{body::Body, extract::Request, response::Response};
/// use crud_core::serve::{BODY_LIMIT, LimitsLayer, LimitsService};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # #[tokio::main]
/// # async fn main() {
/// let hello = service_fn(async |_: Request| Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello"))));
/// let service: LimitsService<_> = LimitsLayer::new(1, BODY_LIMIT).layer(hello);
/// let answer = service.oneshot(Request::new(Body::empty())).await.unwrap();
/// assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LimitsService<S> {
    inner: S,
    limits: LimitsLayer,
}

impl<S> Service<Request> for LimitsService<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Limited<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.limits.admit(&request) {
            Ok(slot) => Limited::Admitted {
                answer: self.inner.call(request),
                slot,
            },
            Err(error) => Limited::Refused { error: Some(error) },
        }
    }
}

pin_project! {
    /// The future of [`LimitsService`].
    #[project = LimitedProjection]
    pub enum Limited<F> {
        /// Within the bounds.
        Admitted {
            #[pin]
            answer: F,
            slot: Option<Slot>,
        },
        /// Over one.
        Refused { error: Option<Error> },
    }
}

impl<F, E> Future for Limited<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match self.project() {
            LimitedProjection::Admitted { answer, slot } => {
                let answer = ready!(answer.poll(cx));
                slot.take();
                answer?
            }
            LimitedProjection::Refused { error } => match error.take() {
                Some(error) => error.into_response(),
                None => unreachable!("a future is not polled again after it is ready"),
            },
        };
        let (name, value) = NOSNIFF;
        response.headers_mut().insert(name, value);
        Poll::Ready(Ok(response))
    }
}
