//! What follows a sign-in: an access token for the API and a refresh token that renews both, once.
//!
//! A refresh token that comes back after it was used is a copy, and nobody can tell whose: its whole
//! family is revoked. Whatever makes or ends tokens locks the user first, so that a token made at the
//! same moment as its family ends does not survive it. Tokens are stored as hashes only.

use crud_core::{
    Db, Error, Result, Tx,
    auth::OpaqueToken,
    db::{Access, DbResult, Load, Stmt},
    prelude::*,
    sql_types as st,
};

use crate::{
    Lms,
    accounts::Failure,
    roles::Role,
    schema::{refresh_tokens, users},
};

/// How long a refresh token is good for: 30 days.
const LIFETIME_MICROS: i64 = 30 * 24 * 60 * 60 * 1_000_000;

/// The tokens of someone who has just signed in, or gone on being so.
pub struct Session {
    /// Goes into `Authorization: Bearer …`.
    pub access_token: String,
    /// How long the access token is good for, in seconds.
    pub expires_in: u64,
    /// Gives the next session, once.
    pub refresh_token: String,
}

/// A user who may sign in, as far as tokens are concerned.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    pub(crate) generation: i64,
}

impl Lms {
    /// The first tokens of a user whose password was right. `rehashed` replaces a hash (the first)
    /// of old parameters.
    ///
    /// # Errors
    /// 401 if the user was disabled or changed the password since.
    pub(crate) async fn open_session(
        &self,
        account: Account,
        rehashed: Option<(String, String)>,
    ) -> Result<Session> {
        let work = async move |tx: &Tx| -> Result<Option<String>, Failure> {
            match lock(tx, account.id).await? {
                Some(now) if now.generation == account.generation => {}
                _ => return Ok(None),
            }
            if let Some((old, new)) = rehashed {
                let query = users::table
                    .filter(users::id.eq(account.id))
                    .filter(users::password_hash.eq(old));
                let query = diesel::update(query).set(users::password_hash.eq(new));
                tx.run(query).await?;
            }
            let token = add(tx, account.id, Uuid::now_v7(), Timestamp::now()).await?;
            Ok(Some(token))
        };
        match self.app.db().transaction(work).await {
            Ok(Some(token)) => Ok(self.session(account, token)),
            Ok(None) => Err(Error::Unauthenticated("Wrong email or password".into())),
            Err(Failure(error)) => Err(error),
        }
    }

    /// The next tokens in exchange for a refresh token. It is used up by that, also if the answer
    /// never arrives: there is no time of grace.
    ///
    /// # Errors
    /// 401 if it is unknown, used, expired or revoked, or its user may not sign in. All tokens of its
    /// family are revoked then.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Session> {
        let hash = OpaqueToken::hash(refresh_token);
        let Some((user, family)) = self.family(&hash).await? else {
            return Err(refused());
        };
        let work = async move |tx: &Tx| -> Result<Option<(Account, String)>, Failure> {
            let account = lock(tx, user).await?;
            let now = Timestamp::now();
            let is_first = use_up(tx, hash, now).await?;
            if let Some(account) = account
                && is_first
            {
                let token = add(tx, user, family, now).await?;
                return Ok(Some((account, token)));
            }
            // Committed although the answer is a refusal.
            if revoke_family(tx, family, now).await? > 0 {
                tracing::warn!(%user, %family, "a refresh token was refused and its family revoked");
            }
            Ok(None)
        };
        match self.app.db().transaction(work).await {
            Ok(Some((account, token))) => Ok(self.session(account, token)),
            Ok(None) => Err(refused()),
            Err(Failure(error)) => Err(error),
        }
    }

    /// Ends the family of a refresh token, if there is one.
    ///
    /// # Errors
    /// Whatever the database has.
    pub async fn sign_out(&self, refresh_token: &str) -> Result<()> {
        let hash = OpaqueToken::hash(refresh_token);
        let Some((user, family)) = self.family(&hash).await? else {
            return Ok(());
        };
        let work = async move |tx: &Tx| -> Result<(), Failure> {
            lock(tx, user).await?;
            revoke_family(tx, family, Timestamp::now()).await?;
            Ok(())
        };
        let done = self.app.db().transaction(work).await;
        done.map_err(|Failure(error)| error)
    }

    /// Whose token it is, and of which family: neither ever changes.
    async fn family(&self, hash: &[u8]) -> Result<Option<(Uuid, Uuid)>> {
        let query = refresh_tokens::table
            .filter(refresh_tokens::token_hash.eq(hash.to_vec()))
            .select((refresh_tokens::user_id, refresh_tokens::family));
        let found: Vec<(Uuid, Uuid)> = self.app.db().fetch(query).await.map_err(Error::database)?;
        Ok(found.into_iter().next())
    }

    fn session(&self, account: Account, refresh_token: String) -> Session {
        let jwt = self.app.auth().jwt();
        let (access_token, expires_in) =
            jwt.issue_in(account.generation, account.id, account.role.as_str());
        Session {
            access_token,
            expires_in,
            refresh_token,
        }
    }
}

