//! [`Id`]: what names a row of whatever entity, without its type: a UUID, an integer or a text.
//!
//! An entity declares which by the type of its table's column `id`; [`EntityInterface::Id`](crate::EntityInterface::Id)
//! is that in Rust. Router, operations, cache and cursors know this one form.

use std::{fmt, sync::Arc};

use diesel::{
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    sql_types::Nullable,
    sqlite::{Sqlite, SqliteValue},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, de::DeserializeOwned};

use crate::{
    Uuid,
    db::{ColumnKind, ColumnType, Frag, Stmt, bind},
    sql_types as st,
};

/// The characters that a text may have as an id.
pub(crate) const LONGEST_TEXT: usize = 255;

/// What names a row among those of its entity. Cheap to clone: only a text is shared.
///
/// Ids of one entity are of one kind, and ordered as both databases order them: texts by bytes.
///
/// ```
/// use crud_core::{Id, IdKind, Uuid};
///
/// assert_eq!(Id::from(7).to_string(), "7");
/// assert_eq!(Id::from("de").kind(), IdKind::Text);
/// assert_eq!(serde_json::json!(Id::from(7)), 7);
/// assert_eq!(Id::from(Uuid::default()).kind(), IdKind::Uuid);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// Made by the server: version 7.
    Uuid(Uuid),
    /// Given by the database.
    Int(i64),
    /// Given by the client, or made by the entity.
    Text(Arc<str>),
}

/// Which ids an entity has.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::{IdKind, IdType as _};
///
/// assert_eq!(<Course as EntityInterface>::Id::KIND, IdKind::Uuid);
/// assert_eq!((i64::KIND, String::KIND), (IdKind::Int, IdKind::Text));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// The column is a `Uuid`.
    Uuid,
    /// The column is a `BigInt`.
    Int,
    /// The column is a `Text`.
    Text,
}

/// A Rust type of ids: [`Uuid`], `i64` or `String`.
///
/// ```
/// use crud_core::{Id, IdType};
///
/// assert_eq!(i64::of(7_i64.erase()), Some(7));
/// assert_eq!(String::of(Id::from(7)), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an id",
    label = "the column `id` of this table is of another type",
    note = "in `table!` the column `id` is a `Uuid`, a `BigInt` (`i64`) or a `Text` (`String`)"
)]
pub trait IdType:
    Clone + Ord + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// Which it is.
    const KIND: IdKind;
    /// The id of any type. No `Into<Id>` above: a wrong type would be told of that, too.
    fn erase(self) -> Id;
    /// The id in its own type; `None` if it is of another.
    fn of(id: Id) -> Option<Self>;
}

/// The Rust type of the values of a column: `IdOf<courses::id>` is [`Uuid`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// fn first(ids: &[crud_core::IdOf<courses::id>]) -> Option<Uuid> {
///     ids.first().copied()
/// }
/// ```
pub type IdOf<C> = <<C as diesel::Expression>::SqlType as ColumnType>::Value;

impl IdType for Uuid {
    const KIND: IdKind = IdKind::Uuid;
    fn erase(self) -> Id {
        self.into()
    }
    fn of(id: Id) -> Option<Self> {
        match id {
            Id::Uuid(id) => Some(id),
            Id::Int(_) | Id::Text(_) => None,
        }
    }
}

impl IdType for i64 {
    const KIND: IdKind = IdKind::Int;
    fn erase(self) -> Id {
        self.into()
    }
    fn of(id: Id) -> Option<Self> {
        match id {
            Id::Int(id) => Some(id),
            Id::Uuid(_) | Id::Text(_) => None,
        }
    }
}

impl IdType for String {
    const KIND: IdKind = IdKind::Text;
    fn erase(self) -> Id {
        self.into()
    }
    fn of(id: Id) -> Option<Self> {
        match id {
            Id::Text(id) => Some((*id).to_owned()),
            Id::Uuid(_) | Id::Int(_) => None,
        }
    }
}

impl From<Uuid> for Id {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<i64> for Id {
    fn from(id: i64) -> Self {
        Self::Int(id)
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self::Text(id.into())
    }
}

impl From<String> for Id {
    fn from(id: String) -> Self {
        Self::Text(id.into())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.fmt(f),
            Self::Int(id) => id.fmt(f),
            Self::Text(id) => id.fmt(f),
        }
    }
}

/// As it is in the row.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Uuid(id) => id.serialize(to),
            Self::Int(id) => id.serialize(to),
            Self::Text(id) => id.serialize(to),
        }
    }
}

impl Id {
    /// Of which kind it is.
    pub const fn kind(&self) -> IdKind {
        match self {
            Self::Uuid(_) => IdKind::Uuid,
            Self::Int(_) => IdKind::Int,
            Self::Text(_) => IdKind::Text,
        }
    }

    /// Bound, for a statement.
    pub(crate) fn bound(&self) -> Frag {
        match self {
            Self::Uuid(id) => bind::<st::Uuid, _>(*id),
            Self::Int(id) => bind::<st::BigInt, _>(*id),
            Self::Text(id) => bind::<st::Text, _>((**id).to_owned()),
        }
    }

