//! The LMS put together: its entities, its own routes and its way to know callers, on a database.
//! The server serves [`Lms::router`], tests call it.

use std::sync::Arc;

use axum::{Router, extract::FromRef};
use crud_core::{
    App, Cache, Db, Registry,
    auth::{Auth, Jwt, Passwords},
    db::DbError,
    openapi::{self, Info, Operation, Routes},
};

use crate::{
    MIGRATIONS, accounts::Accounts, auth, config::MailFrom, entities, jobs, mail::Mailer,
    roles::Role, statistics,
};

/// The LMS on a database. Cheap to clone.
#[derive(Clone)]
pub struct Lms {
    /// The entities and what they stand on.
    pub app: App,
    /// How passwords are hashed.
    pub passwords: Passwords,
    /// How mails are sent.
    pub mailer: Mailer,
}

impl Lms {
    /// Puts it together, with a cache in the process. The database must be migrated before the first request.
    pub fn new(db: Db, jwt: Jwt) -> Self {
        db.attach_shared();
        Self::of(db, jwt)
    }

    /// Puts it together with another cache.
    pub fn with_cache(db: Db, jwt: Jwt, cache: Cache) -> Self {
        db.attach(cache);
        Self::of(db, jwt)
    }

    fn of(db: Db, jwt: Jwt) -> Self {
        let auth = Auth::new(jwt, Accounts::new(db.clone()));
        Self {
            app: App::new(db, entities::registry(), auth),
            passwords: Passwords::new(),
            mailer: Mailer::log(MailFrom::default().0),
        }
    }

    /// The same, with mails sent in another way than into the log.
    #[must_use]
    pub fn with_mailer(self, mailer: Mailer) -> Self {
        Self { mailer, ..self }
    }

    /// Brings the database to this binary's schema.
    ///
    /// # Errors
    /// If a migration fails, or was changed after it was applied.
    pub async fn migrate(&self) -> Result<Vec<(i64, String)>, DbError> {
        self.app.db().migrate(&MIGRATIONS).await
    }

    /// Every route of the API, and its description.
    pub fn router(&self) -> Router {
        let custom = routes();
        let document = describe(self.app.registry(), custom.operations());
        self.app
            .router()
            .merge(custom.mount(self.clone()))
            .merge(openapi::docs::router(&document))
    }
}

/// The API's OpenAPI document.
pub fn document() -> serde_json::Value {
    describe(&entities::registry(), routes().operations())
}

/// What is not generated.
fn routes() -> Routes<Lms> {
    auth::routes()
        .merge(entities::routes())
        .merge(jobs::routes())
        .merge(statistics::routes())
}

fn describe(registry: &Registry, custom: &[Operation]) -> serde_json::Value {
    let roles: Vec<_> = Role::ALL.iter().map(Role::as_str).collect();
    let info = Info {
        title: "Learning management system",
        version: env!("CARGO_PKG_VERSION"),
        description: "Courses, what they consist of, and who takes part in them.",
        roles: &roles,
    };
    openapi::document(registry, &info, custom)
}

impl FromRef<Lms> for App {
    fn from_ref(lms: &Lms) -> Self {
        lms.app.clone()
    }
}

impl FromRef<Lms> for Arc<Auth> {
    fn from_ref(lms: &Lms) -> Self {
        Self::clone(lms.app.auth())
    }
}
