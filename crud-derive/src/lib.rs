//! The declarations of `crud_core`: `#[derive(EntityInterface)]` and `#[dto(…)]`.
//!
//! The way of a declaration is [`attr`] (words) → [`model`] (checked meaning) → [`expand`] (code),
//! each a pure function over `proc_macro2`. What is generated are declarations, never behaviour.

mod attr;
mod diagnostics;
mod expand;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::Error;

#[proc_macro_derive(EntityInterface, attributes(entity))]
pub fn entity_interface(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entity_inner(item.into()).into()
}

#[proc_macro_attribute]
pub fn dto(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    dto_inner(args.into(), item.into()).into()
}

fn entity_inner(item: TokenStream) -> TokenStream {
    model::entity::Entity::parse(item)
        .map(|entity| expand::entity::expand(&entity))
        .unwrap_or_else(Error::into_compile_error)
}

fn dto_inner(args: TokenStream, item: TokenStream) -> TokenStream {
    model::dto::Dto::parse(args, item.clone())
        .map(|dto| expand::dto::expand(&dto))
        .unwrap_or_else(|error| expand::dto::faulty(&error, item))
}
