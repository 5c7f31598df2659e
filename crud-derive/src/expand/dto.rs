//! `#[dto(…)]`: the struct again, with its derives and the attributes of its fields, and the trait
//! of its kind.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Error, ItemStruct};

use super::{dto_body, dto_query, dto_row};
use crate::model::{
    dto::{Dto, Role},
    field::own,
};

/// The code of a DTO.
pub(crate) fn expand(dto: &Dto) -> TokenStream {
    let (header, fields, implementation) = match &dto.role {
        Role::Create { table } => (
            dto_body::header(),
            dto.fields
                .iter()
                .map(|field| dto_body::create_field(&dto.ident, field))
                .collect(),
            dto_body::create(dto, table),
        ),
        Role::Update { table } => (
            dto_body::header(),
            dto.fields.iter().map(dto_body::update_field).collect(),
            dto_body::update(dto, table),
        ),
        Role::Row { table } => (
            dto_row::header(),
            dto.fields.iter().map(dto_row::field).collect(),
            dto_row::row(dto, table),
        ),
        Role::Query { table } => (
            dto_query::header(),
            dto.fields.iter().map(dto_query::field).collect::<Vec<_>>(),
            dto_query::query(dto, table.as_ref()),
        ),
    };
    let Dto {
        attrs, vis, ident, ..
    } = dto;
    let members = dto.fields.iter().zip(fields).map(|(field, added)| {
        let (attrs, vis, ident, ty) = (&field.attrs, &field.vis, &field.ident, &field.ty);
        quote! {
            #(#attrs)*
            #added
            #vis #ident: #ty
        }
    });
    quote! {
        #header
        #(#attrs)*
        #vis struct #ident {
            #(#members,)*
        }
        const _: () = {
            #implementation
        };
    }
}

/// A faulty DTO: its errors, and the struct as it stands, so that whatever names it still compiles.
pub(crate) fn faulty(error: &Error, item: TokenStream) -> TokenStream {
    let errors = error.to_compile_error();
    let item = plain(item);
    quote!(#errors #item)
}

/// The struct without what only `#[dto]` understands; nothing if it is none.
pub(super) fn plain(item: TokenStream) -> TokenStream {
    let Ok(mut item) = syn::parse2::<ItemStruct>(item) else {
        return TokenStream::new();
    };
    let plain = |attrs: &mut Vec<Attribute>| attrs.retain(|attribute| !own(attribute));
    plain(&mut item.attrs);
    item.fields
        .iter_mut()
        .for_each(|field| plain(&mut field.attrs));
    item.to_token_stream()
}
