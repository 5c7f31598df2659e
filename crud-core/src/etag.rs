//! Entity tags (RFC 9110 §8.8.3): made of a row's id and version, and of the mask under which the
//! caller sees it, so that two representations never share one.

use uuid::fmt::Simple;

use crate::{id::Id, policy::Mask};

/// The digits of an id.
const DIGITS: usize = Simple::LENGTH;

/// The tag of a row as everyone sees it: `"<version>-<end of the id>"`.
pub(crate) fn of(id: &Id, version: i64) -> String {
    tagged(id, version, &[])
}

/// The tag of a row as someone sees it who may not see these fields.
pub(crate) fn masked(id: &Id, version: i64, mask: &Mask) -> String {
    tagged(id, version, &mask.hidden)
}

/// The tag of a row of which only these fields were asked for. It is another than the whole row's, and names the same
/// version to a write.
pub(crate) fn of_fields(id: &Id, version: i64, mask: &Mask, fields: &[&str]) -> String {
    let mut tag = masked(id, version, mask);
    tag.pop();
    for field in fields {
        // No column's name begins so.
        tag.push_str("-+");
        tag.push_str(field);
    }
    tag.push('"');
    tag
}

fn tagged(id: &Id, version: i64, hidden: &[&str]) -> String {
    let mut tag = String::with_capacity(40);
    tag.push('"');
    tag.push_str(itoa::Buffer::new().format(version));
    tag.push('-');
    tag.push_str(tail(id, &mut [0; DIGITS]));
    for field in hidden {
        tag.push('-');
        tag.push_str(field);
    }
    tag.push('"');
    tag
}

/// Of a UUID the last 48 bits, those that are random in version 7, as 12 digits; a number's digits; of a text 48 bits of
/// its hash, since a tag cannot have every character.
fn tail<'b>(id: &Id, buffer: &'b mut [u8; DIGITS]) -> &'b str {
    let text: &str = match id {
        Id::Uuid(id) => &id.simple().encode_lower(buffer)[20..],
        Id::Int(id) => {
            use std::io::Write;
            let mut rest = &mut buffer[..];
            // A minus would end the part. 20 digits at most have room.
            let _ = write!(rest, "{}", id.cast_unsigned());
            let free = rest.len();
            std::str::from_utf8(&buffer[..DIGITS - free]).unwrap_or_default()
        }
        Id::Text(id) => {
            let hash = blake3::hash(id.as_bytes());
            let hex = hash.to_hex();
            buffer[..12].copy_from_slice(&hex.as_bytes()[..12]);
            std::str::from_utf8(&buffer[..12]).unwrap_or_default()
        }
    };
    text
}

/// The tag of an answer that is made of several rows: of its bytes. No write accepts it.
pub(crate) fn of_body(body: &[u8]) -> String {
    format!("\"all-{}\"", &blake3::hash(body).to_hex()[..32])
}

/// What a precondition header accepts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// `*`
    Any,
    /// A list; tags that are not ours match nothing.
    List(Vec<String>),
}

impl Tags {
    /// Reads `If-Match` or `If-None-Match`.
    pub(crate) fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let tags = header.split(',').map(|tag| tag.trim().to_owned());
        Self::List(tags.collect())
    }

    /// Whether a tag is among them, by the weak comparison that `If-None-Match` asks for.
    pub(crate) fn contains(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|t| t.trim_start_matches("W/") == tag),
        }
    }

    /// The versions of this row that `If-Match` accepts; `None`: any. Weak tags never match.
    pub(crate) fn versions(&self, id: &Id) -> Option<Vec<i64>> {
        let Self::List(tags) = self else { return None };
        let mut buffer = [0; DIGITS];
        let tail = tail(id, &mut buffer);
        let version = |tag: &String| {
            let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
            let mut parts = tag.splitn(3, '-');
            let version = parts.next()?.parse().ok()?;
            (parts.next()? == tail).then_some(version)
        };
        Some(tags.iter().filter_map(version).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uuid;

    #[test]
    fn a_tag_names_the_version_of_its_own_row_only() {
        let ids = [
            Id::Uuid(Uuid::now_v7()),
            Id::Uuid(Uuid::now_v7()),
            Id::Int(7),
            Id::Int(-7),
            Id::Int(i64::MIN),
            Id::from("a-b\", \"c"),
            Id::from("ü"),
        ];
        for one in &ids {
            let tags = Tags::parse(&format!("\"7-zzz\", {}", of(one, 3)));
            for other in &ids {
                let expected = if one == other { vec![3] } else { vec![] };
                assert_eq!(tags.versions(other), Some(expected), "{one} {other}");
            }
            assert_eq!(Tags::parse("*").versions(one), None);
        }
    }

    #[test]
    fn a_weak_tag_never_matches_a_write() {
        let id = &Id::Uuid(Uuid::now_v7());
        let tags = Tags::parse(&format!("W/{}", of(id, 3)));
        assert_eq!(tags.versions(id), Some(vec![]));
        assert!(tags.contains(&of(id, 3)));
    }

    #[test]
    fn fewer_fields_are_another_representation_of_the_same_version() {
        let (id, mask) = (&Id::Uuid(Uuid::now_v7()), Mask::default());
        let tag = of_fields(id, 3, &mask, &["slug", "title"]);
        assert_ne!(tag, of(id, 3));
        assert_ne!(tag, of_fields(id, 3, &mask, &["slug"]));
        assert_eq!(Tags::parse(&tag).versions(id), Some(vec![3]));
    }

    #[test]
    fn what_is_hidden_is_part_of_the_tag() {
        let id = &Id::Uuid(Uuid::now_v7());
        let mask = Mask {
            hidden: vec!["email"],
            read_only: vec![],
        };
        let tag = masked(id, 3, &mask);
        assert_ne!(tag, of(id, 3));
        assert_eq!(Tags::parse(&tag).versions(id), Some(vec![3]));
    }
}