/// One answer for all: the reason would help a thief only.
fn refused() -> Error {
    Error::Unauthenticated("Invalid token".into())
}

/// Removes the refresh tokens that have expired; says how many.
///
/// # Errors
/// Whatever the database has.
pub async fn purge_expired(db: &Db, now: Timestamp) -> DbResult<usize> {
    let expired = refresh_tokens::table.filter(refresh_tokens::expires_at.le(now));
    db.run(diesel::delete(expired)).await
}

/// Ends all families of a user, who is locked.
pub(crate) async fn revoke_all(tx: &Tx, user: Uuid, now: Timestamp) -> DbResult<usize> {
    let alive = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(user))
        .filter(refresh_tokens::revoked_at.is_null());
    let query = diesel::update(alive).set(refresh_tokens::revoked_at.eq(now));
    tx.run(query).await
}

/// Ends a family of a user who is locked.
async fn revoke_family(tx: &Tx, family: Uuid, now: Timestamp) -> DbResult<usize> {
    let alive = refresh_tokens::table
        .filter(refresh_tokens::family.eq(family))
        .filter(refresh_tokens::revoked_at.is_null());
    let query = diesel::update(alive).set(refresh_tokens::revoked_at.eq(now));
    tx.run(query).await
}

/// Locks the user until the transaction ends; none if he may not sign in. SQLite has one writer
/// at a time anyway.
async fn lock(tx: &Tx, id: Uuid) -> DbResult<Option<Account>> {
    let query = users::table.filter(users::id.eq(id)).select((
        users::role,
        users::is_active,
        users::archived_at.is_null(),
        users::token_generation,
    ));
    let statement = Stmt::new().add(query).per_backend(" FOR NO KEY UPDATE", "");
    type Columns = (st::Text, st::Bool, st::Bool, st::BigInt);
    let found = tx.load::<(Role, bool, bool, i64), Columns>(Access::Write, statement);
    let found = found.await?.into_iter().next();
    Ok(found
        .filter(|(_, is_active, is_there, _)| *is_active && *is_there)
        .map(|(role, _, _, generation)| Account {
            id,
            role,
            generation,
        }))
}

/// Whether the token was good until now. This one statement decides which of several refreshes wins.
async fn use_up(tx: &Tx, hash: Vec<u8>, now: Timestamp) -> DbResult<bool> {
    let good = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(hash))
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::revoked_at.is_null())
        .filter(refresh_tokens::expires_at.gt(now));
    let query = diesel::update(good).set(refresh_tokens::used_at.eq(now));
    Ok(tx.run(query).await? == 1)
}

/// Adds a token to a family of a user who is locked; gives its text.
async fn add(tx: &Tx, user: Uuid, family: Uuid, now: Timestamp) -> Result<String> {
    let Ok(expires_at) = Timestamp::from_micros(now.micros().saturating_add(LIFETIME_MICROS))
    else {
        return Err(Error::internal("the clock is past the year 9999"));
    };
    let token = OpaqueToken::new()?.into_text();
    let query = diesel::insert_into(refresh_tokens::table).values((
        refresh_tokens::id.eq(Uuid::now_v7()),
        refresh_tokens::user_id.eq(user),
        refresh_tokens::family.eq(family),
        refresh_tokens::token_hash.eq(OpaqueToken::hash(&token)),
        refresh_tokens::expires_at.eq(expires_at),
        refresh_tokens::created_at.eq(now),
    ));
    tx.run(query).await.map_err(Error::database)?;
    Ok(token)
}
