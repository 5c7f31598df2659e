//! Entity tags (RFC 9110 §8.8.3): made of a row's id and version, and of the mask under which the
//! caller sees it, so that two representations never share one.

use uuid::fmt::Simple;

use crate::{Uuid, policy::Mask};

/// The digits of an id.
const SIMPLE: usize = Simple::LENGTH;

/// The tag of a row as everyone sees it: `"<version>-<end of the id>"`.
pub(crate) fn of(id: Uuid, version: i64) -> String {
    tagged(id, version, &[])
}

/// The tag of a row as someone sees it who may not see these fields.
pub(crate) fn masked(id: Uuid, version: i64, mask: &Mask) -> String {
    tagged(id, version, &mask.hidden)
}

/// The tag of a row of which only these fields were asked for. It is another than the whole row's, and names the same
/// version to a write.
pub(crate) fn of_fields(id: Uuid, version: i64, mask: &Mask, fields: &[&str]) -> String {
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

fn tagged(id: Uuid, version: i64, hidden: &[&str]) -> String {
    let mut tag = String::with_capacity(40);
    tag.push('"');
    tag.push_str(itoa::Buffer::new().format(version));
    tag.push('-');
    tag.push_str(tail(id, &mut [0; SIMPLE]));
    for field in hidden {
        tag.push('-');
        tag.push_str(field);
    }
    tag.push('"');
    tag
}

/// The last 48 bits, those that are random in a `UUIDv7`, as 12 digits.
fn tail(id: Uuid, buffer: &mut [u8; SIMPLE]) -> &str {
    let text: &str = id.simple().encode_lower(buffer);
    &text[20..]
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
    pub(crate) fn versions(&self, id: Uuid) -> Option<Vec<i64>> {
        let Self::List(tags) = self else { return None };
        let mut buffer = [0; SIMPLE];
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

    #[test]
    fn a_tag_names_the_version_of_its_own_row_only() {
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let tags = Tags::parse(&format!("\"7-zzz\", {}", of(one, 3)));
        assert_eq!(tags.versions(one), Some(vec![3]));
        assert_eq!(tags.versions(other), Some(vec![]));
        assert_eq!(Tags::parse("*").versions(one), None);
    }

    #[test]
    fn a_weak_tag_never_matches_a_write() {
        let id = Uuid::now_v7();
        let tags = Tags::parse(&format!("W/{}", of(id, 3)));
        assert_eq!(tags.versions(id), Some(vec![]));
        assert!(tags.contains(&of(id, 3)));
    }

    #[test]
    fn fewer_fields_are_another_representation_of_the_same_version() {
        let (id, mask) = (Uuid::now_v7(), Mask::default());
        let tag = of_fields(id, 3, &mask, &["slug", "title"]);
        assert_ne!(tag, of(id, 3));
        assert_ne!(tag, of_fields(id, 3, &mask, &["slug"]));
        assert_eq!(Tags::parse(&tag).versions(id), Some(vec![3]));
    }

    #[test]
    fn what_is_hidden_is_part_of_the_tag() {
        let id = Uuid::now_v7();
        let mask = Mask {
            hidden: vec!["email"],
            read_only: vec![],
        };
        let tag = masked(id, 3, &mask);
        assert_ne!(tag, of(id, 3));
        assert_eq!(Tags::parse(&tag).versions(id), Some(vec![3]));
    }
}
