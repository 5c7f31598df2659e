//! `/health/live` and `/health/ready`, for whoever restarts this process or sends it requests.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::BoxFuture;

use crate::{Error, serve::Shutdown};

/// Asks what the server can't work without, usually the database; `false` or an answer after more
/// than a second means not ready.
///
/// ```
/// use crud_core::{Db, DbConfig, telemetry::ReadyCheck};
/// use std::sync::Arc;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let db = Db::connect(&DbConfig::new("sqlite::memory:")).await?;
/// let check: ReadyCheck = Arc::new(move || {
///     let db = db.clone();
///     Box::pin(async move { db.answers().await })
/// });
/// assert!(check().await);
/// # Ok(())
/// # }
/// ```
pub type ReadyCheck = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

const PATIENCE: Duration = Duration::from_secs(1);

/// `GET /health/live`: 200 as long as the process answers at all. `GET /health/ready`: 200 if it
/// should be sent requests; 503 with `Retry-After` while `check` fails or it is shutting down.
///
/// ```
/// use crud_core::{serve::Shutdown, telemetry::health_routes};
/// use std::sync::Arc;
///
/// let routes: axum::Router = health_routes(Shutdown::new(), Arc::new(|| Box::pin(async { true })));
/// assert!(routes.has_routes());
/// ```
pub fn health_routes<S>(shutdown: Shutdown, check: ReadyCheck) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let ready = move || {
        let (shutdown, check) = (shutdown.clone(), Arc::clone(&check));
        async move { ready(&shutdown, &check).await }
    };
    Router::new()
        .route("/health/live", get(async || ok()))
        .route("/health/ready", get(ready))
}

async fn ready(shutdown: &Shutdown, check: &ReadyCheck) -> Response {
    if shutdown.has_begun() {
        return Error::Unavailable(None).into_response();
    }
    match tokio::time::timeout(PATIENCE, check()).await {
        Ok(true) => ok(),
        Ok(false) | Err(_) => Error::Unavailable(None).into_response(),
    }
}

fn ok() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, r#"{"status":"ok"}"#).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(path: &str, shutdown: &Shutdown, check: ReadyCheck) -> (u16, bool, String) {
        let router: Router = health_routes(shutdown.clone(), check);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let retry = response.headers().contains_key(header::RETRY_AFTER);
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        (status, retry, String::from_utf8(body.to_vec()).unwrap())
    }

    fn answers(ready: bool) -> ReadyCheck {
        Arc::new(move || Box::pin(async move { ready }))
    }

    #[tokio::test]
    async fn ready_follows_the_check() {
        let shutdown = Shutdown::new();
        let ok = (200, false, r#"{"status":"ok"}"#.to_owned());
        assert_eq!(ask("/health/ready", &shutdown, answers(true)).await, ok);
        let (status, retry, _) = ask("/health/ready", &shutdown, answers(false)).await;
        assert_eq!((status, retry), (503, true));
        assert_eq!(ask("/health/live", &shutdown, answers(false)).await, ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_not_ready() {
        let hangs: ReadyCheck = Arc::new(|| Box::pin(std::future::pending()));
        let (status, retry, _) = ask("/health/ready", &Shutdown::new(), hangs).await;
        assert_eq!((status, retry), (503, true));
    }

    #[tokio::test]
    async fn a_server_that_shuts_down_is_live_but_not_ready() {
        let shutdown = Shutdown::new();
        shutdown.begin(Duration::ZERO);
        assert_eq!(ask("/health/ready", &shutdown, answers(true)).await.0, 503);
        assert_eq!(ask("/health/live", &shutdown, answers(true)).await.0, 200);
    }
}
