use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode, request},
    response::Response,
    routing::{get, post},
};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::*;
use crate::{Result, serve::read_body};

fn config(origins: &[&str]) -> EdgeConfig {
    EdgeConfig {
        max_in_flight: 2,
        body_limit: 100,
        cors_origins: origins
            .iter()
            .map(|origin| cors_origin(origin).unwrap())
            .collect(),
    }
}

fn app(config: &EdgeConfig) -> Router {
    async fn length(body: Body) -> Result<String> {
        Ok(read_body(body, 100).await?.len().to_string())
    }
    let router = Router::new()
        .route("/length", post(length))
        .route("/health/live", get(async || "ok"));
    edge(router, config)
}

async fn send(app: Router, request: request::Builder, body: Body) -> Response {
    let answer = app.oneshot(request.body(body).unwrap());
    let answer = tokio::time::timeout(Duration::from_secs(60), answer).await;
    answer.expect("an answer in time").unwrap()
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_announced_or_not() {
    let app = app(&config(&[]));
    for (length, status) in [(100, 200), (101, 413)] {
        let body = vec![b'x'; length];
        let announced = Request::post("/length").header(header::CONTENT_LENGTH, length);
        let response = send(app.clone(), announced, body.clone().into()).await;
        assert_eq!(response.status(), status);
        let pieces = body
            .chunks(10)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()));
        let pieces: Vec<_> = pieces.collect();
        let stream = Body::from_stream(futures_util::stream::iter(pieces));
        let response = send(app.clone(), Request::post("/length"), stream).await;
        assert_eq!(response.status(), status);
    }
    let lying = Request::post("/length").header(header::CONTENT_LENGTH, "101");
    let response = send(app, lying, Body::empty()).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408() {
    let body = Body::from_stream(futures_util::stream::pending::<
        Result<Vec<u8>, std::io::Error>,
    >());
    let response = send(app(&config(&[])), Request::post("/length"), body).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn requests_above_the_bound_are_refused_at_once_and_health_checks_are_not() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        get(async move || {
            entered.notify_one();
            leave.notified().await;
        })
    };
    let router = Router::new()
        .route("/held", held)
        .route("/other", get(async || "ok"))
        .route("/health/live", get(async || "ok"));
    let app = edge(router, &config(&[]));
    let ask = |path: &str| send(app.clone(), Request::get(path), Body::empty());
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push(tokio::spawn(ask("/held")));
        entered.notified().await;
    }
    // The bound is the application's, not a route's.
    for path in ["/held", "/other"] {
        let refused = ask(path).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert!(
            refused
                .headers()
                .contains_key(header::X_CONTENT_TYPE_OPTIONS)
        );
    }
    assert_eq!(ask("/health/live").await.status(), StatusCode::OK);
    running.pop().unwrap().abort();
    tokio::task::yield_now().await;
    assert_eq!(ask("/other").await.status(), StatusCode::OK);
    leave.notify_waiters();
    assert_eq!(
        running.pop().unwrap().await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn every_answer_says_nosniff() {
    for path in ["/health/live", "/none"] {
        let response = send(app(&config(&[])), Request::get(path), Body::empty()).await;
        assert_eq!(
            response.headers()[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff"
        );
    }
}

#[tokio::test]
async fn without_configuration_no_origin_is_allowed() {
    let request = Request::get("/health/live").header(header::ORIGIN, "https://a.org");
    let response = send(app(&config(&[])), request, Body::empty()).await;
    assert!(
        !response
            .headers()
            .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    );
}

#[tokio::test]
async fn only_the_configured_origins_may_read_and_never_with_credentials() {
    let app = app(&config(&["https://a.org", "http://localhost:3000"]));
    for (origin, allowed) in [
        ("https://a.org", true),
        ("http://localhost:3000", true),
        ("http://a.org", false),
        ("https://a.org.evil.org", false),
        ("https://evil-a.org", false),
        ("null", false),
    ] {
        let simple = Request::get("/health/live").header(header::ORIGIN, origin);
        let preflight = Request::options("/length")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        for request in [simple, preflight] {
            let response = send(app.clone(), request, Body::empty()).await;
            let headers = response.headers();
            let answer = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            let expected = allowed.then(|| HeaderValue::from_str(origin).unwrap());
            assert_eq!(answer, expected.as_ref(), "{origin}");
            assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
            let vary = headers[header::VARY].to_str().unwrap().to_ascii_lowercase();
            assert!(vary.contains("origin"), "{vary}");
        }
    }
}

#[tokio::test]
async fn an_options_request_that_is_no_preflight_reaches_the_router() {
    let app = app(&config(&["https://a.org"]));
    let response = send(app, Request::options("/length"), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn an_origin_is_what_a_browser_sends() {
    for origin in [
        "https://a.org",
        "http://localhost:3000",
        "https://[::1]:8443",
    ] {
        assert!(cors_origin(origin).is_ok(), "{origin}");
    }
    for origin in [
        "",
        "*",
        "null",
        "a.org",
        "https://*.a.org",
        "https://a.org/",
        "https://a.org/x",
        "https://u@a.org",
        "https://A.org",
        "HTTPS://a.org",
        "https://a.org:443",
        "http://a.org:80",
        "ftp://a.org",
        "https://",
        "https://a.org, https://b.org",
    ] {
        assert!(cors_origin(origin).is_err(), "{origin}");
    }
}
