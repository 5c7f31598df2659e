//! The application as its clients see it: a database for each test, a client for each role.

extern crate self as tests;

mod conformance;
mod steps;

use crud_core::{
    App, Db, Uuid,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    db::DbKind,
    testing::{Client, TestDb},
};

use new_app::{MIGRATIONS, entities::registry, router};

/// The application on a database of its own.
pub struct TestApp {
    /// The application itself.
    pub app: App,
    client: Client,
    _db: TestDb,
}

impl TestApp {
    /// An application without a row.
    pub async fn new(kind: DbKind) -> Self {
        let migrate = async |db: &Db| db.migrate(&MIGRATIONS).await.map(drop);
        let db = TestDb::from_template(kind, "new-app", migrate)
            .await
            .expect("a database");
        let jwt = Jwt::new(JwtConfig::new(*b"a secret of tests, 32 bytes long"))
            .expect("it is long enough");
        let auth = Auth::new(jwt, TokenAuthenticator);
        let app = App::new(db.db().clone(), registry(), auth);
        let client = Client::new(router(&app));
        Self {
            app,
            client,
            _db: db,
        }
    }

    /// Nobody in particular.
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// An administrator.
    pub fn admin(&self) -> Client {
        self.user("admin")
    }

    /// Somebody who teaches.
    pub fn instructor(&self) -> Client {
        self.user("instructor")
    }

    /// Somebody who learns.
    pub fn student(&self) -> Client {
        self.user("student")
    }

    /// Somebody new in a role.
    pub fn user(&self, role: &str) -> Client {
        let id = Uuid::now_v7();
        let (token, _) = self.app.auth().jwt().issue(id, role);
        self.client.signed_in(id, token)
    }
}
