//! How long statements take, as a metric: from when one is sent, or its turn on the connection has come, to its last
//! row. Waiting for a connection is not in it.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use metrics::Histogram;

const DURATION: &str = "db_statement_duration_seconds";

static STATEMENTS: LazyLock<Histogram> = LazyLock::new(|| {
    crate::telemetry::start_counting();
    metrics::describe_histogram!(DURATION, "Seconds of a statement in the database");
    metrics::histogram!(DURATION)
});

/// Measures until it is dropped, so a statement that fails or is given up counts too.
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let took: Duration = self.0.elapsed();
        STATEMENTS.record(took);
    }
}
