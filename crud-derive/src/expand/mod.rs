//! From the model to code. What is written here is declarations only: types, constants, and calls of
//! library functions. Every name is absolute and goes through `::crud_core`.

pub(crate) mod dto;
mod dto_body;
mod dto_query;
mod dto_row;
pub(crate) mod entity;
mod short;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Path;

/// `courses::title`, shown at `span`.
///
/// `proc_macro2` leaves an identifier where it was written, so an unknown column is shown there.
fn column(table: &Path, column: &Ident, span: Span) -> TokenStream {
    quote_spanned!(span=> #table::#column)
}
