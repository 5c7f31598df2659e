//! What the short form of an entity writes: its DTOs, as `#[dto]` would, and its search.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, Path};

use super::{column, dto, dto_body};
use crate::model::short::{Short, WrittenSearch};

/// The code of an entity's fields.
pub(super) fn expand(entity: &Ident, table: &Path, short: &Short) -> TokenStream {
    let dtos = short.dtos.iter().map(dto::expand);
    let new = short.dtos.iter().filter_map(dto_body::new);
    let search = short
        .search
        .as_ref()
        .map(|search| self::search(table, search));
    let fields = &short.fields;
    let hidden = short
        .hidden
        .iter()
        .map(|name| column(table, name, name.span()));
    quote! {
        #(#dtos)*
        #(#new)*
        #search
        // No row becomes an entity's struct: its fields are read here, for the compiler to know of.
        const _: fn(&#entity) = |entity| {
            #(let _ = &entity.#fields;)*
            #(let _ = #hidden;)*
        };
    }
}

fn search(table: &Path, search: &WrittenSearch) -> TokenStream {
    let WrittenSearch {
        about,
        vis,
        ident,
        query,
        filters,
    } = search;
    let conditions = filters.iter().map(|name| condition(table, name));
    let parameter = match filters.is_empty() {
        true => quote!(_query),
        false => quote!(query),
    };
    quote! {
        #[doc = #about]
        #[allow(dead_code, reason = "a search of the entity's own may stand in its place")]
        #vis fn #ident(
            search: ::crud_core::__private::Search<#table::table>,
            #parameter: &#query,
        ) -> ::crud_core::__private::Search<#table::table> {
            search #(#conditions)*
        }
    }
}

/// A part of the text, whatever the case.
fn condition(table: &Path, name: &Ident) -> TokenStream {
    let column = column(table, name, name.span());
    quote_spanned! {name.span()=>
        .containing(#column, query.#name.plain())
    }
}
