//! The model of one field of a DTO: its name, its type as far as the macro can see it, and what may
//! be written above it.

use proc_macro2::Span;
use syn::{
    Attribute, Error, Expr, Field as Input, GenericArgument, Ident, PathArguments, Result, Type,
    Visibility, ext::IdentExt,
};

use crate::{
    attr::dto::{Computed, FieldArgs, Kind},
    diagnostics::Errors,
};

/// Names that a list's own parameters have.
const RESERVED: &[&str] = &[
    "page",
    "page_size",
    "limit",
    "offset",
    "skip",
    "sort",
    "total",
    "archived",
    "cursor",
    "fields",
    "include",
    "format",
    "or",
];
/// Columns that only the server writes.
pub(crate) const SERVER_SET: &[&str] = &[
    "version",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
    "archived_at",
];

/// A field of a DTO.
pub(crate) struct Field {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub ident: Ident,
    pub ty: Type,
    /// The name on the wire: the field's, without `r#`.
    pub name: String,
    /// How many `Option`s stand around the value: 0, 1 or 2.
    pub options: usize,
    /// The type within the `Option`s.
    pub value: Type,
    pub text: Text,
    /// `#[dto(default)]`, with its expression.
    pub default: Option<Option<Expr>>,
    /// Whether it is the column of its name.
    pub column: bool,
    /// Of a query: the filter that it declares, if it is not handled by hand.
    pub filter: Option<Filter>,
    /// `#[dto(computed = …)]`: what it is made of, if it is no column.
    pub computed: Option<Computed>,
}

/// A field of a query that applies by itself; the macro goes by the type's name alone.
pub(crate) enum Filter {
    /// `Filter<T>`.
    Column {
        /// What it filters.
        column: Ident,
        /// Whether the search function handles `field=value`.
        by_hand: bool,
    },
    /// `FullText<(…)>`.
    Words,
    /// `Through<E>`.
    Relation,
}

/// How the macro sees a value's type; it goes by the name alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Text {
    /// `String`, trimmed.
    Trimmed,
    /// `String` as it came.
    Verbatim,
    /// `Json`.
    Json,
    /// Anything else.
    Other,
}

impl Text {
    /// As the type's name says, without its `Option`s.
    pub(crate) fn of(value: &Type) -> Self {
        match last_segment(value) {
            Some(last) if last == "String" => Self::Trimmed,
            Some(last) if last == "Json" => Self::Json,
            _ => Self::Other,
        }
    }
}

impl Field {
    /// Reads and checks a field; what is wrong goes to `errors`.
    pub(crate) fn parse(input: &Input, kind: Kind, errors: &mut Errors) -> Option<Self> {
        let ident = input.ident.clone()?;
        let args = FieldArgs::read(&input.attrs, errors);
        for attribute in &input.attrs {
            errors.take(check_attribute(attribute, kind));
        }
        let (options, value) = peel(&input.ty);
        let mut text = Text::of(&value);
        let body = matches!(kind, Kind::Create | Kind::Update);
        if let Some(word) = &args.verbatim {
            match text {
                Text::Trimmed if body => text = Text::Verbatim,
                _ => errors.push(Error::new(
                    word.span(),
                    "`verbatim` keeps the white space of a `String` in a create or update DTO",
                )),
            }
        }
        if let Some(word) = args.not_a_column.as_ref().filter(|_| !body) {
            errors.push(Error::new(
                word.span(),
                "`not_a_column` is for create and update DTOs: a hook uses such a field",
            ));
        }
        if let Some((word, _)) = &args.default
            && (kind != Kind::Create || options > 0)
        {
            errors.push(Error::new(
                word.span(),
                "`default` is for a field of a create DTO that is no `Option`",
            ));
        }
        if let Some((word, _)) = &args.computed
            && !matches!(kind, Kind::Get | Kind::List)
        {
            errors.push(Error::new(
                word.span(),
                "`computed` is for get and list DTOs: a client can read such a field, not send it",
            ));
        }
        let filter = filter(input, &ident, kind, &args, errors);
        let field = Self {
            filter,
            attrs: input
                .attrs
                .iter()
                .filter(|attribute| !attribute.path().is_ident("dto"))
                .cloned()
                .collect(),
            vis: input.vis.clone(),
            name: ident.unraw().to_string(),
            ident,
            ty: input.ty.clone(),
            options,
            value,
            text,
            default: args.default.map(|(_, expr)| expr),
            column: args.not_a_column.is_none() && args.computed.is_none(),
            computed: args.computed.map(|(_, computed)| computed),
        };
        errors.take(field.check_type(kind));
        errors.take(field.check_name(kind));
        Some(field)
    }

    fn check_type(&self, kind: Kind) -> Result<()> {
        let (fits, text) = match kind {
            Kind::Create => (
                self.options < 2,
                "a field of a create DTO is `T` or `Option<T>`: left out and `null` are the same",
            ),
            Kind::Update => (
                matches!(self.options, 1 | 2),
                "a field of an update DTO is `Option<T>`, or `Option<Option<T>>` where `null` clears it",
            ),
            Kind::Get | Kind::List => (
                self.options < 2,
                "a field of a row is `T`, or `Option<T>` where the column can be null",
            ),
            Kind::Query => (
                self.options == 1 || self.filter.is_some(),
                "a field of a query DTO is `Option<T>`, `Filter<T>`, `FullText<C>` or `Through<E>`: every filter may be left out",
            ),
        };
        if fits {
            Ok(())
        } else {
            Err(Error::new_spanned(&self.ty, text))
        }
    }

