//! An application: its database, its entities, its way to know callers. Everything that a request
//! needs hangs on it, and [`App::router`] is what a server serves and a test calls.

use std::sync::Arc;

use axum::{Router, extract::FromRef, routing::get};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    auth::Auth,
    cache::Cache,
    cursor::CursorKey,
    db::Db,
    operations::Context,
    principal::Principal,
    registry::Registry,
    router,
    serve::{EdgeConfig, ServeConfig, Shutdown, edge, serve},
    telemetry::{ReadyCheck, health_routes, metrics_text},
};

/// What a request is answered from. Cheap to clone.
///
/// ```
/// use crud_core::{App, Db, DbConfig, Registry};
/// use crud_core::auth::{Auth, Jwt, JwtConfig, TokenAuthenticator};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let db = Db::connect(&DbConfig::new("sqlite::memory:")).await?;
/// let jwt = Jwt::new(JwtConfig::new("at least thirty-two bytes of secret"))?;
/// let app = App::new(db, Registry::new(), Auth::new(jwt, TokenAuthenticator));
/// let router = app.router();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    db: Db,
    registry: Registry,
    auth: Arc<Auth>,
    imports: Semaphore,
}

/// The files that are imported at the same time: of 16 MiB at most, 128 MiB.
const IMPORTS: usize = 8;

impl App {
    /// The path before every entity's endpoint.
    pub const PREFIX: &str = "/api/v1";

    /// Puts the parts together, with a cache in the process: right as long as one process serves the database.
    ///
    /// # Panics
    /// If a relation leads to an entity that is not registered. The sentence says which.
    pub fn new(db: Db, registry: Registry, auth: Auth) -> Self {
        db.attach_shared();
        Self::of(db, registry, auth)
    }

    /// Puts the parts together with a cache of one's own making: off, of another size, or shared by several
    /// instances. A database that has a cache already keeps it.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn with_cache(db: Db, registry: Registry, auth: Auth, cache: Cache) -> Self {
        db.attach(cache);
        Self::of(db, registry, auth)
    }

    fn of(db: Db, registry: Registry, auth: Auth) -> Self {
        let secret = auth.jwt().derived_secret("crud-core cursors");
        registry.check_relations();
        Self(Arc::new(Parts {
            db,
            registry: registry.with_cursors(CursorKey::new(&secret)),
            auth: Arc::new(auth),
            imports: Semaphore::new(IMPORTS),
        }))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The entities.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// How callers are known.
    pub fn auth(&self) -> &Arc<Auth> {
        &self.0.auth
    }

    /// Who imports a file holds one of these.
    pub(crate) fn imports(&self) -> &Semaphore {
        &self.0.imports
    }

    /// Operations on behalf of a principal, each statement by itself.
    pub fn on_behalf<'a>(&'a self, principal: &'a Principal) -> Context<'a> {
        Context::new(&self.0.registry, &self.0.db, principal)
    }

    /// The routes of every entity.
    pub fn router(&self) -> Router {
        router::routes(self)
    }

    /// Whether the server should be sent requests: the database answers, and the cache may be used or is of no
    /// concern to others.
    pub fn ready(&self) -> ReadyCheck {
        let db = self.db().clone();
        Arc::new(move || {
            let db = db.clone();
            let is_ready = db.cache().is_none_or(|cache| cache.is_ready());
            Box::pin(async move { is_ready && db.answers().await })
        })
    }

    /// Serves a router with the usual things around it, until `shutdown` has begun and all requests are answered:
    /// `/health/live`, `/health/ready` (see [`ready`](Self::ready)), `/metrics`, and the limits and
    /// headers of [`edge`]. [`serve()`] is this with other settings.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use crud_core::serve::Shutdown;
    /// use std::time::Duration;
    /// use tokio::net::TcpListener;
    ///
    /// let app = app().await;
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let shutdown = Shutdown::new();
    /// // In `main` a signal begins it, after `shutdown.on_signals(Duration::from_secs(30))?`.
    /// shutdown.begin(Duration::ZERO);
    /// app.serve(listener, app.router(), shutdown).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(&self, listener: TcpListener, router: Router, shutdown: Shutdown) {
        let router = router
            .merge(health_routes(shutdown.clone(), self.ready()))
            .route("/metrics", get(metrics_text));
        let router = edge(router, &EdgeConfig::default());
        if let Ok(address) = listener.local_addr() {
            tracing::info!("serving http://{address}");
        }
        serve(listener, router, ServeConfig::default(), shutdown).await;
        if let Some(cache) = self.db().cache() {
            cache.leave().await;
        }
    }
}

impl FromRef<App> for Arc<Auth> {
    fn from_ref(app: &App) -> Self {
        Self::clone(app.auth())
    }
}
