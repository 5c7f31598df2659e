//! What an access token says, as it is written in JSON.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// What a verified token says.
///
/// ```
/// use crud_core::auth::Claims;
///
/// let claims: Claims = serde_json::from_str(r#"{"sub": "7", "exp": 2e9, "role": "admin"}"#)?;
/// assert_eq!((claims.exp, claims.role.as_deref()), (2_000_000_000, Some("admin")));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom the token speaks for; here the user's id.
    pub sub: String,
    /// The user's role when the token was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Which of the user's generations of tokens it belongs to. The application raises the user's to
    /// refuse all earlier tokens; it never changes what a token may do.
    #[serde(default, rename = "gen", skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When it ends, in seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: i64,
    /// When it was issued.
    #[serde(
        default,
        deserialize_with = "some_numeric_date",
        skip_serializing_if = "Option::is_none"
    )]
    pub iat: Option<i64>,
    /// When it starts.
    #[serde(
        default,
        deserialize_with = "some_numeric_date",
        skip_serializing_if = "Option::is_none"
    )]
    pub nbf: Option<i64>,
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// For whom it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// What it is for: `access`, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// Whether a key of another issuer signed it. No part of the token.
    #[serde(skip)]
    pub foreign: bool,
}

/// The `aud` claim: one name or several.
///
/// ```
/// use crud_core::auth::{Audience, Claims};
///
/// let claims: Claims = serde_json::from_str(r#"{"sub": "7", "exp": 2e9, "aud": ["lms", "reports"]}"#)?;
/// assert_eq!(claims.aud, Some(Audience::Many(vec!["lms".into(), "reports".into()])));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// `"aud": "lms"`
    One(String),
    /// `"aud": ["lms", "reports"]`
    Many(Vec<String>),
}

impl Audience {
    /// Whether it names this audience.
    pub(super) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// RFC 7519 allows a fraction; whole seconds are kept.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct NumericDate;

    impl de::Visitor<'_> for NumericDate {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("seconds since 1970")
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
            Ok(value)
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
            i64::try_from(value).map_err(E::custom)
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
            // Every whole number up to 2^53 is exact, and no token lasts longer.
            const EXACT: f64 = 9_007_199_254_740_992.0;
            if !(-EXACT..=EXACT).contains(&value) {
                return Err(E::custom("a time out of range"));
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
            Ok(value.floor() as i64)
        }
    }

    deserializer.deserialize_any(NumericDate)
}

fn some_numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    numeric_date(deserializer).map(Some)
}
