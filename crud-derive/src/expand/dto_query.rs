//! Query DTOs: one parameter for each field.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{LitStr, Path};

use super::column;
use crate::model::{
    dto::Dto,
    field::{Field, Filter},
};

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
    if field.filter.is_some() {
        return quote_spanned!(span=> #[schemars(default, skip_serializing_if = "::crud_core::__private::always")]);
    }
    let value = LitStr::new(&field.value.to_token_stream().to_string(), span);
    quote_spanned! {span=>
        #[schemars(with = #value, default, skip_serializing_if = "::core::option::Option::is_none")]
    }
}

/// `impl QueryDto`.
pub(super) fn query(dto: &Dto, table: Option<&Path>) -> TokenStream {
    let ident = &dto.ident;
    let by_hand = |field: &&Field| {
        matches!(
            field.filter,
            None | Some(Filter::Column { by_hand: true, .. })
        )
    };
    let names: Vec<_> = (dto.fields.iter().filter(by_hand))
        .map(|field| &field.name)
        .collect();
    let members = dto.fields.iter().map(|field| {
        let (ident, value, name) = (&field.ident, &field.value, &field.name);
        let member = match field.filter {
            Some(Filter::Column { by_hand: true, .. }) => quote_spanned! {field.type_span()=>
                ::crud_core::Filter::by_hand(params.take(#name))
            },
            Some(_) => quote!(::core::default::Default::default()),
            None => quote_spanned!(field.type_span()=> params.take::<#value>(#name)),
        };
        quote!(#ident: #member)
    });
    let params = if names.is_empty() {
        quote!(_)
    } else {
        quote!(params)
    };
    let filters = filters(dto, table);
    quote! {
        #[automatically_derived]
        impl ::crud_core::__private::QueryDto for #ident {
            const FIELDS: &'static [&'static str] = &[#(#names),*];

            fn parse(#params: &mut ::crud_core::__private::Params) -> Self {
                Self { #(#members),* }
            }

            #filters
        }
    }
}

/// `fn filters`, where there are such fields. Each names its field, which has the types.
fn filters(dto: &Dto, table: Option<&Path>) -> Option<TokenStream> {
    let filters: Vec<_> = (dto.fields.iter())
        .filter_map(|field| {
            let (ident, name) = (&field.ident, &field.name);
            let of = quote!(|query: &Self| &query.#ident);
            Some(match field.filter.as_ref()? {
                Filter::Column {
                    column: of_column, ..
                } => {
                    let column = column(table?, of_column, of_column.span());
                    quote_spanned! {field.type_span()=>
                        ::crud_core::__private::FilterField::column(#name, #column, #of)
                    }
                }
                Filter::Words => quote_spanned! {field.type_span()=>
                    ::crud_core::__private::FilterField::words(#name, #of)
                },
                Filter::Relation => quote_spanned! {field.type_span()=>
                    ::crud_core::__private::FilterField::through(#name, #of)
                },
            })
        })
        .collect();
    if filters.is_empty() {
        return None;
    }
    Some(quote! {
        fn filters() -> ::std::vec::Vec<::crud_core::__private::FilterField> {
            ::std::vec![#(#filters),*]
        }
    })
}
