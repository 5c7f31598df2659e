//! From the `Authorization` header to a [`Principal`]. The router calls [`Auth`] for its own routes;
//! handlers outside it take [`CurrentUser`] or [`Caller`].
//!
//! What a verified token is worth is the application's to say, through an [`Authenticator`].

use std::{fmt, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use futures_util::future::BoxFuture;

use super::{AuthError, Claims, Jwt};
use crate::{Error, Principal, Result, telemetry};

/// Turns a verified token into the caller: looks the user up, or trusts the token.
///
/// ```
/// use crud_core::{Error, Principal, Result, auth::{Authenticator, Claims}};
/// use futures_util::future::BoxFuture;
///
/// /// Knows administrators by a claim of another name.
/// struct Groups;
///
/// impl Authenticator for Groups {
///     fn principal<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Principal>> {
///         Box::pin(async move {
///             let unknown = |_| Error::Unauthenticated("User not found".into());
///             Ok(Principal::user(claims.sub.parse().map_err(unknown)?, "admin"))
///         })
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync {
    /// The principal that these claims speak for.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the user is unknown or disabled; anything else when that
    /// can't be found out.
    fn principal<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Principal>>;
}

/// Trusts the token: `sub` is the user's id and `role` the role, as they were when it was issued.
///
/// ```
/// use crud_core::{Uuid, auth::{Auth, Jwt, JwtConfig, TokenAuthenticator}};
///
/// let auth = Auth::new(Jwt::new(JwtConfig::new(*b"at least thirty-two bytes of secret!"))?, TokenAuthenticator);
/// let (token, _) = auth.jwt().issue(Uuid::now_v7(), "admin");
/// assert_eq!(token.split('.').count(), 3);
/// # Ok::<(), crud_core::auth::JwtConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenAuthenticator;

impl Authenticator for TokenAuthenticator {
    fn principal<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Principal>> {
        Box::pin(async move {
            let Ok(id) = claims.sub.parse() else {
                return Err(AuthError::Claims.into());
            };
            Ok(Principal::user(
                id,
                claims.role.as_deref().unwrap_or_default(),
            ))
        })
    }
}

/// Authenticates requests.
///
/// ```
/// use crud_core::auth::{Auth, Jwt, JwtConfig, TokenAuthenticator};
///
/// let jwt = Jwt::new(JwtConfig::new("at least thirty-two bytes of secret"))?;
/// let auth = Auth::new(jwt, TokenAuthenticator);
/// # Ok::<(), crud_core::auth::JwtConfigError>(())
/// ```
pub struct Auth {
    jwt: Jwt,
    authenticator: Box<dyn Authenticator>,
}

impl Auth {
    /// Tokens of `jwt`, whose bearers `authenticator` knows.
    pub fn new(jwt: Jwt, authenticator: impl Authenticator + 'static) -> Self {
        Self {
            jwt,
            authenticator: Box::new(authenticator),
        }
    }

    /// Signs and verifies the tokens.
    pub const fn jwt(&self) -> &Jwt {
        &self.jwt
    }

    /// The caller: anonymous without an `Authorization` header, else whoever the token names.
    ///
    /// # Errors
    /// 401 when there is a header but no `Bearer` token in it, when the token is not good, or when
    /// its user is not; 503 or 500 when the user can't be looked up.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::http::{HeaderMap, header};
    ///
    /// let app = app().await;
    /// let id = Uuid::now_v7();
    /// let mut headers = HeaderMap::new();
    /// assert!(app.auth().principal(&headers).await?.is_anonymous());
    /// let (token, _) = app.auth().jwt().issue(id, "teacher");
    /// headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse()?);
    /// assert_eq!(app.auth().principal(&headers).await?, Principal::user(id, "teacher"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn principal(&self, headers: &HeaderMap) -> Result<Principal> {
        let Some(token) = bearer(headers)? else {
            return Ok(Principal::anonymous());
        };
        let claims = self.jwt.verify(token)?;
        let principal = self.authenticator.principal(&claims).await?;
        telemetry::note_principal(&principal);
        Ok(principal)
    }

    /// The caller of a route that serves anonymous callers too: whatever is wrong with the header,
    /// the token or the user makes the caller anonymous, never a 401.
    ///
    /// # Errors
    /// Only when the user can't be looked up (503, 500): a caller must not be shown the anonymous
    /// view because the database is away.
    pub async fn optional_principal(&self, headers: &HeaderMap) -> Result<Principal> {
        match self.principal(headers).await {
            Err(Error::Unauthenticated(_)) => Ok(Principal::anonymous()),
            other => other,
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("jwt", &self.jwt)
            .finish_non_exhaustive()
    }
}

/// The token of the one `Authorization: Bearer …` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let token = match value.to_str() {
        Ok(text) => text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty()),
        Err(_) => None,
    };
    // Two headers may say different things to a proxy and to us.
    match (token, values.next()) {
        (Some(token), None) => Ok(Some(token)),
        _ => Err(Error::Unauthenticated(
            "Invalid authorization header".into(),
        )),
    }
}

/// Extracts the signed-in caller; 401 without one. The router's state must offer an `Arc<Auth>`
/// ([`FromRef`]).
///
/// ```
/// use crud_core::{App, auth::CurrentUser, openapi::{Operation, Routes}};
///
/// async fn own_role(CurrentUser(by): CurrentUser) -> String {
///     by.role().unwrap_or_default().to_owned()
/// }
///
/// let routes: Routes<App> = Routes::new()
///     .route(Operation::get("/role", "get_role").returns::<String>(200, "The role"), own_role);
/// ```
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Principal);

impl<S> FromRequestParts<S> for CurrentUser
where
    Arc<Auth>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let auth = Arc::<Auth>::from_ref(state);
        let principal = auth.principal(&parts.headers).await?;
        if principal.is_anonymous() {
            return Err(Error::Unauthenticated("Unauthorized".into()));
        }
        Ok(Self(principal))
    }
}

/// Extracts the caller, signed in or anonymous; a bad token means anonymous. The router's state
/// must offer an `Arc<Auth>` ([`FromRef`]).
///
/// ```
/// use crud_core::auth::Caller;
///
/// async fn greeting(Caller(by): Caller) -> &'static str {
///     if by.is_anonymous() { "Welcome" } else { "Welcome back" }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl<S> FromRequestParts<S> for Caller
where
    Arc<Auth>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let auth = Arc::<Auth>::from_ref(state);
        auth.optional_principal(&parts.headers).await.map(Self)
    }
}

#[cfg(test)]
#[path = "principal_tests.rs"]
mod tests;