    /// Its bytes: no two ids of a kind share them.
    pub(crate) fn with_bytes<R>(&self, use_them: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Uuid(id) => use_them(id.as_bytes()),
            Self::Int(id) => use_them(&id.to_be_bytes()),
            Self::Text(id) => use_them(id.as_bytes()),
        }
    }

    /// The name under which history keeps the row: 128 bits, which a UUID has by itself, an integer fills up with
    /// zeros, and a text is hashed to.
    pub(crate) fn kept_as(&self) -> Uuid {
        match self {
            Self::Uuid(id) => *id,
            Self::Int(id) => Uuid(uuid::Uuid::from_u128(
                u64::from_ne_bytes(id.to_ne_bytes()).into(),
            )),
            Self::Text(id) => {
                let hash = blake3::hash(id.as_bytes());
                let first: [u8; 16] = *hash.as_bytes().first_chunk().unwrap_or(&[0; 16]);
                Uuid(uuid::Uuid::from_bytes(first))
            }
        }
    }

    /// As a segment of an address.
    pub(crate) fn in_path(&self) -> String {
        match self {
            Self::Uuid(id) => id.to_string(),
            Self::Int(id) => id.to_string(),
            Self::Text(id) => encoded(id),
        }
    }
}

/// Percent-encoded (RFC 3986): everything but its unreserved characters.
fn encoded(text: &str) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

impl IdKind {
    /// The kind that a column of this kind has, if it can be an id.
    pub(crate) const fn of(column: ColumnKind) -> Option<Self> {
        match column {
            ColumnKind::Uuid => Some(Self::Uuid),
            ColumnKind::Int8 => Some(Self::Int),
            ColumnKind::Text => Some(Self::Text),
            _ => None,
        }
    }

    /// What the column holds.
    pub(crate) const fn column(self) -> ColumnKind {
        match self {
            Self::Uuid => ColumnKind::Uuid,
            Self::Int => ColumnKind::Int8,
            Self::Text => ColumnKind::Text,
        }
    }

    /// An id as an address has it, in the one form that is accepted.
    pub(crate) fn parse(self, text: &str) -> Option<Id> {
        match self {
            Self::Uuid => text.parse().ok().map(Id::Uuid),
            Self::Int => {
                let id: i64 = text.parse().ok()?;
                // One row has one address: `07` and `+7` are none.
                (itoa::Buffer::new().format(id) == text).then_some(Id::Int(id))
            }
            Self::Text => is_id(text).then(|| Id::Text(text.into())),
        }
    }

    /// An id as JSON has it.
    pub(crate) fn of_json(self, json: &str) -> Option<Id> {
        match self {
            Self::Uuid => serde_json::from_str(json).ok().map(Id::Uuid),
            Self::Int => serde_json::from_str(json).ok().map(Id::Int),
            Self::Text => {
                let text: String = serde_json::from_str(json).ok()?;
                is_id(&text).then(|| text.into())
            }
        }
    }

    /// An id as PostgreSQL gets it.
    pub(crate) fn of_bytes(self, bytes: &[u8]) -> Option<Id> {
        match self {
            Self::Uuid => uuid::Uuid::from_slice(bytes)
                .ok()
                .map(|id| Id::Uuid(Uuid(id))),
            Self::Int => bytes.try_into().ok().map(i64::from_be_bytes).map(Id::Int),
            Self::Text => std::str::from_utf8(bytes).ok().map(Id::from),
        }
    }

    /// What an id is, in a sentence.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Uuid => "a UUID",
            Self::Int => "a whole number of 64 bits",
            Self::Text => "a text of 1 to 255 characters",
        }
    }

    /// What ids are, in a sentence.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Uuid => "UUIDs",
            Self::Int => "whole numbers of 64 bits, without `+` and leading zeros",
            Self::Text => "texts of 1 to 255 characters",
        }
    }

    /// `(?, ?, …)`, of no row too: SQL has no empty list.
    pub(crate) fn among(self, ids: &[Id]) -> Stmt {
        let none = match self {
            Self::Uuid => Id::Uuid(Uuid::default()),
            Self::Int => Id::Int(0),
            Self::Text => Id::Text("".into()),
        };
        let ids: Vec<_> = match ids {
            [] => vec![none.bound()],
            ids => ids.iter().map(Id::bound).collect(),
        };
        Stmt::with_capacity(4 * ids.len() + 2).among(&ids)
    }
}

/// Whether a text can name a row: an address must be able to have it.
pub(crate) fn is_id(text: &str) -> bool {
    let is_long = || text.len() > LONGEST_TEXT && text.chars().count() > LONGEST_TEXT;
    // A client takes these two out of a path.
    !matches!(text, "" | "." | "..") && !text.chars().any(char::is_control) && !is_long()
}

macro_rules! database {
    ($name:ident, $raw:ty, $db:ty) => {
        impl IdKind {
            /// Reads a column that holds ids of this kind.
            pub(crate) fn $name(self, raw: Option<$raw>) -> deserialize::Result<Option<Id>> {
                fn read<ST, V>(raw: Option<$raw>) -> deserialize::Result<Option<V>>
                where
                    ST: diesel::sql_types::SqlType<
                            IsNull = diesel::sql_types::is_nullable::NotNull,
                        >,
                    V: FromSql<ST, $db>,
                {
                    <Option<V> as FromSql<Nullable<ST>, $db>>::from_nullable_sql(raw)
                }
                Ok(match self {
                    Self::Uuid => read::<st::Uuid, Uuid>(raw)?.map(Id::Uuid),
                    Self::Int => read::<st::BigInt, i64>(raw)?.map(Id::Int),
                    Self::Text => read::<st::Text, String>(raw)?.map(Id::from),
                })
            }
        }
    };
}
database!(pg, PgValue<'_>, Pg);
database!(sqlite, SqliteValue<'_, '_, '_>, Sqlite);

#[cfg(test)]
mod tests;
