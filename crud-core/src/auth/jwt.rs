//! Access tokens: signs them by HS256 with one secret, and checks them, those of another issuer's
//! [`KeySet`] too. An algorithm belongs to its key, never to the token.
//!
//! [`Auth`](super::Auth) verifies a token for each request, so this is written for speed: a signature
//! that was found good is remembered for a minute, the header is compared with the two usual spellings
//! before it is parsed, and the claims are parsed once.
//! It never says to a client *why* a token is refused.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header};
use moka::sync::Cache;
use tokio::sync::Notify;

use super::{
    claims::{Audience, Claims},
    keys::{JoseHeader, Key, KeySet, decode},
};
use crate::{Error, Uuid};

/// The shortest secret that is accepted, in bytes: the output size of SHA-256 (RFC 7518 §3.2).
const MIN_SECRET_BYTES: usize = 32;
/// The most that clocks may differ (RFC 8725 asks for no more than a few minutes; we ask for less).
const MAX_LEEWAY: Duration = Duration::from_secs(30);
/// Longer tokens are refused unread.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The `typ` claim of the tokens that this server issues for calling it.
const ACCESS: &str = "access";
/// The most verified tokens that are remembered, and for how long: enough for whoever calls often.
const REMEMBERED: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// The `typ` claims of another issuer's tokens for calling.
const FOREIGN_ACCESS: [&str; 2] = [ACCESS, "Bearer"];

/// How tokens are signed and what is demanded of them.
///
/// ```
/// use crud_core::{Uuid, auth::{Jwt, JwtConfig}};
///
/// let jwt = Jwt::new(JwtConfig::new("at least thirty-two bytes of secret"))?;
/// let (token, seconds) = jwt.issue(Uuid::now_v7(), "teacher");
/// assert_eq!(jwt.verify(&token).unwrap().role.as_deref(), Some("teacher"));
/// assert!(Jwt::new(JwtConfig::new("short")).is_err());
/// # Ok::<(), crud_core::auth::JwtConfigError>(())
/// ```
#[derive(Clone)]
pub struct JwtConfig {
    /// The HS256 secret, at least 32 bytes.
    pub secret: Vec<u8>,
    /// Written into `iss` and demanded of every token; `None` leaves the claim alone.
    pub issuer: Option<String>,
    /// Written into `aud` and demanded of every token; `None` leaves the claim alone.
    pub audience: Option<String>,
    /// How long an access token is good for.
    pub access_ttl: Duration,
    /// How far the clocks of issuer and server may differ; at most 30 s.
    pub leeway: Duration,
}

impl JwtConfig {
    /// A secret with the usual times: tokens live 15 minutes, clocks may differ by 5 seconds.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self {
            secret: secret.into(),
            issuer: None,
            audience: None,
            access_ttl: Duration::from_secs(15 * 60),
            leeway: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for JwtConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtConfig")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("access_ttl", &self.access_ttl)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}

/// A [`JwtConfig`] that would not be safe.
///
/// ```
/// use crud_core::auth::{Jwt, JwtConfig, JwtConfigError};
///
/// let refused = Jwt::new(JwtConfig::new("a short secret")).unwrap_err();
/// assert_eq!(refused, JwtConfigError::ShortSecret(14));
/// assert_eq!(refused.to_string(), "The token secret has 14 bytes; at least 32 are needed");
/// ```
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtConfigError {
    /// The secret could be guessed.
    #[error("The token secret has {0} bytes; at least 32 are needed")]
    ShortSecret(usize),
    /// Tokens would outlive themselves.
    #[error("The token leeway is {0:?}; at most 30 s are accepted")]
    LongLeeway(Duration),
    /// Tokens would be born dead.
    #[error("The token lifetime is {0:?}; at least 1 s is needed")]
    ShortLifetime(Duration),
}

/// Why a token is refused. For the log and for tests; a client always reads "Invalid token".
///
/// ```
/// use crud_core::{Error, Uuid, auth::{AuthError, Jwt, JwtConfig}};
///
/// let ours = Jwt::new(JwtConfig::new("the secret that signs our own tokens"))?;
/// let (token, _) = Jwt::new(JwtConfig::new("the secret of somebody else's tokens"))?.issue(Uuid::now_v7(), "admin");
/// let refused = ours.verify(&token).unwrap_err();
/// assert_eq!(refused, AuthError::Signature);
/// assert_eq!(Error::from(refused).to_string(), "Invalid token");
/// # Ok::<(), crud_core::auth::JwtConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// Not three base64 parts of JSON, or longer than any of ours.
    #[error("the token is malformed")]
    Malformed,
    /// The header names another algorithm than the key's, another type than JWT, or a critical extension.
    #[error("the token's header is not accepted")]
    Header,
    /// It names a key that is not known (any more, or yet).
    #[error("the token's key is not known")]
    Key,
    /// Signed with another key, or changed since.
    #[error("the token's signature is wrong")]
    Signature,
    /// `sub` or `exp` is missing, or a claim has the wrong type.
    #[error("the token's claims are incomplete")]
    Claims,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its user has a later generation of tokens.
    #[error("the token is of an earlier generation")]
    Generation,
    /// Made for something else than calling, such as refreshing.
    #[error("the token is of another type")]
    Type,
    /// `iss` is not the configured one.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud` does not name this server.
    #[error("the token is for another audience")]
    Audience,
}