    fn check_name(&self, kind: Kind) -> Result<()> {
        let name = self.name.as_str();
        let text = match kind {
            Kind::Query if RESERVED.contains(&name) => {
                format!("`{name}` is a parameter of every list; a filter needs another name")
            }
            Kind::Create | Kind::Update if self.column && SERVER_SET.contains(&name) => {
                format!("`{name}` is set by the server; a body cannot hold it")
            }
            Kind::Update if self.column && name == "id" => {
                "`id` cannot change; the path of the request names it".to_owned()
            }
            _ => return Ok(()),
        };
        Err(Error::new_spanned(&self.ident, text))
    }

    /// Where an error in the type of the field is to be shown.
    pub(crate) fn type_span(&self) -> Span {
        use syn::spanned::Spanned;
        // Shown there, but named as the macro names things: `self` must be found.
        self.ty.span().resolved_at(Span::call_site())
    }
}

/// The filter that a field of a query is by its type, with the options that only such a field has.
fn filter(
    input: &Input,
    ident: &Ident,
    kind: Kind,
    args: &FieldArgs,
    errors: &mut Errors,
) -> Option<Filter> {
    let filter = match last_segment(&input.ty) {
        Some(last) if kind == Kind::Query && last == "Filter" => {
            let column = args.column.as_ref().map(|(_, column)| column.clone());
            Some(Filter::Column {
                column: column.unwrap_or_else(|| ident.clone()),
                by_hand: args.by_hand.is_some(),
            })
        }
        Some(last) if kind == Kind::Query && last == "FullText" => Some(Filter::Words),
        Some(last) if kind == Kind::Query && last == "Through" => Some(Filter::Relation),
        _ => None,
    };
    let words = args.column.as_ref().map(|(word, _)| word);
    for word in words.into_iter().chain(&args.by_hand) {
        if !matches!(filter, Some(Filter::Column { .. })) {
            let text = format!("`{word}` is for a `Filter` in a query DTO");
            errors.push(Error::new(word.span(), text));
        }
    }
    filter
}

/// Takes the `Option`s off a type.
pub(crate) fn peel(ty: &Type) -> (usize, Type) {
    match option_of(ty) {
        Some(inner) => {
            let (options, value) = peel(inner);
            (options + 1, value)
        }
        None => (0, ty.clone()),
    }
}

fn option_of(ty: &Type) -> Option<&Type> {
    let segment = match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last()?,
        Type::Group(group) => return option_of(&group.elem),
        Type::Paren(paren) => return option_of(&paren.elem),
        _ => return None,
    };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if segment.ident == "Option" => Some(inner),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}

/// Whether only `#[dto]`, or what it derives, understands the attribute.
pub(crate) fn own(attribute: &Attribute) -> bool {
    ["dto", "serde", "schemars", "validate"]
        .iter()
        .any(|name| attribute.path().is_ident(name))
}

fn check_attribute(attribute: &Attribute, kind: Kind) -> Result<()> {
    let path = attribute.path();
    let body = matches!(kind, Kind::Create | Kind::Update);
    let text = if path.is_ident("serde") {
        "a DTO takes no `#[serde(…)]`: the name on the wire is the column's name, and `#[dto]` says \
         how a field is read"
    } else if path.is_ident("schemars") && changes_wire(attribute) {
        "the schema must say what is on the wire: `#[schemars(…)]` may describe a field of a DTO, \
         not rename, replace or skip it"
    } else if path.is_ident("validate") && !body {
        "`#[validate(…)]` is for create and update DTOs: only a body is validated"
    } else if path.is_ident("cfg") || path.is_ident("cfg_attr") {
        "a field of a DTO cannot depend on the build: it is part of the API"
    } else {
        return Ok(());
    };
    Err(Error::new_spanned(attribute, text))
}

/// Whether `#[schemars(…)]` holds a word that makes the schema differ from the wire.
fn changes_wire(attribute: &Attribute) -> bool {
    const WORDS: [&str; 9] = [
        "rename",
        "rename_all",
        "with",
        "schema_with",
        "skip",
        "skip_serializing",
        "skip_deserializing",
        "flatten",
        "default",
    ];
    let mut found = false;
    // What this parser does not understand is left for schemars to judge.
    let _ = attribute.parse_nested_meta(|meta| {
        found |= WORDS.iter().any(|word| meta.path.is_ident(word));
        if meta.input.peek(syn::Token![=]) {
            meta.value()?.parse::<Expr>()?;
        } else if meta.input.peek(syn::token::Paren) {
            let inside;
            syn::parenthesized!(inside in meta.input);
            inside.parse::<proc_macro2::TokenStream>()?;
        }
        Ok(())
    });
    found
}

/// The checks of attributes, for the struct itself.
pub(crate) fn check_attributes(attributes: &[Attribute], kind: Kind, errors: &mut Errors) {
    for attribute in attributes {
        errors.take(check_attribute(attribute, kind));
    }
}
