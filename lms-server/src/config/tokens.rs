//! What the environment says about access tokens: `LMS_JWT_ISSUER`, `LMS_JWT_AUDIENCE`, `LMS_JWKS`,
//! `LMS_JWKS_ISSUER`.

use crud_core::auth::KeySource;

use super::Env;

/// Whose tokens are taken, and for whom they must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// `LMS_JWT_ISSUER`: written into our tokens and demanded of them.
    pub issuer: Option<String>,
    /// `LMS_JWT_AUDIENCE`: written into our tokens and demanded of all.
    pub audience: Option<String>,
    /// `LMS_JWKS`: the public keys of another issuer.
    pub keys: Option<KeySource>,
    /// `LMS_JWKS_ISSUER`: demanded of the tokens that these keys signed.
    pub keys_issuer: Option<String>,
}

pub(super) fn tokens(env: &mut Env<'_>) -> Tokens {
    let keys = env.get("LMS_JWKS").and_then(|text| match text.parse() {
        Ok(source) => Some(source),
        Err(_) => {
            let accepted = "the path of a JSON Web Key Set, or its https:// address";
            env.fault("LMS_JWKS", &super::redacted(&text), accepted);
            None
        }
    });
    let keys_issuer = env.get("LMS_JWKS_ISSUER");
    if keys.is_some() && keys_issuer.is_none() {
        let accepted = "the issuer (`iss`) of the tokens that the keys of LMS_JWKS sign";
        env.fault("LMS_JWKS_ISSUER", "", accepted);
    }
    Tokens {
        issuer: env.get("LMS_JWT_ISSUER"),
        audience: env.get("LMS_JWT_AUDIENCE"),
        keys,
        keys_issuer,
    }
}
