//! Get and list DTOs: the columns of a row, each with the Rust type that it is read as, and the
//! fields that are computed from them.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Path, ext::IdentExt, spanned::Spanned};

use super::column;
use crate::{
    attr::dto::Computed,
    model::{
        dto::Dto,
        field::{Field, Text},
    },
};

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

/// The attributes of a field.
pub(super) fn field(field: &Field) -> TokenStream {
    match field.computed {
        Some(_) => quote!(#[schemars(extend("readOnly" = true))]),
        None => TokenStream::new(),
    }
}

/// `impl RowDto`.
pub(super) fn row(dto: &Dto, table: &Path) -> TokenStream {
    let ident = &dto.ident;
    let computed = computed(dto, table);
    let columns = dto.fields.iter().filter(|field| field.column).map(|field| {
        let column = column(table, &field.ident, field.ident.span());
        let (span, ty) = (field.type_span(), &field.ty);
        // The column is named once, and as it is in a body: an unknown one is one error, at the field.
        quote_spanned! {span=>
            ::crud_core::__private::Reading(#column).read_as::<#ty>()
        }
    });
    quote! {
        #[automatically_derived]
        impl ::crud_core::__private::RowDto<#table::table> for #ident {
            fn columns() -> ::std::vec::Vec<::crud_core::__private::ReadColumn> {
                ::std::vec![#(#columns),*]
            }

            #computed
        }
    }
}

/// `fn computed`, where there is such a field.
fn computed(dto: &Dto, table: &Path) -> Option<TokenStream> {
    let fields: Vec<_> = dto
        .fields
        .iter()
        .filter_map(|field| Some(one_computed(dto, table, field, field.computed.as_ref()?)))
        .collect();
    if fields.is_empty() {
        return None;
    }
    Some(quote! {
        fn computed() -> ::std::vec::Vec<::crud_core::__private::ComputedColumn> {
            ::std::vec![#(#fields),*]
        }
    })
}

/// Text is lent to the function, everything else given to it.
fn one_computed(dto: &Dto, table: &Path, field: &Field, computed: &Computed) -> TokenStream {
    let Computed { function, fields } = computed;
    let (name, ty) = (&field.name, &field.ty);
    // Names that the declaration's own functions cannot meet.
    let span = Span::mixed_site();
    let [values, out, value] = ["values", "out", "value"].map(|name| Ident::new(name, span));
    let sources: Vec<_> = fields
        .iter()
        .filter_map(|name| dto.fields.iter().find(|field| name.unraw() == field.name))
        .collect();
    let names = sources.iter().map(|source| &source.name);
    // Each argument is shown where it is named.
    let locals: Vec<_> = fields
        .iter()
        .enumerate()
        .map(|(i, name)| format_ident!("field{i}", span = span.located_at(name.span())))
        .collect();
    let reads = sources
        .iter()
        .zip(&locals)
        .enumerate()
        .map(|(i, (source, local))| {
            let column = column(table, &source.ident, source.ident.span());
            let ty = &source.ty;
            quote!(let #local = #values.read::<#column, #ty>(#i)?;)
        });
    let arguments =
        sources
            .iter()
            .zip(&locals)
            .map(|(source, local)| match (source.text, source.options) {
                (Text::Trimmed, 0) => quote!(&#local),
                (Text::Trimmed, _) => quote!(#local.as_deref()),
                _ => quote!(#local),
            });
    // A function of another type is one error, shown at its name.
    let call = quote_spanned! {function.span().resolved_at(Span::call_site())=>
        let #value: #ty = #function(#(#arguments),*);
    };
    quote! {
        ::crud_core::__private::ComputedColumn::new(#name, &[#(#names),*], |#values, #out| {
            #(#reads)*
            #call
            #values.write(&#value, #out)
        })
    }
}
