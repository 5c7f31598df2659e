//! A body as bytes in Redis: what it depends on, whose it is, and a checksum.
//!
//! Bytes from Redis are untrusted. Whatever is cut, changed, older or another's is no body; nothing here panics.
//!
//! `home stamps | 1 | u32 n | n other stamps' bytes | u32 k | k bytes of key | body | 16 bytes of BLAKE3 of all before`

use bytes::{Bytes, BytesMut};

/// The form of the rest; the stamps before it are compared by the script.
const FORM: u8 = 1;
const CHECKSUM: usize = 16;

/// The bytes after the home stamps, which the script puts before them.
pub(super) fn encode(home: &[u8], others: &[u8], key: &[u8], body: &[u8]) -> Bytes {
    let size = home.len() + others.len() + key.len() + body.len() + CHECKSUM + 9;
    let mut out = BytesMut::with_capacity(size);
    out.extend_from_slice(home);
    out.extend_from_slice(&[FORM]);
    for part in [others, key] {
        // A key is some KiB and a dependency 16 bytes; what is longer is cut, and no reader takes it.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(body);
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum);
    out.freeze().slice(home.len()..)
}

/// The body, if `bytes` is whole, is of this key, and was loaded under these stamps: those of the home table, then
/// the others'.
pub(super) fn decode(bytes: Bytes, home: &[u8], others: &[u8], key: &[u8]) -> Option<Bytes> {
    let end = bytes.len().checked_sub(CHECKSUM)?;
    let (content, sum) = bytes.split_at_checked(end)?;
    if checksum(content) != sum {
        return None;
    }
    let rest = content.strip_prefix(home)?;
    let rest = rest.strip_prefix(&[FORM])?;
    let rest = part(rest, others)?;
    let rest = part(rest, key)?;
    let begin = end - rest.len();
    Some(bytes.slice(begin..end))
}

/// What follows a part that must be this one.
fn part<'a>(bytes: &'a [u8], expected: &[u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let (part, rest) = rest.split_at_checked(length)?;
    (part == expected).then_some(rest)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut out = [0; CHECKSUM];
    out.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECKSUM]);
    out
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn whole() -> Bytes {
        let mut all = b"home".to_vec();
        all.extend_from_slice(&encode(b"home", b"others", b"key", b"body"));
        all.into()
    }

    #[test]
    fn a_body_comes_back_as_it_was() {
        let body = decode(whole(), b"home", b"others", b"key");
        assert_eq!(body.as_deref(), Some(&b"body"[..]));
    }

    /// Kills: comparing fingerprints only; ignoring the stamps of other tables.
    #[test]
    fn a_body_of_another_key_or_other_stamps_is_none() {
        for (home, others, key) in [
            ("home", "others", "kez"),
            ("home", "other5", "key"),
            ("hone", "others", "key"),
            ("", "others", "key"),
        ] {
            assert_eq!(
                decode(whole(), home.as_bytes(), others.as_bytes(), key.as_bytes()),
                None
            );
        }
    }

    /// Kills: trusting lengths; leaving the checksum out.
    #[test]
    fn bytes_that_were_cut_changed_or_made_up_are_no_body() {
        let whole = whole();
        for end in 0..whole.len() {
            assert_eq!(decode(whole.slice(..end), b"home", b"others", b"key"), None);
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.to_vec();
                changed[at] ^= 1 << bit;
                assert_eq!(decode(changed.into(), b"home", b"others", b"key"), None);
            }
        }
        let mut random = Random::new();
        for _ in 0..20_000 {
            let length = random.below(64);
            let bytes: Vec<u8> = (0..length)
                .map(|_| random.below(256).try_into().unwrap())
                .collect();
            let sum = checksum(&bytes);
            let mut signed = bytes.clone();
            signed.extend_from_slice(&sum);
            for made_up in [bytes, signed] {
                assert_eq!(decode(made_up.into(), b"", b"", b""), None);
            }
        }
    }
}
