//! The keys that tokens are verified with: each belongs to one algorithm, so that a token can never
//! choose how it is looked at (RFC 8725 §3.1). [`KeySet`] holds those of another issuer (RFC 7517).
//!
//! [`Jwt`](super::Jwt) is the only user. Nothing here fetches anything; [`KeySource`](super::KeySource) does.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, crypto,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde::{Deserialize, de::IgnoredAny};

use super::AuthError;

/// The fewest bits of an RSA key (RFC 7518 §3.3).
const MIN_RSA_BITS: usize = 2048;
/// `{"typ":"JWT","alg":"HS256"}` and `{"alg":"HS256","typ":"JWT"}`, which nearly every token of ours has.
pub(super) const USUAL_HEADERS: [&str; 2] = [
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
];

/// The public keys of another issuer, whose tokens are taken beside those that this server signs.
///
/// ```
/// use crud_core::auth::{Jwt, JwtConfig, KeySet};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let jwt = Jwt::new(JwtConfig::new("at least thirty-two bytes of secret"))?;
/// let document = br#"{"keys": [
///     {"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
/// ]}"#;
/// jwt.trust(KeySet::from_jwks(document)?.issued_by("https://id.example"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeySet {
    pub(super) keys: Vec<Key>,
    pub(super) issuer: Option<String>,
}

/// Why a document is no [`KeySet`].
///
/// ```
/// use crud_core::auth::{KeySet, KeySetError};
///
/// assert!(matches!(KeySet::from_jwks(br#"{"keys": []}"#), Err(KeySetError::Empty(0))));
/// assert!(matches!(KeySet::from_jwks(b"a page of HTML"), Err(KeySetError::Malformed(_))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not the JSON of RFC 7517 §5.
    #[error("it is no JSON Web Key Set: {0}")]
    Malformed(serde_json::Error),
    /// Nothing in it can be used.
    #[error(
        "it has no usable key among its {0}: accepted are RS256 of at least 2048 bits, ES256 and EdDSA (Ed25519), for signatures"
    )]
    Empty(usize),
}

/// A key and the one algorithm it is used with.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    /// Its name in token headers.
    pub(super) name: &'static str,
    /// What tokens name it by.
    pub(super) id: Option<String>,
    pub(super) verifying: DecodingKey,
}

/// The first part of a token.
#[derive(Default)]
pub(super) struct JoseHeader {
    /// `None`: the usual one of ours.
    named: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

impl KeySet {
    /// Nobody else's.
    pub(super) const NONE: Self = Self {
        keys: Vec::new(),
        issuer: None,
    };

    /// Reads a JSON Web Key Set. Keys that cannot be used are left out: secrets, which a public document cannot hold,
    /// keys for encryption, other algorithms, RSA keys under 2048 bits.
    ///
    /// # Errors
    /// If it is none, or no key is left.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeySetError> {
        let set: JwkSet = match serde_json::from_slice(json) {
            Ok(set) => set,
            Err(error) => return Err(KeySetError::Malformed(error)),
        };
        let keys: Vec<_> = set.keys.iter().filter_map(Key::of).collect();
        if keys.is_empty() {
            return Err(KeySetError::Empty(set.keys.len()));
        }
        Ok(Self { keys, issuer: None })
    }

    /// Demands this `iss` of every token that one of these keys signed.
    #[must_use]
    pub fn issued_by(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The key that a header names: by its id, or the only one of its algorithm.
    pub(super) fn find(&self, header: &JoseHeader) -> Option<&Key> {
        let named = header.named.as_ref()?;
        let mut fitting = self.keys.iter().filter(|key| key.name == named.alg);
        if named.kid.is_some() {
            return fitting.find(|key| key.id == named.kid);
        }
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids = self.keys.iter().map(|key| (key.name, key.id.as_deref()));
        f.debug_struct("KeySet")
            .field("keys", &ids.collect::<Vec<_>>())
            .field("issuer", &self.issuer)
            .finish()
    }
}

impl Key {
    /// The key of ours: a secret that signs as well.
    pub(super) fn hs256(secret: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::HS256,
            name: "HS256",
            id: None,
            verifying: DecodingKey::from_secret(secret),
        }
    }

    fn of(jwk: &Jwk) -> Option<Self> {
        let usage = jwk.common.public_key_use.as_ref();
        if usage.is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let (algorithm, name, declared) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
                let leading = modulus.iter().take_while(|byte| **byte == 0).count();
                if (modulus.len() - leading) * 8 < MIN_RSA_BITS {
                    return None;
                }
                (Algorithm::RS256, "RS256", KeyAlgorithm::RS256)
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, "ES256", KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, "EdDSA", KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        if jwk
            .common
            .key_algorithm
            .is_some_and(|given| given != declared)
        {
            return None;
        }
        Some(Self {
            algorithm,
            name,
            id: jwk.common.key_id.clone(),
            verifying: DecodingKey::from_jwk(jwk).ok()?,
        })
    }

    /// Whether it signed this message.
    ///
    /// # Errors
    /// If it did not.
    pub(super) fn verify(&self, message: &str, signature: &str) -> Result<(), AuthError> {
        let (key, algorithm) = (&self.verifying, self.algorithm);
        match crypto::verify(signature, message.as_bytes(), key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) => Err(AuthError::Signature),
            Err(_) => Err(AuthError::Malformed),
        }
    }
}

impl JoseHeader {
    /// Reads a header. `jku`, `jwk` and `x5u` are not read: a token never brings its own key. A critical extension is
    /// refused, because none is understood.
    ///
    /// # Errors
    /// If it is malformed, or not that of an access token.
    pub(super) fn read(part: &str) -> Result<Self, AuthError> {
        if USUAL_HEADERS.contains(&part) {
            return Ok(Self::default());
        }
        let Ok(named) = serde_json::from_slice::<Named>(&decode(part)?) else {
            return Err(AuthError::Malformed);
        };
        let typ = named.typ.as_deref().unwrap_or("JWT");
        let is_jwt = typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt");
        if named.crit.is_some() || !is_jwt {
            return Err(AuthError::Header);
        }
        Ok(Self { named: Some(named) })
    }

    /// Whether it names the algorithm of our own key.
    pub(super) fn is_ours(&self) -> bool {
        self.named.as_ref().is_none_or(|named| named.alg == "HS256")
    }
}

/// The bytes of a token's part.
///
/// # Errors
/// If it is no base64.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, AuthError> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(AuthError::Malformed),
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
