//! The entities: one folder each, and one line here; their own routes, one line more.

use crud_core::{App, Registry, openapi::Routes};

/// Every entity.
#[rustfmt::skip]
pub fn registry() -> Registry {
    Registry::new()
}

/// The routes beside the generated ones.
pub fn routes() -> Routes<App> {
    Routes::new()
}
