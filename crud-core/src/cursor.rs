//! Cursors as clients hold them: the place of a row in an order, sealed for one list.
//!
//! A place is encrypted and authenticated together with what the list is (its conditions, its caller's scope, its order), so
//! that a cursor tells nothing, cannot be made or changed, and is good for that list alone. [`crate::operations`]
//! says what a list is; nothing here knows SQL.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// What cursors are sealed with: the same on every instance that has the same secret.
pub(crate) struct CursorKey {
    tag: [u8; 32],
    stream: [u8; 32],
    fingerprint: [u8; 8],
}

/// What a list is: a hash of it.
pub(crate) type ListId = [u8; 32];

impl CursorKey {
    /// Of a secret that serves nothing else.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let fingerprint = blake3::derive_key("crud-core cursors 1: fingerprint", secret);
        Self {
            fingerprint: *fingerprint.first_chunk().expect("32 bytes begin with 8"),
            tag: blake3::derive_key("crud-core cursors 1: tag", secret),
            stream: blake3::derive_key("crud-core cursors 1: stream", secret),
        }
    }

    /// Whether it is the same as another, for who keeps sealed cursors.
    pub(crate) const fn fingerprint(&self) -> &[u8; 8] {
        &self.fingerprint
    }

    /// A place as text of letters, digits, `-` and `_`.
    pub(crate) fn seal(&self, list: &ListId, place: &[u8]) -> String {
        let tag = self.tag(list, place);
        let mut sealed = Vec::with_capacity(tag.as_bytes().len() + place.len());
        sealed.extend_from_slice(tag.as_bytes());
        sealed.extend_from_slice(place);
        self.mask(&tag, &mut sealed[blake3::OUT_LEN..]);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The place again; `None` if this key did not seal it for this list.
    pub(crate) fn open(&self, list: &ListId, text: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, hidden) = sealed.split_first_chunk::<{ blake3::OUT_LEN }>()?;
        let tag = blake3::Hash::from_bytes(*tag);
        let mut place = hidden.to_vec();
        self.mask(&tag, &mut place);
        // Compared in constant time.
        (self.tag(list, &place) == tag).then_some(place)
    }

    fn tag(&self, list: &ListId, place: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.tag);
        hasher.update(list).update(place);
        hasher.finalize()
    }

    /// The tag, which no two places share, makes the stream (RFC 5297's idea of a synthetic nonce).
    fn mask(&self, tag: &blake3::Hash, bytes: &mut [u8]) {
        let mut stream = vec![0; bytes.len()];
        let mut hasher = blake3::Hasher::new_keyed(&self.stream);
        hasher
            .update(tag.as_bytes())
            .finalize_xof()
            .fill(&mut stream);
        for (byte, mask) in bytes.iter_mut().zip(stream) {
            *byte ^= mask;
        }
    }
}

/// A place in an order: a value of each key and of the id, and which way to go from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Whether the rows before it are meant.
    pub(crate) backward: bool,
    /// Values as `operations::keyset` reads them; `None` is NULL.
    pub(crate) values: Vec<Option<Vec<u8>>>,
}

impl Place {
    /// As bytes: the way, then each value behind its length.
    pub(crate) fn encode(backward: bool, values: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(values.len() + 1);
        bytes.push(u8::from(backward));
        bytes.extend_from_slice(values);
        bytes
    }

    /// Appends a value to such bytes.
    pub(crate) fn push(values: &mut Vec<u8>, value: Option<&[u8]>) {
        let length = value.map_or(u32::MAX, |value| {
            u32::try_from(value.len()).unwrap_or(u32::MAX - 1)
        });
        values.extend_from_slice(&length.to_le_bytes());
        values.extend_from_slice(value.unwrap_or_default());
    }

    /// From bytes; `None` if they are no place of as many values.
    pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Self> {
        let (way, mut rest) = bytes.split_first()?;
        let mut values = Vec::with_capacity(count);
        while let Some((length, behind)) = rest.split_first_chunk() {
            let length = u32::from_le_bytes(*length);
            if length == u32::MAX {
                values.push(None);
                rest = behind;
                continue;
            }
            let (value, behind) = behind.split_at_checked(length as usize)?;
            values.push(Some(value.to_vec()));
            rest = behind;
        }
        (rest.is_empty() && values.len() == count).then_some(Self {
            backward: *way == 1,
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: ListId = [7; 32];

    fn place() -> Vec<u8> {
        let mut values = Vec::new();
        for value in [Some(&b"title"[..]), None, Some(b""), Some(&[0; 16])] {
            Place::push(&mut values, value);
        }
        Place::encode(true, &values)
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_sealed() {
        let key = CursorKey::new(&[1; 32]);
        let opened = key.open(&LIST, &key.seal(&LIST, &place()));
        let found = Place::decode(&opened.expect("it is ours"), 4).expect("a place");
        assert!(found.backward);
        assert_eq!(found.values[..2], [Some(b"title".to_vec()), None]);
        assert_eq!(Place::decode(&place(), 3), None);
    }

    #[test]
    fn a_cursor_that_was_changed_at_any_bit_is_none() {
        let key = CursorKey::new(&[1; 32]);
        let sealed = key.seal(&LIST, &place());
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).expect("base64");
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&LIST, &URL_SAFE_NO_PAD.encode(changed)), None);
        }
        for end in 0..sealed.len() {
            assert_eq!(key.open(&LIST, &sealed[..end]), None);
        }
    }

    #[test]
    fn a_cursor_is_of_one_list_and_one_secret() {
        let key = CursorKey::new(&[1; 32]);
        let sealed = key.seal(&LIST, &place());
        assert_eq!(key.open(&[8; 32], &sealed), None);
        assert_eq!(CursorKey::new(&[2; 32]).open(&LIST, &sealed), None);
    }

    #[test]
    fn a_cursor_tells_nothing_of_its_place() {
        let sealed = CursorKey::new(&[1; 32]).seal(&LIST, &place());
        let bytes = URL_SAFE_NO_PAD.decode(sealed).expect("base64");
        assert!(!bytes.windows(5).any(|part| part == b"title"));
    }
}
