//! Who is calling: access tokens ([`Jwt`]), what renews them ([`OpaqueToken`]), [`Passwords`].
//! [`Auth`] makes a [`Principal`](crate::Principal) of a request's `Authorization` header.
//!
//! The router asks [`Auth`] before it reads a body; the application's sign-in routes use [`Jwt`] and
//! [`Passwords`]. What a principal may do is the policy's business and never decided here.

mod claims;
mod jwt;
mod keys;
mod opaque;
mod password;
mod principal;
mod source;

pub use claims::{Audience, Claims};
pub use jwt::{AuthError, Jwt, JwtConfig, JwtConfigError};
pub use keys::{KeySet, KeySetError};
pub use opaque::OpaqueToken;
pub use password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, Passwords};
pub use principal::{Auth, Authenticator, Caller, CurrentUser, TokenAuthenticator};
pub use source::{KeySource, KeySourceError};

/// A fresh random secret: 32 bytes from the operating system, as 64 hexadecimal digits.
///
/// # Errors
/// When the operating system has no randomness to give.
///
/// ```
/// assert_eq!(crud_core::auth::random_secret()?.len(), 64);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn random_secret() -> std::io::Result<String> {
    use std::fmt::Write as _;

    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
