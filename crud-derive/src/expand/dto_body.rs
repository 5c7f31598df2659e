//! Create and update DTOs: how a field is read from JSON, and how it becomes an assignment.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, ext::IdentExt};

use super::column;
use crate::model::{
    dto::{Dto, Role},
    field::{Field, Text},
};

/// The derives of a body. `Serialize` is for those who send one: tests and clients.
pub(super) fn header() -> TokenStream {
    quote! {
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::crud_core::__private::serde::Serialize,
            ::crud_core::__private::serde::Deserialize,
            ::crud_core::__private::schemars::JsonSchema,
            ::crud_core::__private::validator::Validate,
        )]
        #[serde(crate = "::crud_core::__private::serde", deny_unknown_fields)]
        #[schemars(crate = "::crud_core::__private::schemars")]
        #[validate(crate = "::crud_core::__private::validator")]
    }
}

/// The attributes of a field of a create DTO.
pub(super) fn create_field(dto: &Ident, field: &Field) -> TokenStream {
    let span = field.type_span();
    let reader = match (field.text, field.options) {
        (Text::Trimmed, 0) => Some("trimmed"),
        (Text::Trimmed, _) => Some("trimmed_option"),
        (Text::Verbatim, 0) => Some("text"),
        (Text::Verbatim, _) => Some("text_option"),
        (Text::Json, 0) => Some("object"),
        (Text::Json, _) => Some("object_option"),
        (Text::Other, _) => None,
    };
    let reader = reader.map(|name| read_with(name, field));
    let default = match &field.default {
        Some(Some(_)) => {
            let path = format!("{dto}::{}", default_name(field));
            let path = LitStr::new(&path, span);
            Some(quote_spanned!(span=> #[serde(default = #path)]))
        }
        Some(None) => Some(quote_spanned!(span=> #[serde(default)])),
        // Without `skip_serializing_if` the schema would tell of a default `null`.
        None if field.options > 0 => Some(quote_spanned! {span=>
            #[serde(default, skip_serializing_if = "::core::option::Option::is_none")]
        }),
        None => None,
    };
    let shape = object_schema(field, field.options > 0);
    quote!(#default #reader #shape)
}

/// A `Json` may hold anything, but a body must hold an object.
fn object_schema(field: &Field, nullable: bool) -> Option<TokenStream> {
    match (field.text, nullable) {
        (Text::Json, false) => Some(quote!(#[schemars(extend("type" = "object"))])),
        (Text::Json, true) => Some(quote!(#[schemars(extend("type" = ["object", "null"]))])),
        _ => None,
    }
}

/// The attributes of a field of an update DTO: left out is not `null`.
pub(super) fn update_field(field: &Field) -> TokenStream {
    let span = field.type_span();
    let reader = match (field.text, field.options) {
        (Text::Trimmed, 1) => "trimmed_present",
        (Text::Trimmed, _) => "trimmed_nullable",
        (Text::Verbatim, 1) => "text_present",
        (Text::Verbatim, _) => "text_nullable",
        (Text::Json, 1) => "object_present",
        (Text::Json, _) => "object_nullable",
        (Text::Other, 1) => "present",
        (Text::Other, _) => "nullable",
    };
    let reader = read_with(reader, field);
    let value = &field.value;
    let sent = if field.options > 1 {
        quote!(::core::option::Option<#value>)
    } else {
        value.to_token_stream()
    };
    let sent = LitStr::new(&sent.to_string(), span);
    let shape = object_schema(field, field.options > 1);
    quote_spanned! {span=>
        #[serde(default, skip_serializing_if = "::core::option::Option::is_none")]
        #reader
        #[schemars(with = #sent)]
        #shape
    }
}

fn read_with(name: &str, field: &Field) -> TokenStream {
    let span = field.type_span();
    let path = LitStr::new(&format!("::crud_core::dto::de::{name}"), span);
    quote_spanned!(span=> #[serde(deserialize_with = #path)])
}

/// `impl CreateDto`.
pub(super) fn create(dto: &Dto, table: &Path) -> TokenStream {
    let ident = &dto.ident;
    let fields = fields(dto);
    let defaults = defaults(dto);
    let insert = columns(dto).map(|field| {
        let set = set(table, field);
        if field.options == 0 {
            set.always
        } else {
            set.when_some
        }
    });
    let replace = columns(dto).map(|field| {
        let set = set(table, field);
        if field.options == 0 {
            return set.always;
        }
        let column = column(table, &field.ident, field.ident.span());
        let (span, ident) = (field.type_span(), &field.ident);
        let when_some = set.when_some;
        quote_spanned! {span=>
            if self.#ident.is_none() {
                into.clear(#column);
            }
            #when_some
        }
    });
    quote! {
        #defaults
        #[automatically_derived]
        impl ::crud_core::__private::CreateDto<#table::table> for #ident {
            const FIELDS: &'static [::crud_core::__private::Field] = &[#fields];

            fn insert(self, into: &mut ::crud_core::__private::Assignments<#table::table>) {
                #(#insert)*
            }

            fn replace(self, into: &mut ::crud_core::__private::Assignments<#table::table>) {
                #(#replace)*
            }
        }
    }
}

/// `impl UpdateDto`.
pub(super) fn update(dto: &Dto, table: &Path) -> TokenStream {
    let ident = &dto.ident;
    let fields = fields(dto);
    let assign = columns(dto).map(|field| match (field.text, field.options) {
        (Text::Json, options) => {
            let column = column(table, &field.ident, field.ident.span());
            let (span, ident) = (field.type_span(), &field.ident);
            let patch = if options > 1 {
                quote_spanned!(span=> patch)
            } else {
                quote_spanned!(span=> ::core::option::Option::Some(patch))
            };
            quote_spanned! {span=>
                if let ::core::option::Option::Some(patch) = self.#ident {
                    into.merge(#column, #patch);
                }
            }
        }
        _ => set(table, field).when_some,
    });
    quote! {
        #[automatically_derived]
        impl ::crud_core::__private::UpdateDto<#table::table> for #ident {
            const FIELDS: &'static [::crud_core::__private::Field] = &[#fields];

            fn assign(self, into: &mut ::crud_core::__private::Assignments<#table::table>) {
                #(#assign)*
            }
        }
    }
}

/// `new` of a create DTO that the derive writes: of what a body must have, so that code which makes one need not know
/// of fields that come later and may be left out.
pub(super) fn new(dto: &Dto) -> Option<TokenStream> {
    let Role::Create { .. } = dto.role else {
        return None;
    };
    let (ident, vis) = (&dto.ident, &dto.vis);
    let is_needed = |field: &&Field| field.options == 0 && field.default.is_none();
    let needed = dto.fields.iter().filter(is_needed).map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        quote!(#ident: #ty)
    });
    let members = dto.fields.iter().map(|field| {
        let ident = &field.ident;
        match &field.default {
            Some(Some(_)) => {
                let default = default_name(field);
                quote!(#ident: Self::#default())
            }
            None if is_needed(&field) => quote!(#ident),
            _ => quote!(#ident: ::core::default::Default::default()),
        }
    });
    Some(quote! {
        #[automatically_derived]
        impl #ident {
            /// One with the fields that a body must have; all others are as in a body without them.
            #[allow(dead_code, clippy::too_many_arguments, clippy::new_without_default, reason = "it takes what the declaration says, and nobody need call it")]
            #vis fn new(#(#needed),*) -> Self {
                Self { #(#members),* }
            }
        }
    })
}

fn columns(dto: &Dto) -> impl Iterator<Item = &Field> {
    dto.fields.iter().filter(|field| field.column)
}

/// The two ways to set a column: to the field's value, or to the value in its `Option`.
struct Set {
    always: TokenStream,
    when_some: TokenStream,
}

fn set(table: &Path, field: &Field) -> Set {
    let column = column(table, &field.ident, field.ident.span());
    let (span, ident) = (field.type_span(), &field.ident);
    Set {
        always: quote_spanned!(span=> into.set(#column, self.#ident);),
        when_some: quote_spanned! {span=>
            if let ::core::option::Option::Some(value) = self.#ident {
                into.set(#column, value);
            }
        },
    }
}

fn fields(dto: &Dto) -> TokenStream {
    let fields = dto.fields.iter().map(|field| {
        let name = &field.name;
        let trimmed = field.text == Text::Trimmed;
        quote!(::crud_core::__private::Field { name: #name, trimmed: #trimmed })
    });
    quote!(#(#fields),*)
}

/// The functions that serde takes the declared defaults from.
fn defaults(dto: &Dto) -> TokenStream {
    let ident = &dto.ident;
    let functions: Vec<_> = dto
        .fields
        .iter()
        .filter_map(|field| {
            let expr = field.default.as_ref()?.as_ref()?;
            let name = default_name(field);
            let ty = &field.ty;
            let value = match expr {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) if matches!(field.text, Text::Trimmed | Text::Verbatim) => {
                    quote!(::std::string::String::from(#text))
                }
                _ => expr.to_token_stream(),
            };
            Some(quote! {
                fn #name() -> #ty {
                    #value
                }
            })
        })
        .collect();
    if functions.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[automatically_derived]
        impl #ident {
            #(#functions)*
        }
    }
}

fn default_name(field: &Field) -> Ident {
    format_ident!("__default_{}", field.ident.unraw())
}
