//! What every application puts around its router: telemetry, limits, security headers, CORS.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, Uri, header},
};
use futures_util::future::Either;
use tower::{Layer, Service, ServiceBuilder, util::option_layer};
use tower_http::cors::{AllowOrigin, Cors, CorsLayer};

use super::{IMPORT_LIMIT, limits::LimitsLayer};
use crate::telemetry::RequestLayer;

/// The bounds and rules of an application's edge.
///
/// ```
/// use crud_core::serve::{BODY_LIMIT, EdgeConfig, cors_origin};
///
/// // Imports nothing, and is called by the pages of one site.
/// let config = EdgeConfig {
///     body_limit: BODY_LIMIT,
///     cors_origins: vec![cors_origin("https://app.example.org")?],
///     ..EdgeConfig::default()
/// };
/// assert_eq!(config.max_in_flight, 1024);
/// # Ok::<(), crud_core::serve::CorsOriginError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// The most requests in flight; above it, 503 at once.
    pub max_in_flight: usize,
    /// The longest body that may be announced, in bytes. A route that reads less refuses more by itself.
    pub body_limit: usize,
    /// The web origins whose pages may call; made by [`cors_origin`]. None by default.
    pub cors_origins: Vec<HeaderValue>,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            max_in_flight: 1024,
            body_limit: IMPORT_LIMIT,
            cors_origins: Vec::new(),
        }
    }
}

/// The router with everything around it that each of its routes needs. Call it last: routes added
/// later are outside.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::serve::{EdgeConfig, cors_origin, edge};
///
/// let config = EdgeConfig { cors_origins: vec![cors_origin("https://app.example.org").unwrap()], ..EdgeConfig::default() };
/// let router = edge(app().await.router(), &config);
/// assert!(router.has_routes());
/// # }
/// ```
pub fn edge(router: Router, config: &EdgeConfig) -> Router {
    let limits = LimitsLayer::new(config.max_in_flight, config.body_limit);
    // One layer for all: axum boxes a request once for each.
    let layers = ServiceBuilder::new()
        .layer(RequestLayer)
        .layer(option_layer(cors(&config.cors_origins)))
        .layer(limits);
    // With its state given, axum builds each route once; else it does so, layers and all, for each request.
    router.with_state(()).layer(layers)
}

/// Exactly the given origins, never `*`, never with cookies: callers carry a token.
fn cors(origins: &[HeaderValue]) -> Option<PreflightLayer> {
    if origins.is_empty() {
        return None;
    }
    let named = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            named("idempotency-key"),
            named("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            named("idempotent-replayed"),
            named("x-request-id"),
            named("x-total-count"),
        ])
        .max_age(Duration::from_secs(3600));
    Some(PreflightLayer(layer))
}

/// CORS for what is CORS: the layer inside takes any OPTIONS for a preflight, but only one that asks
/// for a method is.
#[derive(Debug, Clone)]
struct PreflightLayer(CorsLayer);

#[derive(Debug, Clone)]
struct PreflightService<S> {
    cors: Cors<S>,
    plain: S,
}

impl<S: Clone> Layer<S> for PreflightLayer {
    type Service = PreflightService<S>;

    fn layer(&self, plain: S) -> Self::Service {
        PreflightService {
            cors: self.0.layer(plain.clone()),
            plain,
        }
    }
}

impl<S> Service<Request> for PreflightService<S>
where
    S: Service<Request>,
    Cors<S>: Service<Request, Response = S::Response, Error = S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<<Cors<S> as Service<Request>>::Future, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.cors.poll_ready(cx))?;
        self.plain.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let asks = request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if request.method() == Method::OPTIONS && !asks {
            Either::Right(self.plain.call(request))
        } else {
            Either::Left(self.cors.call(request))
        }
    }
}

/// A text that is not a web origin.
///
/// ```
/// use crud_core::serve::cors_origin;
///
/// let refused = cors_origin("app.example.org").unwrap_err();
/// assert!(refused.to_string().starts_with("`app.example.org` is not a web origin"));
/// ```
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a web origin such as https://app.example.org (scheme, host, port; never `*`)"
)]
pub struct CorsOriginError(String);

/// Checks a web origin: scheme, host and perhaps a port, as a browser sends it.
///
/// # Errors
/// For `*`, `null`, a path, a user, a default port or anything that a browser would never send.
///
/// ```
/// use crud_core::serve::cors_origin;
///
/// assert!(cors_origin("https://app.example.org:8443").is_ok());
/// assert!(cors_origin("*").is_err() && cors_origin("https://app.example.org/path").is_err());
/// ```
pub fn cors_origin(text: &str) -> Result<HeaderValue, CorsOriginError> {
    let refused = || CorsOriginError(text.to_owned());
    let Ok(uri) = text.parse::<Uri>() else {
        return Err(refused());
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(refused());
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(refused()),
    };
    let origin = format!("{scheme}://{authority}");
    let odd = authority.as_str().contains('@')
        || authority.host().contains('*')
        || uri.port_u16() == Some(default_port)
        || origin != text
        || origin.bytes().any(|byte| byte.is_ascii_uppercase());
    match HeaderValue::from_str(text) {
        Ok(value) if !odd => Ok(value),
        _ => Err(refused()),
    }
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