impl From<AuthError> for Error {
    /// One answer for all: the reason would help a forger only.
    fn from(_: AuthError) -> Self {
        Self::Unauthenticated("Invalid token".into())
    }
}

/// Signs access tokens and verifies them.
///
/// ```
/// use crud_core::{Uuid, auth::{Jwt, JwtConfig}};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = "at least thirty-two bytes of secret";
/// let jwt = Jwt::new(JwtConfig { access_ttl: Duration::from_secs(600), ..JwtConfig::new(secret) })?;
/// let id = Uuid::now_v7();
/// let (token, seconds) = jwt.issue(id, "teacher");
/// assert_eq!((jwt.verify(&token)?.sub.clone(), seconds), (id.to_string(), 600));
/// # Ok(())
/// # }
/// ```
pub struct Jwt {
    key: Key,
    signing: EncodingKey,
    /// What other secrets are derived from.
    root: [u8; 32],
    issuer: Option<String>,
    audience: Option<String>,
    ttl: i64,
    leeway: i64,
    trusted: RwLock<Arc<KeySet>>,
    /// Raised with each change of `trusted`.
    epoch: AtomicU64,
    /// Wakes whoever fetches keys: a token named one that is not known.
    missed: Notify,
    /// Tokens whose signature was found good in an epoch. Only that is remembered: times are looked at again.
    verified: Cache<Box<str>, (u64, Arc<Claims>)>,
}

