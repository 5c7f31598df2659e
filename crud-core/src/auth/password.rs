//! Passwords: argon2id (19 MiB, two passes, one lane) on a bounded number of blocking threads, so
//! that fifty sign-ins at once neither stall other requests nor take fifty times the memory.
//!
//! The application's sign-in and registration call it. A password is never kept, logged or put into
//! an error, and an unknown user costs the same time as a wrong password.

use std::{fmt, sync::Arc, thread, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task, time};

use crate::{Error, Result};

/// The longest password that is accepted, in bytes; checked before any hashing.
///
/// ```
/// use crud_core::auth::{MAX_PASSWORD_BYTES, Passwords};
///
/// # #[tokio::main]
/// # async fn main() {
/// let refused = Passwords::new().hash("ü".repeat(MAX_PASSWORD_BYTES / 2 + 1)).await.unwrap_err();
/// assert_eq!(refused.status(), 422);
/// # }
/// ```
pub const MAX_PASSWORD_BYTES: usize = 128;
/// The shortest new password, in characters.
///
/// ```
/// use crud_core::auth::{MIN_PASSWORD_CHARS, Passwords};
///
/// # #[tokio::main]
/// # async fn main() {
/// let passwords = Passwords::new();
/// assert!(passwords.hash("ü".repeat(MIN_PASSWORD_CHARS)).await.is_ok());
/// assert!(passwords.hash("ü".repeat(MIN_PASSWORD_CHARS - 1)).await.is_err());
/// # }
/// ```
pub const MIN_PASSWORD_CHARS: usize = 8;

/// OWASP's first choice for argon2id: KiB of memory, passes, lanes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a sign-in waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is verified when there is no user, or none with a password: a hash with the same cost whose
/// password nobody knows. Its answer is thrown away.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$mDPxPkFEZ6F0R/LrVISlpg$PT3y7RZAjoFNQMkhu1cnWPWZPKgO2XtKo8HA2hNQ5jE";

