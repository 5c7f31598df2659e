//! Where log lines go: standard output, as text or JSON, one event for one line.
//!
//! `main` calls [`init`] once. Nothing that a client sends can start a line of its own: line breaks
//! inside an event are written as `\n`.

use std::{
    io::{self, Write},
    sync::Once,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::panics;

/// How a log line looks.
///
/// ```
/// use crud_core::telemetry::LogFormat;
/// use std::io::{IsTerminal as _, stdout};
///
/// let format = if stdout().is_terminal() { LogFormat::Text } else { LogFormat::Json };
/// # assert!(format == LogFormat::default() || !stdout().is_terminal());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object for each line, for collectors.
    Json,
}

/// What is logged, and how.
///
/// ```
/// use crud_core::telemetry::{self, LogFormat, TelemetryConfig};
///
/// let filter = "warn,crud_core=info".to_owned();
/// assert!(telemetry::check_filter(&filter).is_ok());
/// telemetry::init(&TelemetryConfig { format: LogFormat::Json, filter }).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// Text or JSON.
    pub format: LogFormat,
    /// Directives as in `RUST_LOG`: `info`, `warn,crud_core=debug`, …
    pub filter: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// Logging can't be set up.
///
/// ```
/// use crud_core::telemetry::{self, TelemetryConfig, TelemetryError};
///
/// telemetry::init(&TelemetryConfig::default())?;
/// let again = telemetry::init(&TelemetryConfig::default());
/// assert!(matches!(again, Err(TelemetryError::AlreadySet)));
/// # Ok::<(), TelemetryError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error("The log filter `{filter}` is not accepted: {reason}")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A subscriber is installed already.
    #[error("Logging is set up already")]
    AlreadySet,
}

/// Whether `filter` is one that [`init`] accepts.
///
/// # Errors
/// Says what is wrong with it.
///
/// ```
/// use crud_core::telemetry::check_filter;
///
/// assert!(check_filter("warn,crud_core=debug").is_ok());
/// let refused = check_filter("crud_core=loud").unwrap_err();
/// assert!(refused.to_string().starts_with("The log filter `crud_core=loud` is not accepted"));
/// ```
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    match EnvFilter::try_new(filter) {
        Ok(parsed) => Ok(parsed),
        Err(error) => Err(TelemetryError::Filter {
            filter: filter.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// Starts logging for the process, panics included.
///
/// # Errors
/// When the filter can't be read, or logging has been started before.
///
/// ```
/// use crud_core::telemetry::{self, TelemetryConfig};
///
/// let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
/// telemetry::init(&TelemetryConfig { filter, ..TelemetryConfig::default() })?;
/// tracing::info!("logging has begun");
/// # Ok::<(), telemetry::TelemetryError>(())
/// ```
pub fn init(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    static HOOK: Once = Once::new();

    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(parse(&config.filter)?)
        .with_writer(Lines);
    let started = match config.format {
        LogFormat::Text => subscriber.with_ansi(false).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        return Err(TelemetryError::AlreadySet);
    }
    HOOK.call_once(panics::install_hook);
    Ok(())
}

/// Makes writers that keep an event on one line.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = OneLine<io::StdoutLock<'a>>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine(io::stdout().lock())
    }
}

/// The formatter writes an event at once, ended by a line break: any other is the event's own.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = event.strip_suffix(b"\n").unwrap_or(event);
        let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
        if !text.iter().any(breaks) {
            self.0.write_all(event)?;
            return Ok(event.len());
        }
        let mut line = Vec::with_capacity(event.len() + 16);
        for byte in text {
            match byte {
                b'\n' => line.extend_from_slice(b"\\n"),
                b'\r' => line.extend_from_slice(b"\\r"),
                other => line.push(*other),
            }
        }
        line.push(b'\n');
        self.0.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let mut out = OneLine(Vec::new());
        out.write_all(b"INFO a\r\nINFO forged\nb\n").unwrap();
        out.write_all(b"INFO plain\n").unwrap();
        assert_eq!(out.0, b"INFO a\\r\\nINFO forged\\nb\nINFO plain\n");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_by_name() {
        assert!(check_filter("warn,crud_core=debug").is_ok());
        let error = check_filter("crud_core=loud").unwrap_err().to_string();
        assert!(error.contains("`crud_core=loud`"), "{error}");
    }
}
