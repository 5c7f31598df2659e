//! Get and list DTOs: the columns of a row, each with the Rust type that it is read as.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;

use super::column;
use crate::model::dto::Dto;

/// The derives of a row. `Deserialize` is for those who receive one: tests and clients.
pub(super) fn header() -> TokenStream {
    quote! {
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::crud_core::__private::serde::Serialize,
            ::crud_core::__private::serde::Deserialize,
            ::crud_core::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "::crud_core::__private::serde")]
        #[schemars(
            crate = "::crud_core::__private::schemars",
            transform = ::crud_core::__private::all_required
        )]
    }
}

/// `impl RowDto`.
pub(super) fn row(dto: &Dto, table: &Path) -> TokenStream {
    let ident = &dto.ident;
    let columns = dto.fields.iter().map(|field| {
        let column = column(table, &field.ident, field.ident.span());
        let (span, ty) = (field.type_span(), &field.ty);
        // The column is named once, as a type: an unknown one is one error, at the field.
        quote_spanned! {span=>
            ::crud_core::__private::ReadColumn::of::<#column, #ty>(::core::default::Default::default())
        }
    });
    quote! {
        #[automatically_derived]
        impl ::crud_core::__private::RowDto<#table::table> for #ident {
            fn columns() -> ::std::vec::Vec<::crud_core::__private::ReadColumn> {
                ::std::vec![#(#columns),*]
            }
        }
    }
}
