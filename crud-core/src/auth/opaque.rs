//! Opaque tokens: random texts that say nothing by themselves, such as refresh tokens.
//!
//! The application hands the text out once and keeps its hash; a lookup by hash needs no secret and
//! no salt, because 256 random bits can't be guessed. The text is never stored or logged.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// A token of 256 random bits. Its `Debug` form does not show it.
///
/// ```
/// use crud_core::auth::OpaqueToken;
///
/// let token = OpaqueToken::new()?.into_text();
/// let kept = OpaqueToken::hash(&token);
/// assert_eq!((token.len(), kept.len()), (43, 32));
/// # Ok::<(), crud_core::Error>(())
/// ```
pub struct OpaqueToken(String);

impl OpaqueToken {
    /// A new one, from the operating system's randomness.
    ///
    /// # Errors
    /// 500 when there is no randomness to be had.
    pub fn new() -> Result<Self> {
        let mut bytes = [0_u8; 32];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Ok(Self(URL_SAFE_NO_PAD.encode(bytes))),
            Err(error) => Err(Error::internal(std::io::Error::other(error))),
        }
    }

    /// What is stored: the SHA-256 of a token's text, 32 bytes. Any text has one, ours or not.
    pub fn hash(text: &str) -> Vec<u8> {
        Sha256::digest(text.as_bytes()).to_vec()
    }

    /// What is handed out: 43 characters that need no escaping anywhere.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueToken").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_have_43_characters_that_need_no_escaping() {
        let [one, other] = [(); 2].map(|()| OpaqueToken::new().unwrap().into_text());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(one.chars().all(plain), "{one}");
    }

    #[test]
    fn the_hash_is_sha_256() {
        let hash = OpaqueToken::hash("abc");
        assert_eq!(hash.len(), 32);
        assert_eq!(hash[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn the_debug_form_does_not_show_the_token() {
        let token = OpaqueToken::new().unwrap();
        assert_eq!(format!("{token:?}"), "OpaqueToken { .. }");
    }
}
