//! What the application consists of; `main.rs` runs it.

pub mod entities;
mod migrations;
pub mod roles;
pub mod schema;

use axum::Router;
use crud_core::{
    App,
    openapi::{self, Info},
};

pub use self::migrations::MIGRATIONS;

/// Every route: the generated ones, those beside them, and the documentation.
pub fn router(app: &App) -> Router {
    let routes = entities::routes();
    let info = Info {
        title: "new-app",
        version: env!("CARGO_PKG_VERSION"),
        ..Info::default()
    };
    let document = openapi::document(app.registry(), &info, routes.operations());
    let router = app.router().merge(routes.mount(app.clone()));
    router.merge(openapi::docs::router(&document))
}
