//! Reading a request's body, within bounds of size and time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use hyper::body::Body as _;

use crate::{Error, Result};

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// The whole body.
///
/// # Errors
/// 413 when it is longer than `limit` bytes (at once, when its length is announced); 408 when it
/// takes longer than 30 s; 400 when the connection breaks.
///
/// ```
/// use axum::body::Body;
/// use crud_core::{Error, serve::read_body};
///
/// # #[tokio::main]
/// # async fn main() {
/// let read = read_body(Body::from("twelve bytes"), 12).await;
/// assert_eq!(read.unwrap(), "twelve bytes");
/// let refused = read_body(Body::from("thirteen bytes"), 12).await;
/// assert!(matches!(refused, Err(Error::TooLarge { limit: 12 })));
/// # }
/// ```
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(Error::TooLarge { limit });
    }
    let Ok(read) = tokio::time::timeout(PATIENCE, to_bytes(body, limit)).await else {
        return Err(Error::Timeout);
    };
    match read {
        Ok(bytes) => Ok(bytes),
        Err(error) if is_too_long(&error) => Err(Error::TooLarge { limit }),
        Err(_) => Err(Error::bad_request(
            "body",
            "The body ended before it was complete",
        )),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}
