//! The LMS as tests see it: a whole application on its own database, with users of every kind who are
//! there already. The tests themselves are in `tests/`.

use std::sync::LazyLock;

use crud_core::{
    Uuid,
    auth::{Jwt, JwtConfig},
    db::{DbKind, Load},
    openapi::Promises,
    prelude::*,
    serve::{EdgeConfig, edge},
    testing::{Client, Reply, TestDb},
};
use lms_server::{Lms, accounts::NewAccount, roles::Role, schema::users};

/// The password of every user of [`TestApp`].
pub const PASSWORD: &str = "correct horse battery";

/// Who is there before the test begins: role and address.
const USERS: [(Role, &str); 6] = [
    (Role::Student, "student@test.example"),
    (Role::Student, "other-student@test.example"),
    (Role::Instructor, "instructor@test.example"),
    (Role::Instructor, "other-instructor@test.example"),
    (Role::Admin, "admin@test.example"),
    (Role::Admin, "other-admin@test.example"),
];

/// The LMS with everything around it, on a database of its own.
pub struct TestApp {
    /// The application itself.
    pub lms: Lms,
    /// Which database it is on.
    pub kind: DbKind,
    anonymous: Client,
    users: Vec<(Uuid, Role, String)>,
    db: TestDb,
}

impl TestApp {
    /// An LMS with the users and nothing else.
    ///
    /// # Panics
    /// If there is no database for it, with the reason.
    pub async fn new(kind: DbKind) -> Self {
        let fill = async |db: &crud_core::Db| {
            let lms = Lms::new(db.clone(), jwt());
            lms.migrate().await.map_err(|e| e.to_string())?;
            for (role, email) in USERS {
                let new = NewAccount {
                    email: email.to_owned(),
                    full_name: format!("The {email}"),
                    password: PASSWORD.to_owned(),
                    role,
                };
                lms.add_account(new).await.map_err(|e| e.to_string())?;
            }
            Ok::<(), String>(())
        };
        let made = TestDb::from_template(kind, "lms", fill).await;
        let db = made.unwrap_or_else(|error| panic!("{error}"));
        let lms = Lms::new(db.db().clone(), jwt());
        let query = users::table.select((users::id, users::role, users::email));
        let users = db.db().fetch(query).await;
        Self {
            anonymous: Client::new(edge(lms.router(), &EdgeConfig::default())).watched(as_promised),
            users: users.expect("the users can be read"),
            lms,
            kind,
            db,
        }
    }

    /// Nobody in particular.
    pub fn anonymous(&self) -> Client {
        self.anonymous.clone()
    }

    /// A student.
    pub fn student(&self) -> Client {
        self.user("student@test.example")
    }

    /// Another student.
    pub fn other_student(&self) -> Client {
        self.user("other-student@test.example")
    }

    /// An instructor.
    pub fn instructor(&self) -> Client {
        self.user("instructor@test.example")
    }

    /// Another instructor.
    pub fn other_instructor(&self) -> Client {
        self.user("other-instructor@test.example")
    }

    /// An administrator.
    pub fn admin(&self) -> Client {
        self.user("admin@test.example")
    }

    /// Another administrator.
    pub fn other_admin(&self) -> Client {
        self.user("other-admin@test.example")
    }

    /// A client with a token of this user, whether or not there is one.
    pub fn sign_in_as(&self, id: Uuid, role: Role) -> Client {
        let (token, _) = self.lms.app.auth().jwt().issue(id, role.as_str());
        self.anonymous.signed_in(id, token)
    }

    /// The database's address.
    pub fn database_url(&self) -> String {
        self.db.url()
    }

    fn user(&self, email: &str) -> Client {
        let found = self.users.iter().find(|(_, _, known)| known == email);
        let (id, role, _) = found.expect("the template has every user");
        self.sign_in_as(*id, *role)
    }
}

/// Holds an answer of the LMS to be well formed, and what the OpenAPI document says: for [`Client::watched`].
///
/// # Panics
/// If it is not.
pub fn as_promised(reply: &Reply) {
    static PROMISES: LazyLock<Promises> = LazyLock::new(|| {
        let document = serde_json::from_str(include_str!("../openapi.json"));
        Promises::new(document.expect("it is JSON"))
    });
    reply.well_formed();
    reply.keeps(&PROMISES);
}

/// What signs and verifies the tokens of every [`TestApp`].
///
/// # Panics
/// Never: the secret is long enough.
pub fn jwt() -> Jwt {
    Jwt::new(JwtConfig::new(*b"a secret of tests, 32 bytes long")).expect("it is long enough")
}
