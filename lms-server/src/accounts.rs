//! Users as those who sign in: looked up for every request, so that whoever is disabled, archived or
//! given another role is so at once; made together with their passwords.

use crud_core::{
    Context, Db, Error, Result,
    auth::{Authenticator, Claims},
    db::{DbError, Load},
    prelude::*,
};
use futures_util::future::BoxFuture;

use crate::{
    Lms,
    entities::user::{User, UserCreate, UserGet},
    roles::Role,
    schema::users,
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
            let query = users::table
                .filter(users::id.eq(id))
                .filter(users::archived_at.is_null())
                .select((users::role, users::is_active));
            let found: Vec<(Role, bool)> = self.db.fetch(query).await.map_err(unavailable)?;
            match found.first() {
                None => Err(unknown()),
                Some((_, false)) => Err(Error::Unauthenticated("User account is disabled".into())),
                Some((role, true)) => Ok(Principal::user(id, role.as_str())),
            }
        })
    }
}

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
            tx.run(query).await.map_err(unavailable)?;
            Ok(user)
        };
        self.app
            .db()
            .transaction(work)
            .await
            .map_err(|failure| failure.0)
    }

    /// The user's id, if the password is his. As slow for an unknown address as for a known one.
    ///
    /// # Errors
    /// 401 if it is not, or the user is disabled.
    pub async fn sign_in(&self, email: &str, password: String) -> Result<(Uuid, Role)> {
        let query = users::table
            .filter(users::email.eq(email.trim().to_lowercase()))
            .filter(users::archived_at.is_null())
            .select((
                users::id,
                users::role,
                users::is_active,
                users::password_hash,
            ));
        let found: Vec<(Uuid, Role, bool, Option<String>)> =
            self.app.db().fetch(query).await.map_err(unavailable)?;
        let user = found.into_iter().next();
        let hash = user.as_ref().and_then(|(_, _, _, hash)| hash.clone());
        let right = self.passwords.verify(password, hash).await?;
        match user {
            Some((id, role, true, _)) if right => Ok((id, role)),
            Some((_, _, false, _)) if right => {
                Err(Error::Unauthenticated("User account is disabled".into()))
            }
            _ => Err(Error::Unauthenticated("Wrong email or password".into())),
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
        Self(unavailable(error))
    }
}

/// A statement that can fail only if the database is away or broken.
pub(crate) fn unavailable(error: DbError) -> Error {
    if error.is_transient() {
        Error::Unavailable(Some(error.into()))
    } else {
        Error::internal(error)
    }
}
