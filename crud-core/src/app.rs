//! An application: its database, its entities, its way to know callers. Everything that a request
//! needs hangs on it, and [`App::router`] is what a server serves and a test calls.

use std::sync::Arc;

use axum::Router;

use crate::{
    auth::Auth, cache::Cache, cursor::CursorKey, db::Db, operations::Context, principal::Principal,
    registry::Registry, router,
};

/// What a request is answered from. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    db: Db,
    registry: Registry,
    auth: Arc<Auth>,
}

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

    /// Operations on behalf of a principal, each statement by itself.
    pub fn on_behalf<'a>(&'a self, principal: &'a Principal) -> Context<'a> {
        Context::new(&self.0.registry, &self.0.db, principal)
    }

    /// The routes of every entity.
    pub fn router(&self) -> Router {
        router::routes(self)
    }
}
