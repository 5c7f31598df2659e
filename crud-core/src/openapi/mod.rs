//! The API's own description: an OpenAPI 3.1 document, built once from the [`Registry`] and from the
//! [`Operation`]s of custom routes, and the page that shows it.
//!
//! [`document`] is what `/openapi.json` serves and the snapshot test compares; [`check`] says what is
//! wrong with one. Nothing here answers a request of an entity or decides what one may contain: the
//! document repeats what `router`, `query` and `error` do, and changes with them.

mod aggregate;
mod batch;
mod bulk;
mod by_key;
mod check;
mod children;
pub mod docs;
mod document;
mod filters;
mod history;
mod limits;
mod operation;
mod operations;
mod parameters;
mod promises;
mod responses;
mod routes;
mod schemas;
mod shared;

#[cfg(test)]
mod tests;

pub(crate) use self::schemas::clean;
pub use self::{
    check::{check, faults},
    document::document,
    operation::Operation,
    promises::Promises,
    routes::Routes,
    shared::followed,
};

#[cfg(doc)]
use crate::Registry;

/// What the document says of the API as a whole.
///
/// ```
/// use crud_core::{Registry, openapi::{self, Info}};
///
/// let info = Info { title: "Campus", version: "1", ..Info::default() };
/// let document = openapi::document(&Registry::new(), &info, &[]);
/// assert_eq!(document["info"]["title"], "Campus");
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Info<'a> {
    /// The API's name.
    pub title: &'a str,
    /// The version of the API, not of OpenAPI.
    pub version: &'a str,
    /// A paragraph on what it is for, in Markdown.
    pub description: &'a str,
    /// The roles that callers have. A field that a policy hides from one of them, from a caller
    /// without a role or from an anonymous one, is documented as one that may be missing.
    pub roles: &'a [&'a str],
}
