//! Users as those who sign in: looked up for every request, so that whoever is disabled, archived or
//! given another role is so at once; made together with their passwords.

use std::time::Duration;

use crud_core::{
    Context, Db, Error, Result,
    auth::{AuthError, Authenticator, Claims},
    cache::Deps,
    db::{DbError, Load},
    prelude::*,
};
use futures_util::future::BoxFuture;

use crate::{
    Lms,
    entities::user::{User, UserCreate, UserGet},
    jobs::SendWelcomeEmail,
    roles::Role,
    schema::users,
    sessions::{self, Account, Session},
};

/// Knows callers by their row in `users`.
pub struct Accounts {
    db: Db,
}

impl Accounts {
    pub(crate) const fn new(db: Db) -> Self {
        Self { db }
    }
}

impl Authenticator for Accounts {
    fn principal<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Principal>> {
        Box::pin(async move {
            let unknown = || Error::Unauthenticated("User not found".into());
            let id: Uuid = claims.sub.parse().map_err(|_| unknown())?;
            let deps = Deps::none().row(users::table, id);
            let load = account(self.db.clone(), id);
            let found = self.db.cached("principal", &claims.sub, TTL, deps, load);
            let found = found.await?;
            match found.first() {
                None => Err(unknown()),
                Some((_, false, _)) => {
                    Err(Error::Unauthenticated("User account is disabled".into()))
                }
                // Ours, and issued before the password was changed.
                Some((_, true, generation))
                    if !claims.foreign && claims.generation.unwrap_or(0) != *generation =>
                {
                    Err(AuthError::Generation.into())
                }
                Some((role, true, _)) => Ok(Principal::user(id, role.as_str())),
            }
        })
    }
}

/// What a request needs to know of its caller.
async fn account(db: Db, id: Uuid) -> Result<Vec<(Role, bool, i64)>> {
    let query = users::table
        .filter(users::id.eq(id))
        .filter(users::archived_at.is_null())
        .select((users::role, users::is_active, users::token_generation));
    db.fetch(query).await.map_err(Error::database)
}

/// How long a caller may be known without another look; a change of the user is known at once.
const TTL: Duration = Duration::from_secs(300);

/// A user who can sign in.
pub struct NewAccount {
    /// Where mail reaches the user.
    pub email: String,
    /// The user's name.
    pub full_name: String,
    /// The password, as it was typed.
    pub password: String,
    /// What the user is in the LMS.
    pub role: Role,
}

impl Lms {
    /// Makes a user who can sign in.
    ///
    /// # Errors
    /// 409 if the address is taken, 422 if a value is not accepted.
    pub async fn add_account(&self, new: NewAccount) -> Result<UserGet> {
        self.new_account(new, false).await
    }

    /// Signs a user up: makes the user, and welcomes him by mail.
    ///
    /// # Errors
    /// As [`add_account`](Self::add_account).
    pub async fn sign_up(&self, new: NewAccount) -> Result<UserGet> {
        self.new_account(new, true).await
    }

    async fn new_account(&self, new: NewAccount, is_welcomed: bool) -> Result<UserGet> {
        let hash = self.passwords.hash(new.password).await?;
        let user = UserCreate {
            email: new.email,
            full_name: new.full_name,
            role: new.role,
            is_active: true,
            properties: None,
        };
        let registry = self.app.registry();
        let work = async move |tx: &crud_core::Tx| -> Result<UserGet, Failure> {
            let system = Principal::system();
            let cx = Context::within(registry, tx, &system);
            let user = cx.create::<User>(user).await?;
            let query = diesel::update(users::table.filter(users::id.eq(user.id)))
                .set(users::password_hash.eq(hash));
            tx.run(query).await.map_err(Error::database)?;
            if is_welcomed {
                let mail = SendWelcomeEmail {
                    user_id: user.id,
                    email: user.email.clone(),
                    full_name: user.full_name.clone(),
                };
                tx.enqueue(&mail).await?;
            }
            Ok(user)
        };
        self.app
            .db()
            .transaction(work)
            .await
            .map_err(|failure| failure.0)
    }

    /// Signs a user in, if the password is his. As slow for an unknown address as for a known one.
    ///
    /// # Errors
    /// 401 if it is not, or the user is disabled.
    pub async fn sign_in(&self, email: &str, password: String) -> Result<Session> {
        let query = users::table
            .filter(users::email.eq(email.trim().to_lowercase()))
            .filter(users::archived_at.is_null())
            .select((
                users::id,
                users::role,
                users::is_active,
                users::token_generation,
                users::password_hash,
            ));
        let found: Vec<(Uuid, Role, bool, i64, Option<String>)> =
            self.app.db().fetch(query).await.map_err(Error::database)?;
        let user = found.into_iter().next();
        let hash = user.as_ref().and_then(|(.., hash)| hash.clone());
        let right = self.passwords.verify(password.clone(), hash).await?;
        match user {
            Some((id, role, true, generation, hash)) if right => {
                let account = Account {
                    id,
                    role,
                    generation,
                };
                let rehashed = self.rehash(password, hash).await;
                self.open_session(account, rehashed).await
            }
            Some((_, _, false, ..)) if right => {
                Err(Error::Unauthenticated("User account is disabled".into()))
            }
            _ => Err(Error::Unauthenticated("Wrong email or password".into())),
        }
    }

    /// The hash of a right password and a new one, if it was made with other parameters than today's.
    async fn rehash(&self, password: String, hash: Option<String>) -> Option<(String, String)> {
        let old = hash.filter(|hash| self.passwords.needs_rehash(hash))?;
        // A failure must keep nobody out: the next sign-in tries again.
        let new = self.passwords.hash(password).await.ok()?;
        Some((old, new))
    }

    /// Gives a user another password, and ends whatever was issued under the old one: all refresh
    /// tokens, and all access tokens from the next request on.
    ///
    /// # Errors
    /// 422 if the current password is another, or the new one is not accepted.
    pub async fn change_password(&self, user: Uuid, current: String, new: String) -> Result<()> {
        let wrong = || {
            let detail = "This is not the current password";
            Error::invalid("/current_password", "wrong", detail)
        };
        let query = users::table
            .filter(users::id.eq(user))
            .select(users::password_hash);
        let found: Vec<Option<String>> =
            self.app.db().fetch(query).await.map_err(Error::database)?;
        let old = found.into_iter().next().flatten();
        if !self.passwords.verify(current, old.clone()).await? {
            return Err(wrong());
        }
        let new = match self.passwords.hash(new).await {
            Err(Error::Invalid(faults)) => {
                let detail = faults
                    .into_iter()
                    .map(|fault| fault.detail)
                    .collect::<String>();
                return Err(Error::invalid("/new_password", "length", detail));
            }
            other => other?,
        };
        let work = async move |tx: &crud_core::Tx| -> Result<bool, Failure> {
            let query = users::table
                .filter(users::id.eq(user))
                .filter(users::password_hash.eq(old));
            let query = diesel::update(query).set((
                users::password_hash.eq(new),
                users::token_generation.eq(users::token_generation + 1),
            ));
            let is_changed = tx.run(query).await? == 1;
            if is_changed {
                sessions::revoke_all(tx, user, Timestamp::now()).await?;
            }
            Ok(is_changed)
        };
        match self.app.db().transaction(work).await {
            Ok(true) => Ok(()),
            // Somebody was faster: what was the current password no longer is.
            Ok(false) => Err(wrong()),
            Err(Failure(error)) => Err(error),
        }
    }
}

/// What ends a transaction: the operations' errors, and the database's own.
pub(crate) struct Failure(pub(crate) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self(Error::database(error))
    }
}
