//! What tests of this workspace and of applications stand on (feature `testing`): private servers on
//! free loopback ports, a database for each test, a client without sockets, and the conformance suite.
//!
//! It must never talk to a server it has not started itself, and must leave nothing behind, however the
//! test process ends. It knows no application.

mod client;
pub mod conformance;
mod database;
mod postgres;
mod proxy;
mod random;
mod redis;
mod reply;
mod server;
mod smtp;
#[cfg(test)]
mod tests;

pub use client::{Call, Client};
pub use database::TestDb;
pub use postgres::{Database, OwnPostgres, Postgres};
pub use proxy::{Hold, Proxy};
pub use random::Random;
pub use redis::{Frozen, Redis};
pub use reply::Reply;
pub use server::ServerError;
pub use smtp::{Mood, Received, Smtp};

/// Makes of each test two, `name::sqlite` and `name::postgres`. The parameter's type has
/// `async fn new(kind: DbKind) -> Self`; the test's crate has `tokio` with its macros.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::{db::DbKind, testing::{Client, on_both}};
///
/// # struct TestApp(Client);
/// # impl TestApp {
/// #     async fn new(_: DbKind) -> Self { Self(Client::new(app().await.router())) }
/// #     fn anonymous(&self) -> Client { self.0.clone() }
/// # }
/// on_both! {
///     async fn a_list_hides_drafts(app: TestApp) {
///         app.anonymous().get("/courses").await.is(200);
///     }
/// }
/// ```
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: $type:ty) $body:block)*) => {$(
        #[cfg(test)]
        mod $name {
            use super::*;

            async fn body($app: $type) $body

            $(#[$meta])*
            #[tokio::test]
            async fn sqlite() {
                body(<$type>::new($crate::db::DbKind::Sqlite).await).await;
            }

            $(#[$meta])*
            #[tokio::test]
            async fn postgres() {
                body(<$type>::new($crate::db::DbKind::Postgres).await).await;
            }
        }
    )*};
}

pub use crate::on_both;
