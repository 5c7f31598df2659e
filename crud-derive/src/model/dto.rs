//! The model of `#[dto(…)]`.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Error, Fields, FieldsNamed, Ident, Item, Path, Result, Visibility, ext::IdentExt,
    punctuated::Punctuated,
};

use super::{
    check_table,
    field::{Field, Filter, check_attributes},
    standard,
};
use crate::{
    attr::dto::{DtoArgs, Kind},
    diagnostics::{Errors, unknown},
};

/// Derived on every DTO (`Default` on a query alone), so not to be derived again.
const DERIVED: [&str; 6] = [
    "Debug",
    "Clone",
    "Serialize",
    "Deserialize",
    "JsonSchema",
    "Validate",
];

/// A declared DTO.
pub(crate) struct Dto {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub ident: Ident,
    pub fields: Vec<Field>,
    pub role: Role,
}

/// What it is for.
pub(crate) enum Role {
    Create {
        table: Path,
    },
    Update {
        table: Path,
    },
    /// Get and list: they differ in their standard fields only.
    Row {
        table: Path,
    },
    Query {
        /// Of the columns of its `Filter`s.
        table: Option<Path>,
    },
}

impl Dto {
    /// Reads and checks a declaration: the attribute's arguments and the struct below it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(args: TokenStream, item: TokenStream) -> Result<Self> {
        let mut errors = Errors::default();
        let args = DtoArgs::read(args, &mut errors);
        let parts = errors.take(Parts::parse(item));
        let (Some(args), Some(parts)) = (args, parts) else {
            return Err(errors.into_error());
        };
        let Parts {
            attrs,
            vis,
            ident,
            fields: named,
        } = parts;
        check_attributes(&attrs, args.kind, &mut errors);
        for attribute in &attrs {
            check_derive(attribute, args.kind, &mut errors);
        }
        let mut fields: Vec<Field> = named
            .named
            .iter()
            .filter_map(|field| Field::parse(field, args.kind, &mut errors))
            .collect();
        let role = role(&args, &fields, &mut errors);
        if let Some(table) = args.table.as_ref().filter(|_| !args.bare) {
            standard::complete(&mut fields, args.kind, table);
        }
        check_computed(&fields, &mut errors);
        match role {
            Some(role) => errors.finish(Self {
                attrs,
                vis,
                ident,
                fields,
                role,
            }),
            None => Err(errors.into_error()),
        }
    }
}

struct Parts {
    attrs: Vec<Attribute>,
    vis: Visibility,
    ident: Ident,
    fields: FieldsNamed,
}

impl Parts {
    fn parse(item: TokenStream) -> Result<Self> {
        const TEXT: &str = "a DTO is a struct with named fields";
        let item: Item = syn::parse2(item)?;
        let ident = match &item {
            Item::Struct(item) => item.ident.clone(),
            Item::Enum(item) => item.ident.clone(),
            Item::Union(item) => item.ident.clone(),
            other => return Err(Error::new_spanned(other, TEXT)),
        };
        let Item::Struct(item) = item else {
            return Err(Error::new_spanned(ident, TEXT));
        };
        let Fields::Named(fields) = item.fields else {
            return Err(Error::new_spanned(ident, TEXT));
        };
        if !item.generics.params.is_empty() {
            return Err(Error::new_spanned(
                item.generics.params,
                "a DTO has no parameters: its schema is one",
            ));
        }
        Ok(Self {
            attrs: item.attrs,
            vis: item.vis,
            ident,
            fields,
        })
    }
}

fn role(args: &DtoArgs, fields: &[Field], errors: &mut Errors) -> Option<Role> {
    if args.kind == Kind::Query {
        let filter = (fields.iter()).find(|f| matches!(f.filter, Some(Filter::Column { .. })));
        match (&args.table, filter) {
            (Some(table), _) => drop(errors.take(check_table(table))),
            (None, Some(filter)) if !args.table_tried => errors.push(Error::new_spanned(
                &filter.ident,
                "a `Filter` needs its table: write `#[dto(query, table = …)]` above the struct",
            )),
            _ => {}
        }
        return Some(Role::Query {
            table: args.table.clone(),
        });
    }
    let Some(table) = args.table.clone() else {
        if !args.table_tried {
            errors.push(Error::new(
                args.kind_span,
                "this DTO needs a table: `table = …` names the Diesel module of its columns",
            ));
        }
        return None;
    };
    errors.take(check_table(&table));
    Some(match args.kind {
        Kind::Create => Role::Create { table },
        Kind::Update => Role::Update { table },
        Kind::Get | Kind::List | Kind::Query => Role::Row { table },
    })
}

/// A computed field is made of fields that are columns.
fn check_computed(fields: &[Field], errors: &mut Errors) {
    let columns: Vec<&str> = fields
        .iter()
        .filter(|field| field.column)
        .map(|field| field.name.as_str())
        .collect();
    for computed in fields.iter().filter_map(|field| field.computed.as_ref()) {
        for name in &computed.fields {
            if columns.contains(&name.unraw().to_string().as_str()) {
                continue;
            }
            let what = "field to compute from";
            errors.push(unknown(name, what, &columns));
        }
    }
}

/// `#[derive(Debug)]` below `#[dto]` would clash with what `#[dto]` derives.
fn check_derive(attribute: &Attribute, kind: Kind, errors: &mut Errors) {
    if !attribute.path().is_ident("derive") {
        return;
    }
    let Ok(paths) = attribute.parse_args_with(Punctuated::<Path, syn::Token![,]>::parse_terminated)
    else {
        return; // rustc reports it
    };
    for path in paths {
        let Some(last) = path.segments.last() else {
            continue;
        };
        let derived = DERIVED.iter().any(|name| last.ident == name)
            || (kind == Kind::Query && last.ident == "Default");
        if derived {
            let text = format!("`#[dto]` derives `{}` already", last.ident);
            errors.push(Error::new_spanned(&path, text));
        }
    }
}
