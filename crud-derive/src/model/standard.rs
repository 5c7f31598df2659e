//! The standard fields: what every DTO of a kind holds unless it declares them itself or is `bare`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, Path, parse::Parser};

use super::field::Field;
use crate::{attr::dto::Kind, diagnostics::Errors};

/// Adds the standard fields that are not declared: the id first, the rest last.
pub(crate) fn complete(fields: &mut Vec<Field>, kind: Kind, table: &Path) {
    // What is wrong with one (a table without the column) is shown at the table.
    let span = match table.segments.last() {
        Some(last) => last.ident.span(),
        None => Span::call_site(),
    };
    for tokens in standard(kind, table, span) {
        let input = syn::Field::parse_named
            .parse2(tokens)
            .expect("the fields below are Rust");
        let mut errors = Errors::default();
        let field = Field::parse(&input, kind, &mut errors).expect("the fields below have names");
        debug_assert!(errors.finish(()).is_ok(), "the fields below keep the rules");
        if fields.iter().any(|declared| declared.name == field.name) {
            continue;
        }
        let position = if field.name == "id" { 0 } else { fields.len() };
        fields.insert(position, field);
    }
}

/// The standard columns, as a row has them.
pub(crate) fn columns(table: &Path, span: Span) -> impl Iterator<Item = (Ident, syn::Field)> {
    standard(Kind::Get, table, span)
        .into_iter()
        .filter_map(|tokens| {
            let field = syn::Field::parse_named.parse2(tokens);
            let field = field.expect("the fields below are Rust");
            Some((field.ident.clone()?, field))
        })
}

fn standard(kind: Kind, table: &Path, span: Span) -> Vec<TokenStream> {
    let id = quote_spanned! {span=>
        /// The row's id.
        pub id: ::crud_core::IdOf<#table::id>
    };
    let version = quote_spanned! {span=>
        /// How often the row has changed; the `ETag` is made of it.
        pub version: i64
    };
    let created_at = quote_spanned! {span=>
        /// When the row was created.
        pub created_at: ::crud_core::Timestamp
    };
    let updated_at = quote_spanned! {span=>
        /// When the row last changed.
        pub updated_at: ::crud_core::Timestamp
    };
    let created_by = quote_spanned! {span=>
        /// The user who created the row.
        pub created_by: ::core::option::Option<::crud_core::Uuid>
    };
    let updated_by = quote_spanned! {span=>
        /// The user who last changed the row.
        pub updated_by: ::core::option::Option<::crud_core::Uuid>
    };
    // In a body the reader of objects says so by itself.
    let shape = (kind == Kind::Get)
        .then(|| quote_spanned!(span=> #[schemars(extend("type" = ["object", "null"]))]));
    let properties = quote_spanned! {span=>
        /// Whatever else belongs to the row: a JSON object.
        #shape
        pub properties: ::core::option::Option<::crud_core::Json>
    };
    let change = quote_spanned! {span=>
        /// Merged into the row's properties (RFC 7396): `null` takes a member away, or all of them.
        pub properties: ::core::option::Option<::core::option::Option<::crud_core::Json>>
    };
    match kind {
        Kind::Create => vec![properties],
        Kind::Update => vec![change],
        Kind::Get => vec![
            id, version, created_at, updated_at, created_by, updated_by, properties,
        ],
        Kind::List => vec![id, version, created_at, updated_at],
        Kind::Query => Vec::new(),
    }
}
