//! Who asks: what a verified token, a job or a test says about the caller. Policies read it;
//! only [`crate::auth`] makes one from a request.

use std::sync::Arc;

use crate::Uuid;

/// The caller of an operation.
///
/// ```
/// use crud_core::{Principal, Uuid};
///
/// let teacher = Principal::user(Uuid::now_v7(), "teacher");
/// assert!(teacher.has_role("teacher") && !teacher.has_role("teach"));
/// assert!(Principal::anonymous().id().is_none());
/// assert!(Principal::system().is_system());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    id: Option<Uuid>,
    role: Option<Arc<str>>,
    system: bool,
}

impl Principal {
    /// Nobody in particular: no token was sent where none is needed.
    pub const fn anonymous() -> Self {
        Self {
            id: None,
            role: None,
            system: false,
        }
    }

    /// A signed-in user with one role.
    pub fn user(id: Uuid, role: impl Into<Arc<str>>) -> Self {
        Self {
            id: Some(id),
            role: Some(role.into()),
            system: false,
        }
    }

    /// The server itself (imports, jobs, migrations): passes every policy.
    pub const fn system() -> Self {
        Self {
            id: None,
            role: None,
            system: true,
        }
    }

    /// The user's id; `None` for an anonymous caller and for the server itself.
    pub const fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// The user's role.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Whether the role is exactly this one: no prefix, suffix or case is forgiven.
    pub fn has_role(&self, role: &str) -> bool {
        self.role.as_deref() == Some(role)
    }

    /// Whether nobody is signed in.
    pub const fn is_anonymous(&self) -> bool {
        self.id.is_none() && !self.system
    }

    /// Whether the server itself asks.
    pub const fn is_system(&self) -> bool {
        self.system
    }
}
