//! The server around the router: sockets, limits and an orderly end.
//!
//! `main` wraps its router with [`edge`], makes a [`Shutdown`] that follows the process's signals and
//! awaits [`serve`]. The accept loop is our own because axum's has no timeout for slow headers and
//! no bound on connections. Nothing here knows what a request means.

mod accept;
mod body;
mod connection;
mod edge;
mod limits;
mod shutdown;
mod watch;

pub use accept::{ServeConfig, serve};
pub use body::read_body;
pub use edge::{CorsOriginError, EdgeConfig, cors_origin, edge};
pub use limits::{LimitsLayer, LimitsService};
pub use shutdown::Shutdown;

/// The largest body that is read unless a route says otherwise: 2 MiB.
///
/// ```
/// use axum::extract::Request;
/// use crud_core::{Result, serve::{BODY_LIMIT, read_body}};
///
/// /// A handler that takes bytes as they are.
/// async fn upload(request: Request) -> Result<String> {
///     let bytes = read_body(request.into_body(), BODY_LIMIT).await?;
///     Ok(format!("{} bytes", bytes.len()))
/// }
/// ```
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// The longest file that is imported, in bytes.
///
/// ```
/// use crud_core::serve::{EdgeConfig, IMPORT_LIMIT};
///
/// let config = EdgeConfig { body_limit: 4 * IMPORT_LIMIT, ..EdgeConfig::default() };
/// assert_eq!(config.body_limit, 64 << 20);
/// ```
pub const IMPORT_LIMIT: usize = 16 * 1024 * 1024;
