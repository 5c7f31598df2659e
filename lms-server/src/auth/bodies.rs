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
    #[serde(deserialize_with = "crud_core::dto::de::text")]
    pub(super) email: String,
    /// The user's password.
    pub(super) password: String,
}

/// What goes on being signed in needs, and what signing out does.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Refresh {
    /// The refresh token that was answered last.
    pub(super) refresh_token: String,
}

/// What another password needs.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    /// The password until now.
    pub(super) current_password: String,
    /// The password from now on: 8 characters to 128 bytes.
    #[validate(length(min = 8, max = 128))]
    #[serde(deserialize_with = "crud_core::dto::de::text")]
    pub(super) new_password: String,
}

/// OAuth2's form for a password (RFC 6749 §4.3.2), which calls the address `username`. Its other
/// fields are accepted and not used.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the form; `Login::from_form` reads it")]
pub(super) struct LoginForm {
    /// The user's address.
    username: String,
    /// The user's password.
    password: String,
}

impl Login {
    /// Reads OAuth2's form.
    pub(super) fn from_form(bytes: &[u8]) -> Result<Self> {
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(bytes);
            let value = pairs.find(|(key, _)| key == name);
            // PostgreSQL can't look a NUL up; no address has one.
            let value = value.filter(|(_, value)| !value.contains('\0'));
            value.map(|(_, value)| value.into_owned())
        };
        let (email, password) = (field("username"), field("password"));
        if let (Some(email), Some(password)) = (&email, &password) {
            return Ok(Self {
                email: email.clone(),
                password: password.clone(),
            });
        }
        let missing = [
            ("username", email.is_none()),
            ("password", password.is_none()),
        ];
        let faults = missing.iter().filter(|(_, missing)| *missing);
        let faults = faults.map(|(name, _)| {
            FieldError::at(
                format!("/{name}"),
                "required",
                format!("`{name}` is required"),
            )
        });
        Err(Error::Invalid(faults.collect()))
    }
}

/// The tokens of someone who is signed in.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tokens {
    /// Goes into `Authorization: Bearer …`.
    pub(super) access_token: String,
    /// Gives the next tokens, once and within 30 days.
    pub(super) refresh_token: String,
    /// Always `bearer`.
    pub(super) token_type: String,
    /// How long the access token is good for, in seconds.
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
