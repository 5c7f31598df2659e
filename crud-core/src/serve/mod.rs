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
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// The longest file that is imported, in bytes.
pub const IMPORT_LIMIT: usize = 16 * 1024 * 1024;
