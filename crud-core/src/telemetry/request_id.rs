//! The id of a request: the client's own `X-Request-Id` if it is harmless, else a new UUID v7.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, HeaderName};

/// The header that carries the id, in and out.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

/// The id to use for a request with these headers.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    match headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()) {
        Some(id) if is_sane(id) => id.to_owned(),
        _ => fresh(),
    }
}

fn is_sane(id: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(harmless)
}

/// A UUID v7. Its random part is a hashed counter: ids need be distinct, not secret, and asking the
/// operating system for randomness would be most of the cost of a small request's telemetry.
fn fresh() -> String {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);

    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&SEED.hash_one(count).to_le_bytes());
    random[8..].copy_from_slice(&SEED.hash_one(!count).to_le_bytes()[..2]);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_1970.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0));
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    let mut buffer = uuid::Uuid::encode_buffer();
    let text: &str = id.hyphenated().encode_lower(&mut buffer);
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(header: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(
            X_REQUEST_ID,
            axum::http::HeaderValue::from_bytes(header).unwrap(),
        );
        request_id(&headers)
    }

    #[test]
    fn a_sane_id_of_the_client_is_kept() {
        for id in [
            "a",
            "Ab-9_z.7",
            &"x".repeat(64),
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert_eq!(id_for(id.as_bytes()), id);
        }
    }

    #[test]
    fn anything_else_is_replaced_by_a_uuid_v7() {
        let long = "x".repeat(65);
        let odd: [&[u8]; 8] = [
            b"",
            b"a b",
            b"a\tb",
            b"a=b",
            b"\"a\"",
            b"a/b",
            "ä".as_bytes(),
            long.as_bytes(),
        ];
        for id in odd {
            let fresh: uuid::Uuid = id_for(id).parse().unwrap();
            assert_eq!(fresh.get_version_num(), 7);
        }
    }

    #[test]
    fn fresh_ids_differ_and_carry_the_time() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 1000);
        let id: uuid::Uuid = fresh().parse().unwrap();
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        assert!(now - seconds <= 1);
    }
}
