//! Counters and histograms of requests, in Prometheus' text form.
//!
//! [`super::RequestLayer`] records, [`metrics_text`] shows. The recorder is the process's own, so
//! whatever else uses the `metrics` macros (pools, caches) appears in the same text. Labels are
//! declared routes, known methods and statuses: never a path, an id or anything a client invents.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
const IN_FLIGHT: &str = "http_requests_in_flight";

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 13] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The route of a request that matched none.
pub(super) const UNMATCHED: &str = "unmatched";

/// How often samples are folded into buckets, which bounds the memory they take.
const UPKEEP: Duration = Duration::from_secs(2);

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::install);

/// The process's request metrics.
pub(super) fn metrics() -> &'static Metrics {
    &METRICS
}

/// Handles, looked up once for each route, method and status.
pub(super) struct Metrics {
    prometheus: PrometheusHandle,
    routes: RwLock<HashMap<Arc<str>, Arc<RouteMetrics>>>,
    in_flight: AtomicUsize,
    in_flight_gauge: Gauge,
}

struct RouteMetrics {
    name: Arc<str>,
    durations: Histogram,
    /// A handful at most: found faster by walking than by hashing.
    counters: RwLock<Vec<(&'static str, StatusCode, Counter)>>,
}

impl Metrics {
    fn install() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &BUCKETS)
            .expect("the buckets are a constant that is not empty")
            .build_recorder();
        let prometheus = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed; /metrics stays empty");
        }
        metrics::describe_counter!(REQUESTS, "Requests answered");
        metrics::describe_histogram!(
            DURATION,
            "Seconds from the request's head to the response's"
        );
        metrics::describe_gauge!(IN_FLIGHT, "Requests being answered");
        Self {
            prometheus,
            routes: RwLock::default(),
            in_flight: AtomicUsize::new(0),
            in_flight_gauge: metrics::gauge!(IN_FLIGHT),
        }
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let route = self.route(route);
        route.durations.record(took);
        route.count(label(method), status);
    }

    fn route(&self, route: &str) -> Arc<RouteMetrics> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(route) {
            return Arc::clone(metrics);
        }
        drop(known);
        let name: Arc<str> = route.into();
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let metrics = routes
            .entry(Arc::clone(&name))
            .or_insert_with(|| Arc::new(RouteMetrics::new(name)));
        Arc::clone(metrics)
    }

    fn render(&self) -> String {
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        self.in_flight_gauge
            .set(f64::from(u32::try_from(in_flight).unwrap_or(u32::MAX)));
        self.prometheus.render()
    }
}

impl RouteMetrics {
    fn new(name: Arc<str>) -> Self {
        Self {
            durations: metrics::histogram!(DURATION, "route" => name.to_string()),
            counters: RwLock::default(),
            name,
        }
    }

    fn count(&self, method: &'static str, status: StatusCode) {
        let is_it =
            |known: &&(&'static str, StatusCode, Counter)| known.0 == method && known.1 == status;
        let counters = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, counter)) = counters.iter().find(is_it) {
            counter.increment(1);
            return;
        }
        drop(counters);
        let counter = metrics::counter!(
            REQUESTS,
            "method" => method,
            "route" => self.name.to_string(),
            "status" => status.as_str().to_owned(),
        );
        counter.increment(1);
        // Two requests may both get here; they hold handles to the same counter.
        let mut counters = self
            .counters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        counters.push((method, status, counter));
    }
}

/// A client may invent methods; a label must not follow it.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// The handler of `GET /metrics`.
///
/// ```
/// use crud_core::telemetry::metrics_text;
///
/// let routes: axum::Router = axum::Router::new().route("/metrics", axum::routing::get(metrics_text));
/// assert!(routes.has_routes());
/// ```
pub async fn metrics_text() -> Response {
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], metrics().render()).into_response()
}

/// Begins the counting, for what counts before the first request does.
pub(crate) fn start_counting() {
    LazyLock::force(&METRICS);
}

/// Folds samples into buckets every two seconds, until the handle is aborted.
/// [`crate::serve::serve`] runs it.
///
/// ```
/// use crud_core::telemetry::spawn_upkeep;
///
/// # #[tokio::main]
/// # async fn main() {
/// // In a server of one's own, in the place of `crud_core::serve::serve`.
/// let upkeep = spawn_upkeep();
/// // … and when it ends:
/// upkeep.abort();
/// # }
/// ```
pub fn spawn_upkeep() -> JoinHandle<()> {
    tokio::spawn(async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics().prometheus.run_upkeep();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let metrics = metrics();
        for status in [200, 200, 404] {
            metrics.begin();
            let status = StatusCode::from_u16(status).unwrap();
            let took = Duration::from_millis(3);
            metrics.end("/api/v1/counted/{id}", &Method::GET, status, took);
        }
        let text = metrics.render();
        let counted = |status: u16, count: usize| {
            format!(
                r#"http_requests_total{{method="GET",route="/api/v1/counted/{{id}}",status="{status}"}} {count}"#
            )
        };
        assert!(text.contains(&counted(200, 2)), "{text}");
        assert!(text.contains(&counted(404, 1)), "{text}");
        let bucket = r#"duration_seconds_bucket{route="/api/v1/counted/{id}",le="0.005"} 3"#;
        assert!(text.contains(bucket), "{text}");
        // Other tests' requests count here too.
        assert!(text.contains("\nhttp_requests_in_flight "), "{text}");
    }

    #[test]
    fn an_invented_method_gets_no_label_of_its_own() {
        let method = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(label(&method), "OTHER");
    }
}
