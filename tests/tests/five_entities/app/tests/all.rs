//! The application as tests see it. The scaffold's tests ask for `TestApp`, `conformance::suite` and `steps::made`.

extern crate self as tests;

mod conformance;
mod steps;

use crud_core::{
    App, Db, Uuid,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    db::DbKind,
    testing::{Client, TestDb},
};
use school::{MIGRATIONS, entities::registry};

/// The users who are there: `created_by` refers to them.
const USERS: [&str; 3] = ["admin", "instructor", "student"];

/// The application on a database of its own.
pub struct TestApp {
    /// The application itself.
    pub app: App,
    client: Client,
    _db: TestDb,
}

impl TestApp {
    /// An application with its users and nothing else.
    pub async fn new(kind: DbKind) -> Self {
        let fill = async |db: &Db| {
            db.migrate(&MIGRATIONS).await?;
            for role in USERS {
                let id = match kind {
                    DbKind::Postgres => format!("'{}'", id(role)),
                    DbKind::Sqlite => format!("x'{}'", id(role).to_string().replace('-', "")),
                };
                let sql = format!("INSERT INTO users (id, name) VALUES ({id}, '{role}')");
                db.batch(&sql).await?;
            }
            Ok::<(), crud_core::db::DbError>(())
        };
        let db = TestDb::from_template(kind, "school", fill)
            .await
            .expect("a database");
        let jwt = Jwt::new(JwtConfig::new(*b"a secret of tests, 32 bytes long"))
            .expect("it is long enough");
        let auth = Auth::new(jwt, TokenAuthenticator);
        let app = App::new(db.db().clone(), registry(), auth);
        let client = Client::new(app.router());
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

    fn user(&self, role: &str) -> Client {
        let (token, _) = self.app.auth().jwt().issue(id(role), role);
        self.client.signed_in(id(role), token)
    }
}

fn id(role: &str) -> Uuid {
    let number = USERS.iter().position(|user| *user == role);
    let number = number.expect("it is one of them");
    let id = format!("00000000-0000-7000-8000-00000000000{number}");
    id.parse().expect("it is a UUID")
}
