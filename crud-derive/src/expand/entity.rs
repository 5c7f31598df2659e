//! `#[derive(EntityInterface)]`: one `impl`, and the check that the table has the standard columns.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Ident, Path, ext::IdentExt, spanned::Spanned};

use super::column;
use crate::model::{
    entity::{ALWAYS_SORTED, Entity},
    short::Short,
};

/// The columns that every entity's table has.
const STANDARD: [&str; 6] = [
    "id",
    "version",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
];

/// The code of an entity.
pub(crate) fn expand(entity: &Entity) -> TokenStream {
    let Entity {
        ident,
        name,
        description,
        endpoint,
        table,
        create,
        get,
        list,
        update,
        query,
        policy,
        ..
    } = entity;
    let cache_ttl = match entity.cache_ttl {
        Some(seconds) => quote!(::core::option::Option::Some(#seconds)),
        None => quote!(::core::option::Option::None),
    };
    let default_sort = entity
        .default_sort
        .as_ref()
        .map(|sort| quote!(const DEFAULT_SORT: &'static str = #sort;));
    let sorts = sorts(entity);
    let search = search(entity);
    let before_create = entity
        .before_create
        .as_ref()
        .map(|function| hook(function, &quote!(before_create), &quote!(Create), table));
    let before_update = entity
        .before_update
        .as_ref()
        .map(|function| hook(function, &quote!(before_update), &quote!(Update), table));
    let before_write = entity
        .before_write
        .as_ref()
        .map(|function| around(function, &quote!(before_write), &quote!(BEFORE_WRITE), true));
    let after_write = entity
        .after_write
        .as_ref()
        .map(|function| around(function, &quote!(after_write), &quote!(AFTER_WRITE), false));
    let explain = entity.explain.as_ref().map(explain);
    let numbered = numbered(entity);
    let relations = relations(entity);
    let further = further(entity);
    let standard = standard_columns(table);
    let id = id(table);
    let short = entity.short.as_ref();
    let short = short.map(|short| super::short::expand(ident, table, short));
    quote! {
        #short
        const _: () = {
            #[automatically_derived]
            impl ::crud_core::EntityInterface for #ident {
                type Table = #table::table;
                #id
                type Create = #create;
                type Get = #get;
                type List = #list;
                type Update = #update;
                type Query = #query;
                type Policy = #policy;

                const NAME: &'static str = #name;
                const DESCRIPTION: &'static str = #description;
                const ENDPOINT: &'static str = #endpoint;
                const CACHE_TTL: ::core::option::Option<u64> = #cache_ttl;
                #default_sort

                #sorts
                #search
                #before_create
                #before_update
                #before_write
                #after_write
                #explain
                #numbered
                #relations
                #further
            }
            #standard
        };
    }
}

/// A faulty entity: its errors, and the DTOs that it would write.
pub(crate) fn faulty(error: &Error, item: &TokenStream) -> TokenStream {
    let errors = error.to_compile_error();
    let stubs = Short::stubs(item);
    let stubs = stubs.into_iter().map(super::dto::plain);
    quote!(#errors #(#stubs)*)
}

/// A column that cannot be an id is shown at the table.
fn id(table: &Path) -> TokenStream {
    let span = table_span(table);
    quote_spanned!(span=> type Id = ::crud_core::IdOf<#table::id>;)
}

fn sorts(entity: &Entity) -> TokenStream {
    let table = &entity.table;
    let declared = entity.sort.iter().map(|name| {
        let column = column(table, name, name.span());
        quote_spanned!(name.span()=> ::crud_core::__private::SortColumn::of(#column))
    });
    let always = ALWAYS_SORTED
        .iter()
        .filter(|name| {
            !entity
                .sort
                .iter()
                .any(|declared| declared.unraw() == **name)
        })
        .map(|name| {
            let span = table_span(table);
            let column = column(table, &Ident::new(name, span), span);
            quote_spanned!(span=> ::crud_core::__private::SortColumn::of(#column))
        });
    quote! {
        fn sorts() -> ::std::vec::Vec<::crud_core::__private::SortColumn> {
            ::std::vec![#(#declared,)* #(#always,)*]
        }
    }
}

/// Named as columns: an unknown one, or one that holds no text, is an error at the name.
fn numbered(entity: &Entity) -> Option<TokenStream> {
    if entity.numbered.is_empty() {
        return None;
    }
    let columns = entity.numbered.iter().map(|name| {
        let column = column(&entity.table, name, name.span());
        quote_spanned!(name.span()=> ::crud_core::__private::text_column(#column))
    });
    Some(quote! {
        const NUMBERED: &'static [&'static str] = &[#(#columns),*];
    })
}

/// Named as columns: an unknown one is an error at the name.
fn named(table: &Path, names: &[Ident], constant: &TokenStream) -> Option<TokenStream> {
    if names.is_empty() {
        return None;
    }
    let columns = names.iter().map(|name| {
        let column = column(table, name, name.span());
        quote_spanned!(name.span()=> ::crud_core::__private::column_name(#column))
    });
    Some(quote! {
        const #constant: &'static [&'static str] = &[#(#columns),*];
    })
}

/// What it demands, keeps and offers beside the ordinary.
fn further(entity: &Entity) -> TokenStream {
    let unique = unique(entity);
    let partition = entity.cache_partition.as_ref().map(|name| {
        let column = column(&entity.table, name, name.span());
        let name = quote_spanned!(name.span()=> ::crud_core::__private::column_name(#column));
        quote!(
            const CACHE_PARTITION: ::core::option::Option<&'static str> =
                ::core::option::Option::Some(#name);
        )
    });
    let if_match = entity.if_match_required.then(|| {
        quote!(
            const IF_MATCH_REQUIRED: bool = true;
        )
    });
    let history = entity.history.then(|| {
        quote!(
            const HISTORY: bool = true;
        )
    });
    let aggregates = named(&entity.table, &entity.aggregates, &quote!(AGGREGATES));
    let groups = named(&entity.table, &entity.groups, &quote!(GROUPS));
    let routes = routes(entity);
    quote!(#unique #partition #if_match #history #aggregates #groups #routes)
}

/// As [`numbered`].
fn unique(entity: &Entity) -> Option<TokenStream> {
    if entity.unique.is_empty() {
        return None;
    }
    let columns = entity.unique.iter().map(|name| {
        let column = column(&entity.table, name, name.span());
        quote_spanned!(name.span()=> ::crud_core::__private::UniqueColumn::of(#column))
    });
    Some(quote! {
        const UNIQUE: &'static [::crud_core::__private::UniqueColumn] = &[#(#columns),*];
    })
}

fn routes(entity: &Entity) -> Option<TokenStream> {
    let actions = entity.routes.actions.as_ref()?;
    Some(quote! {
        const ROUTES: &'static [::crud_core::Action] = &[#(::crud_core::Action::#actions),*];
    })
}

/// What is wrong with a column or an entity is shown at its relation.
fn relations(entity: &Entity) -> Option<TokenStream> {
    if entity.relations.is_empty() {
        return None;
    }
    let relations = entity.relations.iter().map(|relation| {
        let name = relation.name.unraw().to_string();
        let (column, of) = (&relation.column, &relation.entity);
        // What is no entity is told of where it stands; a column's own type is its own span's.
        let span = of.span().resolved_at(Span::call_site());
        let nested = relation.nested.then(|| quote!(.nested()));
        match relation.many {
            true => quote_spanned! {span=>
                ::crud_core::__private::Relation::has_many::<Self, #of, _>(#name, #column) #nested
            },
            false => quote_spanned! {span=>
                ::crud_core::__private::Relation::belongs_to::<Self, #of, _>(#name, #column)
            },
        }
    });
    Some(quote! {
        fn relations() -> ::std::vec::Vec<::crud_core::__private::Relation> {
            ::std::vec![#(#relations),*]
        }
    })
}

/// The function is bound to its type first: a wrong signature is then one error, which shows both.
fn search(entity: &Entity) -> TokenStream {
    let Entity {
        table,
        query,
        search: function,
        ..
    } = entity;
    let [search, filters, declared] = locals(["search", "filters", "declared"]);
    let call = quote_spanned! {function.span().resolved_at(Span::call_site())=>
        let #declared: fn(
            ::crud_core::__private::Search<#table::table>,
            &#query,
        ) -> ::crud_core::__private::Search<#table::table> = #function;
        #declared(#search, #filters)
    };
    quote! {
        fn search(
            #search: ::crud_core::__private::Search<#table::table>,
            #filters: &#query,
        ) -> ::crud_core::__private::Search<#table::table> {
            #call
        }
    }
}

fn hook(function: &Path, name: &TokenStream, dto: &TokenStream, table: &Path) -> TokenStream {
    let [body, set, principal, declared] = locals(["body", "set", "principal", "declared"]);
    let call = quote_spanned! {function.span().resolved_at(Span::call_site())=>
        let #declared: fn(
            &mut <Self as ::crud_core::EntityInterface>::#dto,
            &mut ::crud_core::__private::Assignments<#table::table>,
            &::crud_core::__private::Principal,
        ) -> ::crud_core::Result<()> = #function;
        #declared(#body, #set, #principal)
    };
    quote! {
        fn #name(
            #body: &mut Self::#dto,
            #set: &mut ::crud_core::__private::Assignments<#table::table>,
            #principal: &::crud_core::__private::Principal,
        ) -> ::crud_core::Result<()> {
            #call
        }
    }
}

fn explain(function: &Path) -> TokenStream {
    let [fault, declared] = locals(["fault", "declared"]);
    let call = quote_spanned! {function.span().resolved_at(Span::call_site())=>
        let #declared: fn(&::crud_core::__private::Fault)
            -> ::core::option::Option<::crud_core::Error> = #function;
        #declared(#fault)
    };
    quote! {
        fn explain(
            #fault: &::crud_core::__private::Fault,
        ) -> ::core::option::Option<::crud_core::Error> {
            #call
        }
    }
}

/// A hook of the transaction; `before` may change what is written.
fn around(function: &Path, name: &TokenStream, flag: &TokenStream, before: bool) -> TokenStream {
    let [write] = locals(["write"]);
    let told = match before {
        true => quote!(mut ::crud_core::__private::Before<'_, Self>),
        false => quote!(::crud_core::__private::After<'_, Self>),
    };
    let call = quote_spanned! {function.span().resolved_at(Span::call_site())=>
        ::std::boxed::Box::pin(#function(#write))
    };
    quote! {
        const #flag: bool = true;
        fn #name<'a>(
            #write: &'a #told,
        ) -> ::crud_core::__private::BoxFuture<'a, ::crud_core::Result<()>> {
            #call
        }
    }
}

/// Names that the declaration's own functions cannot meet: one may well be called `search`.
fn locals<const N: usize>(names: [&str; N]) -> [Ident; N] {
    names.map(|name| Ident::new(name, Span::mixed_site()))
}

/// Never called: it only has to compile, and says so at the table when it does not.
fn standard_columns(table: &Path) -> TokenStream {
    let span = table_span(table);
    let columns = STANDARD.map(|name| column(table, &Ident::new(name, span), span));
    quote_spanned! {span=>
        const _: fn() = || ::crud_core::__private::standard_columns(#(#columns),*);
    }
}

fn table_span(table: &Path) -> Span {
    table
        .segments
        .last()
        .map_or_else(Span::call_site, |last| last.ident.span())
}
