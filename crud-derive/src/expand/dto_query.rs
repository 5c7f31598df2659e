//! Query DTOs: one parameter for each field.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::LitStr;

use crate::model::{dto::Dto, field::Field};

/// The derives of a query.
pub(super) fn header() -> TokenStream {
    quote! {
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::core::default::Default,
            ::crud_core::__private::schemars::JsonSchema,
        )]
        #[schemars(crate = "::crud_core::__private::schemars")]
    }
}

/// The attributes of a field: a parameter may be left out, but it is never `null`.
pub(super) fn field(field: &Field) -> TokenStream {
    let span = field.type_span();
    let value = LitStr::new(&field.value.to_token_stream().to_string(), span);
    quote_spanned! {span=>
        #[schemars(with = #value, default, skip_serializing_if = "::core::option::Option::is_none")]
    }
}

/// `impl QueryDto`.
pub(super) fn query(dto: &Dto) -> TokenStream {
    let ident = &dto.ident;
    let names = dto.fields.iter().map(|field| &field.name);
    let members = dto.fields.iter().map(|field| {
        let (ident, value, name) = (&field.ident, &field.value, &field.name);
        let take = quote_spanned!(field.type_span()=> params.take::<#value>(#name));
        quote!(#ident: #take)
    });
    let params = if dto.fields.is_empty() {
        quote!(_)
    } else {
        quote!(params)
    };
    quote! {
        #[automatically_derived]
        impl ::crud_core::__private::QueryDto for #ident {
            const FIELDS: &'static [&'static str] = &[#(#names),*];

            fn parse(#params: &mut ::crud_core::__private::Params) -> Self {
                Self { #(#members),* }
            }
        }
    }
}
