//! Where another issuer's keys come from: a file, or an address. [`KeySource::keep`] fetches them again
//! now and then, and when a token names one that is not known.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use reqwest::{Client, Url, redirect};

use super::{Jwt, KeySet, KeySetError};

/// How often keys are fetched when nothing asks for them.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// Tokens with made-up keys do not make us ask more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest document, in bytes.
const LONGEST: usize = 1 << 20;

/// Where a JSON Web Key Set (RFC 7517) is.
///
/// ```
/// use crud_core::auth::{Jwt, KeySource};
///
/// async fn trust(jwt: &Jwt) -> Result<(), Box<dyn std::error::Error>> {
///     let keys: KeySource = "https://id.example/.well-known/jwks.json".parse()?;
///     jwt.trust(keys.fetch().await?.issued_by("https://id.example"));
///     Ok(())
/// }
/// assert!("http://id.example/keys".parse::<KeySource>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file, read again for changes.
    File(PathBuf),
    /// An address: HTTPS, or plain HTTP on this machine.
    Url(Url),
}

/// Why keys could not be had.
///
/// ```
/// use crud_core::auth::{KeySource, KeySourceError};
///
/// # #[tokio::main]
/// # async fn main() {
/// assert!(matches!("ftp://id.example/keys".parse::<KeySource>(), Err(KeySourceError::Unknown)));
/// let missing: KeySource = "no such file.json".parse().unwrap();
/// assert!(matches!(missing.fetch().await, Err(KeySourceError::File(_))));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// Neither a path nor an address that is accepted.
    #[error("expected the path of a file, an https:// address, or http:// on this machine")]
    Unknown,
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    File(std::io::Error),
    /// The address gives no answer, or not 200.
    #[error("it cannot be fetched: {0}")]
    Fetch(reqwest::Error),
    /// The document is longer than 1 MiB.
    #[error("it is longer than 1 MiB")]
    Long,
    /// The document is no key set.
    #[error(transparent)]
    Set(KeySetError),
}

impl FromStr for KeySource {
    type Err = KeySourceError;

    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        if text.is_empty() {
            return Err(KeySourceError::Unknown);
        }
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let Ok(url) = text.parse::<Url>() else {
            return Err(KeySourceError::Unknown);
        };
        let local = ["localhost", "127.0.0.1", "[::1]"];
        match url.scheme() {
            "https" => Ok(Self::Url(url)),
            "http" if url.host_str().is_some_and(|host| local.contains(&host)) => {
                Ok(Self::Url(url))
            }
            _ => Err(KeySourceError::Unknown),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl KeySource {
    /// The keys that are there now.
    ///
    /// # Errors
    /// Says why there are none.
    pub async fn fetch(&self) -> Result<KeySet, KeySourceError> {
        let document = match self {
            Self::File(path) => std::fs::read(path).map_err(KeySourceError::File)?,
            Self::Url(url) => download(url).await?,
        };
        KeySet::from_jwks(&document).map_err(KeySourceError::Set)
    }

    /// Keeps a server's keys as they are at the source, for ever. A source that fails leaves the keys as they are.
    pub async fn keep(&self, jwt: &Jwt, issuer: Option<&str>) {
        loop {
            tokio::time::sleep(AT_MOST_EVERY).await;
            tokio::select! {
                () = jwt.missed() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            match self.fetch().await {
                Ok(keys) => jwt.trust(match issuer {
                    Some(issuer) => keys.issued_by(issuer),
                    None => keys,
                }),
                Err(error) => tracing::warn!(source = %self, %error, "token keys stay as they are"),
            }
        }
    }
}

async fn download(url: &Url) -> Result<Vec<u8>, KeySourceError> {
    // Fails if another was chosen before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Made for each fetch: there is one in minutes. No redirect: the address is the operator's word.
    let client = Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(KeySourceError::Fetch)?;
    let answer = client.get(url.clone()).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(KeySourceError::Fetch)?;
    let mut document = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(KeySourceError::Fetch)? {
        if document.len() + chunk.len() > LONGEST {
            return Err(KeySourceError::Long);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}
