use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::header,
    routing::get,
};
use serde_json::Value;
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::*;
use crate::{Principal, telemetry::note_principal};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn app() -> Router {
    async fn failing() -> Error {
        Error::internal("a\nforged line with the DSN")
    }
    async fn panicking() {
        panic!("at the \n disco");
    }
    async fn known() -> &'static str {
        note_principal(&Principal::user(ID.parse().unwrap(), "student"));
        "hello"
    }
    Router::new()
        .route("/things/{id}", get(known))
        .route("/failing", get(failing))
        .route("/panicking", get(panicking))
        .route("/slow", get(std::future::pending::<()>))
        .route("/busy", get(async || Error::Unavailable(None)))
        .fallback(async || Error::NotFound("There is nothing here".to_owned()))
        .layer(RequestLayer)
}

fn get_with_id(path: &str, id: &str) -> Request {
    let request = axum::http::Request::get(path).header(X_REQUEST_ID, id);
    request.body(Body::empty()).unwrap()
}

async fn ask(path: &str, filter: &str) -> (Response, Vec<Value>) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(log.clone())
        .finish();
    let response = app()
        .oneshot(get_with_id(path, "req-1"))
        .with_subscriber(subscriber)
        .await
        .unwrap();
    (response, log.lines())
}

async fn problem(response: Response) -> Value {
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn a_request_is_one_line_that_says_who_asked_for_what() {
    let (response, lines) = ask("/things/7?token=hidden", "info").await;
    assert_eq!(response.headers()[X_REQUEST_ID], "req-1");
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/things/{id}");
    assert_eq!(line["path"], "/things/7");
    assert_eq!(line["status"], 200);
    assert_eq!(line["principal"], ID);
    assert_eq!(line["request_id"], "req-1");
    assert!(line["duration_ms"].is_number());
    assert!(line.get("error").is_none());
    assert!(!line.to_string().contains("hidden"));
}

#[tokio::test]
async fn a_failure_is_logged_with_its_cause_and_answered_without() {
    let (response, lines) = ask("/failing", "info").await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["error"], "a\nforged line with the DSN");
    assert!(response.extensions().get::<Failure>().is_none());
    let body = problem(response).await;
    assert_eq!(body["request_id"], "req-1");
    assert!(!body.to_string().contains("DSN"));
}

#[tokio::test]
async fn a_panic_is_a_500_problem_without_a_trace() {
    let (response, lines) = ask("/panicking", "info").await;
    assert_eq!(response.status(), 500);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.headers()[X_REQUEST_ID], "req-1");
    assert_eq!(lines.len(), 1);
    assert!(lines[0]["error"].as_str().unwrap().starts_with("panicked"));
    assert!(
        lines[0]["error"]
            .as_str()
            .unwrap()
            .ends_with("at the \n disco")
    );
    let body = problem(response).await;
    assert_eq!(body["request_id"], "req-1");
    let text = body.to_string();
    assert!(!text.contains("disco") && !text.contains(".rs"), "{text}");
}

#[tokio::test]
async fn an_unknown_path_is_logged_without_a_route_of_its_own() {
    let (response, lines) = ask("/no/such/thing", "info").await;
    assert_eq!(response.status(), 404);
    assert_eq!(lines[0]["route"], UNMATCHED);
    assert_eq!(lines[0]["path"], "/no/such/thing");
}

#[tokio::test]
async fn a_quiet_log_keeps_failures_only() {
    for (path, filter, count) in [
        ("/things/7", "warn", 0),
        ("/failing", "warn", 1),
        ("/failing", "off", 0),
        ("/things/7", "info,http=warn", 0),
        ("/busy", "info", 1),
    ] {
        let (response, lines) = ask(path, filter).await;
        assert_eq!(lines.len(), count, "{path} {filter}");
        assert!(response.headers().contains_key(X_REQUEST_ID));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_is_logged_as_499() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(log.clone())
        .finish();
    async {
        let answer = app().oneshot(get_with_id("/slow", "req-2"));
        let soon = std::time::Duration::from_millis(5);
        assert!(tokio::time::timeout(soon, answer).await.is_err());
    }
    .with_subscriber(subscriber)
    .await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["status"], 499);
    assert_eq!(lines[0]["request_id"], "req-2");
}
