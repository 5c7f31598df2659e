//! What the routes of signing in read and answer.

use crud_core::{Error, Result, error::FieldError, prelude::*};

use crate::entities::user::UserGet;

/// What signing up needs.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    /// Where mail reaches the user.
    #[validate(email, length(max = 254))]
    #[serde(deserialize_with = "crud_core::dto::de::trimmed")]
    pub(super) email: String,
    /// The password: 8 characters to 128 bytes.
    #[validate(length(min = 8, max = 128))]
    #[serde(deserialize_with = "crud_core::dto::de::text")]
    pub(super) password: String,
    /// The user's name.
    #[validate(length(min = 1, max = 255))]
    #[serde(deserialize_with = "crud_core::dto::de::trimmed")]
    pub(super) full_name: String,
}

/// What signing in needs.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// The user's address.
    pub(super) email: String,
    /// The user's password.
    pub(super) password: String,
}

impl Login {
    /// Reads OAuth2's form, which calls the address `username`.
    pub(super) fn from_form(bytes: &[u8]) -> Result<Self> {
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(bytes);
            let value = pairs.find(|(key, _)| key == name);
            value.map(|(_, value)| value.into_owned())
        };
        match (field("username"), field("password")) {
            (Some(email), Some(password)) => Ok(Self { email, password }),
            (email, password) => {
                let missing = [
                    ("username", email.is_none()),
                    ("password", password.is_none()),
                ];
                let faults = missing
                    .iter()
                    .filter(|(_, missing)| *missing)
                    .map(|(name, _)| {
                        FieldError::at(
                            format!("/{name}"),
                            "required",
                            format!("`{name}` is required"),
                        )
                    });
                Err(Error::Invalid(faults.collect()))
            }
        }
    }
}

/// A token for the API.
#[derive(Serialize, JsonSchema)]
pub(super) struct Token {
    /// Goes into `Authorization: Bearer …`.
    pub(super) access_token: String,
    /// Always `bearer`.
    pub(super) token_type: String,
    /// How long the token is good for, in seconds.
    pub(super) expires_in: u64,
}

/// The caller.
#[derive(Serialize, JsonSchema)]
pub(super) struct Me {
    /// The user.
    #[serde(flatten)]
    pub(super) user: UserGet,
    /// What the user may do on some row at least: `<endpoint>:<action>`.
    pub(super) claims: Vec<String>,
}
