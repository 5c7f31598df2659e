//! Who may do what: an entity's policy turns the principal into a [`Scope`].
//!
//! The scope is at once the SQL predicate of every read and write, the check on the new values of a write, and the key
//! under which a list may be shared. A policy is pure: it never touches the database and never sees a row; `judge`
//! applies its scope to rows that are cached.

mod judge;
mod predicate;
mod scope;

use std::marker::PhantomData;

use diesel::Column;

pub use self::scope::Scope;
pub(crate) use self::{
    judge::{Value, Verdict},
    predicate::{Predicate, Relation},
};
use crate::principal::Principal;

/// What a caller wants to do with rows of an entity.
///
/// ```
/// use crud_core::Action;
///
/// assert_eq!(Action::Update.as_str(), "update");
/// assert!(Action::List.is_read() && !Action::Archive.is_read());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read one row.
    Get,
    /// Read many.
    List,
    /// Write a new row.
    Create,
    /// Change a row (`PATCH`, `PUT`).
    Update,
    /// Hide a row without losing it.
    Archive,
    /// Bring an archived row back.
    Restore,
    /// Remove a row for good.
    Delete,
}

impl Action {
    /// Every action, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Get,
        Self::List,
        Self::Create,
        Self::Update,
        Self::Archive,
        Self::Restore,
        Self::Delete,
    ];

    /// Its name in claims (`courses:update`) and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Delete => "delete",
        }
    }

    /// Whether it only reads.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::List)
    }
}

/// The rules of an entity whose table is `T`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// Everyone reads; whoever is signed in creates; the rest is the creator's.
/// pub struct OwnerPolicy;
///
/// impl Policy<courses::table> for OwnerPolicy {
///     fn scope(principal: &Principal, action: Action) -> Scope<courses::table> {
///         match action {
///             Action::Get | Action::List => Scope::all(),
///             Action::Create => Scope::when(!principal.is_anonymous()),
///             _ => Scope::owned_by(courses::created_by, principal.id())
///                 .or_forbidden("Only its creator can change a course"),
///         }
///     }
///
///     fn fields(principal: &Principal) -> Fields<courses::table> {
///         match principal.has_role("admin") {
///             true => Fields::all(),
///             false => Fields::all().hide(courses::price),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy for `{T}`",
    note = "implement `Policy<{T}>` for it: `fn scope(principal, action) -> Scope<{T}>`"
)]
pub trait Policy<T>: Send + Sync + 'static {
    /// The rows on which the principal may do this. Asked on every request, cached answers included.
    fn scope(principal: &Principal, action: Action) -> Scope<T>;

    /// The fields that the principal may see and set; everything, unless said otherwise.
    fn fields(_principal: &Principal) -> Fields<T> {
        Fields::all()
    }
}

/// A [`Scope`] without its table's type: what the operations know.
#[doc(hidden)]
#[derive(Clone)]
pub struct Rule {
    pub(crate) predicate: Predicate,
    pub(crate) refusal: Option<&'static str>,
}

impl Rule {
    pub(crate) const ALWAYS: Self = Self {
        predicate: Predicate::Always,
        refusal: None,
    };

    pub(crate) fn is_always(&self) -> bool {
        matches!(self.predicate, Predicate::Always)
    }

    pub(crate) fn is_never(&self) -> bool {
        matches!(self.predicate, Predicate::Never)
    }
}

/// The fields of `T` that a principal may not see or not set.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// fn of(principal: &Principal) -> Fields<courses::table> {
///     match principal.has_role("admin") {
///         true => Fields::all(),
///         false => Fields::all().hide(courses::metadata).read_only(courses::price),
///     }
/// }
/// ```
pub struct Fields<T> {
    mask: Mask,
    table: PhantomData<fn() -> T>,
}

/// [`Fields`] without the table's type.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    pub(crate) hidden: Vec<&'static str>,
    pub(crate) read_only: Vec<&'static str>,
}

impl<T> Fields<T> {
    /// Every field may be seen and set.
    pub fn all() -> Self {
        Self {
            mask: Mask::default(),
            table: PhantomData,
        }
    }

    /// This field is left out of every answer, and can't be filtered, sorted by or set.
    #[must_use]
    pub fn hide<C: Column<Table = T>>(mut self, column: C) -> Self {
        self.mask.hidden.push(C::NAME);
        self.read_only(column)
    }

    /// This field can be seen but not set.
    #[must_use]
    pub fn read_only<C: Column<Table = T>>(mut self, _column: C) -> Self {
        self.mask.read_only.push(C::NAME);
        self
    }

    pub(crate) fn erase(self) -> Mask {
        self.mask
    }
}

impl Mask {
    pub(crate) fn hides(&self, field: &str) -> bool {
        self.hidden.contains(&field)
    }
}
