//! `filter(…)` above an entity in its short form: filters on what is no field of it, which are standard columns
//! and relations. Each becomes a field of the query DTO; nothing here knows what it means.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, Ident, Path, ext::IdentExt, parse_quote};

use super::{
    doc,
    field::peel,
    short_field::{ShortField, Written},
    standard,
};
use crate::{
    attr::{
        dto::Kind,
        entity::{EntityArgs, Relation},
    },
    diagnostics::{Errors, unknown},
};

/// The filters as fields of the query DTO; what is wrong goes to `errors`. The relations of `args` are complete.
pub(crate) fn further(
    args: &EntityArgs,
    fields: &[ShortField],
    written: &Written,
    errors: &mut Errors,
) -> Vec<TokenStream> {
    if let Some(first) = args.filter.first().or(args.full_text.first())
        && !written.has(Kind::Query)
    {
        const TEXT: &str =
            "the entity names its query DTO itself: its filters are said there, not here";
        errors.push(Error::new(first.span(), TEXT));
    }
    // Without a table nothing is written.
    let table = args.table.clone().unwrap_or_else(|| parse_quote!(table));
    let mut found = Vec::new();
    for (at, name) in args.filter.iter().enumerate() {
        if args.filter[..at].contains(name) {
            let text = format!("`{name}` is given twice");
            errors.push(Error::new(name.span(), text));
        } else if fields.iter().any(|field| field.ident == *name) {
            let text =
                format!("`{name}` is a field, which says this itself: `#[field(…, filter)]`");
            errors.push(Error::new(name.span(), text));
        } else {
            found.extend(errors.take(filter(name, &table, &args.relations)));
        }
    }
    found.extend(words(args, fields, written, errors));
    found
}

/// `full_text(title, description)`: the field `q`.
fn words(
    args: &EntityArgs,
    fields: &[ShortField],
    written: &Written,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let (table, first) = (args.table.as_ref()?, args.full_text.first()?);
    for column in &args.full_text {
        let field = fields.iter().find(|field| field.ident == *column);
        let text = match field {
            Some(field) if field.is_seen(written) && field.is_column() => continue,
            Some(_) => "nobody sees this field: a search for its words would tell what is hidden",
            None => "`full_text` names fields of the entity",
        };
        errors.push(Error::new(column.span(), text));
    }
    let columns = args
        .full_text
        .iter()
        .map(|column| quote_spanned!(column.span()=> #table::#column));
    let names: Vec<_> = (args.full_text.iter())
        .map(|column| format!("`{}`", column.unraw()))
        .collect();
    let about = format!("Words in {}.", names.join(", "));
    Some(quote_spanned! {first.span()=>
        #[doc = #about]
        pub q: ::crud_core::FullText<(#(#columns,)*)>
    })
}

fn filter(name: &Ident, table: &Path, relations: &[Relation]) -> syn::Result<TokenStream> {
    if let Some(relation) = relations.iter().find(|relation| relation.name == *name) {
        let one = name.unraw().to_string().replace('_', " ");
        let about = match relation.many {
            true => format!("One of its {one}."),
            false => format!("Its {one}."),
        };
        let entity = &relation.entity;
        return Ok(quote_spanned! {name.span()=>
            #[doc = #about]
            pub #name: ::crud_core::Through<#entity>
        });
    }
    let mut columns = standard::columns(table, name.span());
    if let Some((_, column)) = columns.find(|(known, _)| known == name) {
        let (about, (_, value)) = (doc(&column.attrs), peel(&column.ty));
        return Ok(quote!(#[doc = #about] pub #name: ::crud_core::Filter<#value>));
    }
    let relations = relations.iter().map(|relation| relation.name.clone());
    let known = standard::columns(table, name.span()).map(|(known, _)| known);
    let known: Vec<_> = known
        .chain(relations)
        .map(|known| known.to_string())
        .collect();
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    Err(unknown(name, "filter", &known))
}