/// Hashes and verifies passwords. Cheap to clone; clones share one bound.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let passwords = crud_core::auth::Passwords::new();
/// let kept = passwords.hash("correct horse battery".to_owned()).await?;
/// assert!(kept.starts_with("$argon2id$"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// As many hashes at once as there are cores.
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
            .expect("the parameters are constants within argon2's limits");
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            turns: Arc::new(Semaphore::new(cores)),
        }
    }

    /// The PHC string to store for a new password.
    ///
    /// # Errors
    /// 422 at `/password` when it is shorter than 8 characters or longer than 128 bytes; 503 when
    /// too many are being hashed already.
    pub async fn hash(&self, password: String) -> Result<String> {
        check_length(&password)?;
        let argon2 = self.argon2.clone();
        let hashed = self
            .in_turn(move || {
                let hash = argon2.hash_password(password.as_bytes());
                hash.map(|hash: PasswordHash| hash.to_string())
            })
            .await?;
        match hashed {
            Ok(hash) => Ok(hash),
            // argon2's errors name a parameter or the random source, never the password.
            Err(error) => Err(Error::internal(format!("hashing a password: {error}"))),
        }
    }

    /// Whether the password is the one behind `hash`. With no hash (an unknown user, or one who
    /// may not sign in), or one that can't be read, the answer is no and takes as long.
    ///
    /// # Errors
    /// 503 when too many are being hashed already.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let argon2 = self.argon2.clone();
        self.in_turn(move || {
            let known = hash
                .as_deref()
                .and_then(|hash| PasswordHash::new(hash).ok());
            let is_known = known.is_some();
            let nobody = || PasswordHash::new(NOBODY).expect("the constant is a PHC string");
            let hash = known.unwrap_or_else(nobody);
            let matches = argon2.verify_password(password.as_bytes(), &hash).is_ok();
            is_known && matches
        })
        .await
    }

    /// Whether a stored hash was made with other parameters than today's; hash the password anew
    /// after the next sign-in that verifies.
    pub fn needs_rehash(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else {
            return true;
        };
        let Ok(params) = Params::try_from(&hash) else {
            return true;
        };
        hash.algorithm != Algorithm::Argon2id.ident()
            || hash.version != Some(Version::V0x13.into())
            || (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES)
    }

    /// Runs `work` on a blocking thread when it is its turn. The turn belongs to the work, not to
    /// the caller: a client that hangs up does not make room while its hash is still being made.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let Ok(Ok(turn)) = time::timeout(PATIENCE, turn).await else {
            return Err(Error::Unavailable(None));
        };
        let done = task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        match done.await {
            Ok(result) => Ok(result),
            Err(error) => Err(Error::internal(error)),
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

fn check_length(password: &str) -> Result<()> {
    if password.len() > MAX_PASSWORD_BYTES || password.chars().count() < MIN_PASSWORD_CHARS {
        let detail = format!(
            "The password must have at least {MIN_PASSWORD_CHARS} characters and at most \
             {MAX_PASSWORD_BYTES} bytes"
        );
        return Err(Error::invalid("/password", "length", detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash(PASSWORD.to_owned()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(!hash.contains(PASSWORD));
        let right = passwords
            .verify(PASSWORD.to_owned(), Some(hash.clone()))
            .await;
        assert!(right.unwrap());
        let wrong = passwords
            .verify("correct horse".to_owned(), Some(hash))
            .await;
        assert!(!wrong.unwrap());
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let passwords = Passwords::new();
        let first = passwords.hash(PASSWORD.to_owned()).await.unwrap();
        let second = passwords.hash(PASSWORD.to_owned()).await.unwrap();
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn a_password_must_have_8_characters_and_at_most_128_bytes() {
        let passwords = Passwords::new();
        for refused in ["", "1234567", "äöüäöüä", &"x".repeat(129), &"ä".repeat(65)] {
            let error = passwords.hash(refused.to_owned()).await.unwrap_err();
            assert_eq!(error.status(), 422, "{refused}");
            assert!(!format!("{error:?}").contains("1234567"));
        }
        for accepted in ["12345678", "äöüäöüäö", &"x".repeat(128)] {
            assert!(passwords.hash(accepted.to_owned()).await.is_ok());
        }
    }

    #[tokio::test]
    async fn an_unknown_user_and_an_unusable_hash_are_refused_at_full_cost() {
        let passwords = Passwords::new();
        let hash = passwords.hash(PASSWORD.to_owned()).await.unwrap();
        let time = async |hash: Option<String>| {
            let start = std::time::Instant::now();
            let verified = passwords.verify(PASSWORD.to_owned(), hash).await.unwrap();
            (verified, start.elapsed())
        };
        let (_, usual) = time(Some(hash)).await;
        for nobody in [None, Some("!".to_owned()), Some(String::new())] {
            let (verified, took) = time(nobody).await;
            assert!(!verified);
            assert!(took * 4 > usual, "{took:?} against {usual:?}");
        }
    }

    #[tokio::test]
    async fn a_password_that_is_too_long_is_refused_unhashed() {
        let passwords = Passwords::new();
        let start = std::time::Instant::now();
        let verified = passwords.verify("x".repeat(129), None).await;
        assert!(!verified.unwrap());
        assert!(start.elapsed() < Duration::from_millis(2));
    }

    #[test]
    fn a_hash_with_other_parameters_needs_a_rehash() {
        let passwords = Passwords::new();
        assert!(!passwords.needs_rehash(NOBODY));
        for old in [
            NOBODY.replace("m=19456", "m=4096"),
            NOBODY.replace("t=2", "t=1"),
            NOBODY.replace("argon2id", "argon2i"),
            NOBODY.replace("v=19", "v=16"),
            "plain".to_owned(),
        ] {
            assert!(passwords.needs_rehash(&old), "{old}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let passwords = Passwords::new();
        let all = u32::try_from(passwords.turns.available_permits()).unwrap();
        let _held = passwords.turns.acquire_many(all).await.unwrap();
        let error = passwords.hash(PASSWORD.to_owned()).await.unwrap_err();
        assert_eq!(error.status(), 503);
    }
}