impl Jwt {
    /// Checks the configuration and prepares the keys.
    ///
    /// # Errors
    /// For a secret under 32 bytes, a leeway over 30 s or a lifetime under 1 s.
    pub fn new(config: JwtConfig) -> Result<Self, JwtConfigError> {
        if config.secret.len() < MIN_SECRET_BYTES {
            return Err(JwtConfigError::ShortSecret(config.secret.len()));
        }
        if config.leeway > MAX_LEEWAY {
            return Err(JwtConfigError::LongLeeway(config.leeway));
        }
        if config.access_ttl < Duration::from_secs(1) {
            return Err(JwtConfigError::ShortLifetime(config.access_ttl));
        }
        Ok(Self {
            key: Key::hs256(&config.secret),
            signing: EncodingKey::from_secret(&config.secret),
            root: blake3::derive_key("crud-core secrets for other purposes", &config.secret),
            issuer: config.issuer,
            audience: config.audience,
            ttl: seconds(config.access_ttl),
            leeway: seconds(config.leeway),
            trusted: RwLock::new(Arc::new(KeySet::NONE)),
            epoch: AtomicU64::new(0),
            missed: Notify::new(),
            verified: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REMEMBERED_FOR)
                .build(),
        })
    }

    /// A secret for another purpose, which tells nothing of the one that signs tokens; the same wherever that is
    /// the same.
    pub(crate) fn derived_secret(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.root)
    }

    /// A new access token for a user, and the seconds it is good for.
    pub fn issue(&self, subject: Uuid, role: &str) -> (String, u64) {
        self.sign(subject, role, None)
    }

    /// The same for a user whose tokens have generations; see [`Claims::generation`].
    ///
    /// ```
    /// use crud_core::{Uuid, auth::{Jwt, JwtConfig}};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let jwt = Jwt::new(JwtConfig::new("at least thirty-two bytes of secret"))?;
    /// let (token, _) = jwt.issue_in(2, Uuid::now_v7(), "teacher");
    /// // An authenticator compares it with the user's, and so refuses what was issued before a sign-out.
    /// assert_eq!(jwt.verify(&token)?.generation, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn issue_in(&self, generation: i64, subject: Uuid, role: &str) -> (String, u64) {
        self.sign(subject, role, Some(generation))
    }

    fn sign(&self, subject: Uuid, role: &str, generation: Option<i64>) -> (String, u64) {
        let now = now();
        let claims = Claims {
            sub: subject.to_string(),
            role: Some(role.to_owned()),
            generation,
            exp: now.saturating_add(self.ttl),
            iat: Some(now),
            nbf: None,
            iss: self.issuer.clone(),
            aud: self.audience.clone().map(Audience::One),
            typ: Some(ACCESS.to_owned()),
            foreign: false,
        };
        let header = Header::new(self.key.algorithm);
        let token = jsonwebtoken::encode(&header, &claims, &self.signing)
            .expect("a secret of any length signs, and the claims are strings and numbers");
        (token, self.ttl.unsigned_abs())
    }

    /// The claims of a token that is ours, in force and meant for calling.
    ///
    /// # Errors
    /// Says why it is not; see [`AuthError`].
    pub fn verify(&self, token: &str) -> Result<Arc<Claims>, AuthError> {
        self.verify_at(token, now())
    }

    fn verify_at(&self, token: &str, now: i64) -> Result<Arc<Claims>, AuthError> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let known = self.verified.get(token);
        let claims = match known.filter(|(at, _)| *at == epoch) {
            Some((_, claims)) => claims,
            None => {
                let claims = Arc::new(self.signed(token)?);
                let known = (epoch, Arc::clone(&claims));
                self.verified.insert(token.into(), known);
                claims
            }
        };
        self.check_claims(&claims, now)?;
        Ok(claims)
    }

    /// The claims of a token that carries our signature, or that of an issuer we trust.
    fn signed(&self, token: &str) -> Result<Claims, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(AuthError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(AuthError::Malformed)?;
        let header = JoseHeader::read(header)?;
        if header.is_ours() {
            self.key.verify(message, signature)?;
            return claims(payload);
        }
        let trusted = self.trusted();
        if trusted.keys.is_empty() {
            return Err(AuthError::Header);
        }
        let Some(key) = trusted.find(&header) else {
            self.missed.notify_one();
            return Err(AuthError::Key);
        };
        key.verify(message, signature)?;
        let claims = Claims {
            foreign: true,
            ..claims(payload)?
        };
        match trusted.issuer.is_some() && claims.iss != trusted.issuer {
            true => Err(AuthError::Issuer),
            false => Ok(claims),
        }
    }

    /// Takes tokens that these keys signed, too; those of an earlier set are refused from now on.
    pub fn trust(&self, keys: KeySet) {
        let mut trusted = self.trusted.write().unwrap_or_else(PoisonError::into_inner);
        *trusted = Arc::new(keys);
        // Behind the change: who reads the new epoch finds the new keys.
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Waits until a token names a key that is not known.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }

    fn trusted(&self) -> Arc<KeySet> {
        let trusted = self.trusted.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&trusted)
    }

    fn check_claims(&self, claims: &Claims, now: i64) -> Result<(), AuthError> {
        if claims.sub.is_empty() {
            return Err(AuthError::Claims);
        }
        if now >= claims.exp.saturating_add(self.leeway) {
            return Err(AuthError::Expired);
        }
        let latest_start = now.saturating_add(self.leeway);
        let starts = [claims.nbf, claims.iat];
        if starts.into_iter().flatten().any(|at| at > latest_start) {
            return Err(AuthError::NotYetValid);
        }
        let purposes = match claims.foreign {
            true => &FOREIGN_ACCESS[..],
            false => &FOREIGN_ACCESS[..1],
        };
        if claims
            .typ
            .as_deref()
            .is_some_and(|typ| !purposes.contains(&typ))
        {
            return Err(AuthError::Type);
        }
        // That of a foreign token was compared with its key's.
        if !claims.foreign && self.issuer.is_some() && claims.iss != self.issuer {
            return Err(AuthError::Issuer);
        }
        if let Some(audience) = &self.audience
            && !claims.aud.as_ref().is_some_and(|aud| aud.names(audience))
        {
            return Err(AuthError::Audience);
        }
        Ok(())
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.key.algorithm)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

fn claims(payload: &str) -> Result<Claims, AuthError> {
    // Only what carries a signature is parsed.
    serde_json::from_slice(&decode(payload)?).map_err(|_| AuthError::Claims)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    // A clock before 1970 lets no token pass that has ever been issued.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(i64::MAX, seconds)
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
