//! The model of one field of an entity in its short form: where it is seen and set, and what it is as a
//! field of each DTO.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Error, Field as Input, Ident, Path, Type, Visibility, ext::IdentExt, parse_quote,
    spanned::Spanned,
};

use super::{
    doc,
    field::{SERVER_SET, Text, peel},
};
use crate::{
    attr::{
        dto::Kind,
        entity::Relation,
        field::{FieldWords, Match, Passed},
    },
    diagnostics::Errors,
};

/// A field.
pub(crate) struct ShortField {
    pub ident: Ident,
    pub words: FieldWords,
    docs: Vec<Attribute>,
    vis: Visibility,
    ty: Type,
    value: Type,
}

/// The DTOs that the short form writes: the others were named by the entity.
pub(crate) struct Written(pub Vec<Kind>);

impl Written {
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }
}

impl ShortField {
    /// Reads and checks a field; what is wrong goes to `errors`.
    pub(crate) fn parse(input: &Input, written: &Written, errors: &mut Errors) -> Option<Self> {
        let ident = input.ident.clone()?;
        let words = FieldWords::read(&input.attrs, errors);
        let (options, value) = peel(&input.ty);
        if options > 1 {
            const TEXT: &str =
                "a field of an entity is `T`, or `Option<T>` where the column can be null";
            errors.push(Error::new_spanned(&input.ty, TEXT));
        }
        for attribute in &input.attrs {
            errors.take(check_attribute(attribute));
        }
        let docs = input.attrs.iter().filter(|a| a.path().is_ident("doc"));
        let field = Self {
            ident,
            words,
            docs: docs.cloned().collect(),
            vis: input.vis.clone(),
            ty: input.ty.clone(),
            value,
        };
        field.check_places(written, errors);
        field.check_body(options, written, errors);
        field.check_list(written, errors);
        Some(field)
    }

    /// Whether it has any word.
    pub(crate) fn is_told(&self) -> bool {
        let words = &self.words;
        !words.places.is_empty()
            || words.filter.is_some()
            || words.sort.is_some()
            || words.belongs_to.is_some()
    }

    /// Whether a row may show it.
    pub(crate) fn is_seen(&self, written: &Written) -> bool {
        [Kind::Get, Kind::List]
            .into_iter()
            .any(|kind| !written.has(kind) || self.words.place(kind).is_some())
    }

    /// Whether it is the column of its name.
    pub(crate) fn is_column(&self) -> bool {
        self.words.not_a_column.is_none() && self.words.computed.is_none()
    }

    /// A word for a DTO that the entity names itself would say nothing.
    fn check_places(&self, written: &Written, errors: &mut Errors) {
        for (kind, word) in &self.words.places {
            if !written.has(*kind) && *word == kind.word() {
                let text = format!(
                    "the entity names its {word} DTO itself: what is in it is said there, not here"
                );
                errors.push(Error::new(word.span(), text));
            }
        }
        if let Some((word, _)) = &self.words.filter
            && !written.has(Kind::Query)
        {
            const TEXT: &str =
                "the entity names its query DTO itself: its filters are said there, not here";
            errors.push(Error::new(word.span(), TEXT));
        }
        for passed in [&self.words.not_a_column, &self.words.computed] {
            let Some(passed) = passed else { continue };
            let wrong = match passed.word == "computed" {
                true => [Kind::Create, Kind::Update],
                false => [Kind::Get, Kind::List],
            };
            for kind in wrong {
                if let Some(place) = self.words.place(kind) {
                    let text = match passed.word == "computed" {
                        true => {
                            "a computed field can be read, not sent: expected `get`, `list` or `read`"
                        }
                        false => {
                            "what is no column can be sent, not read: expected `create`, `update` or `write`"
                        }
                    };
                    errors.push(Error::new(place.span(), text));
                    break;
                }
            }
        }
    }

    /// The words that are about bodies.
    fn check_body(&self, options: usize, written: &Written, errors: &mut Errors) {
        let in_dto = |kind| written.has(kind) && self.words.place(kind).is_some();
        let (create, update) = (in_dto(Kind::Create), in_dto(Kind::Update));
        let mut refuse = |word: &Ident, text: &str| {
            errors.push(Error::new(word.span(), format!("`{word}` {text}")));
        };
        let words = &self.words;
        if let Some(Passed { word, .. }) = &words.default {
            if !create {
                refuse(word, "is what a new row has: the field needs `create`");
            } else if options > 0 {
                refuse(
                    word,
                    "is for a field that is no `Option`: one is null when it is left out",
                );
            }
        }
        if let Some(word) = &words.optional {
            if !create {
                refuse(word, "is about new rows: the field needs `create`");
            } else if options > 0 {
                refuse(
                    word,
                    "says nothing here: an `Option` may always be left out",
                );
            } else if words.default.is_some() {
                refuse(
                    word,
                    "says nothing here: what has a default may always be left out",
                );
            }
        }
        for passed in [&words.verbatim, &words.validate].into_iter().flatten() {
            if !create && !update {
                let word = &passed.word;
                refuse(
                    word,
                    "is about bodies: the field needs `create`, `update` or `write`",
                );
            }
        }
    }

    /// The words that are about lists.
    fn check_list(&self, written: &Written, errors: &mut Errors) {
        let words = &self.words;
        let filter = words.filter.as_ref().map(|(word, _)| word);
        let is_json = Text::of(&self.value) == Text::Json;
        let is_text = Text::of(&self.value) == Text::Trimmed;
        let name = self.ident.unraw().to_string();
        let is_seen = self.is_seen(written) || name == "id" || SERVER_SET.contains(&&*name);
        if let Some((word, Match::ContainsCi)) = &words.filter
            && !is_text
        {
            let text = "`contains_ci` looks for a part of a text: the field must be a `String`";
            errors.push(Error::new(word.span(), text));
        }
        for word in filter.into_iter().chain(&words.sort) {
            let computed = words.computed.is_some();
            let text = if computed || (word == "sort" && words.not_a_column.is_some()) {
                "is for columns: the database does not know this field"
            } else if is_json && (word == "sort" || words.not_a_column.is_some()) {
                "compares values: a JSON column has none to compare"
            } else if words.not_a_column.is_none() && !is_seen {
                "would tell what is hidden: nobody sees this field, which needs `get`, `list` or `read`"
            } else {
                continue;
            };
            errors.push(Error::new(word.span(), format!("`{word}` {text}")));
        }
    }

    /// The relation that it is the key of: the column's name without `_id` is the relation's.
    pub(crate) fn relation(&self, table: &Path, errors: &mut Errors) -> Option<Relation> {
        let (word, entity) = self.words.belongs_to.as_ref()?;
        let (ident, column) = (&self.ident, self.ident.unraw().to_string());
        let Some(name) = column.strip_suffix("_id").filter(|_| self.is_column()) else {
            let text = format!(
                "the relation has the name of its column without `_id`, which `{column}` does not end in\n\
                 help: above the struct a relation has a name of its own: `relations(author = \
                 belongs_to(courses::{column} -> User))`"
            );
            errors.push(Error::new(word.span(), text));
            return None;
        };
        Some(Relation {
            name: Ident::new(name, ident.span()),
            many: false,
            column: parse_quote!(#table::#ident),
            entity: entity.clone(),
            nested: false,
        })
    }

    /// The field as one of this DTO; nothing if it is not in it.
    pub(crate) fn of_dto(&self, kind: Kind, many: &str) -> Option<TokenStream> {
        if kind == Kind::Query {
            return self.of_query(many);
        }
        self.words.place(kind)?;
        let Self {
            docs,
            vis,
            ident,
            ty,
            words,
            ..
        } = self;
        let option = quote_spanned!(ty.span()=> ::core::option::Option<#ty>);
        let ty = match kind {
            Kind::Create if words.optional.is_some() => option,
            Kind::Update => option,
            _ => quote!(#ty),
        };
        let (default, verbatim) = (words.default.as_ref(), words.verbatim.as_ref());
        let (computed, validate) = (words.computed.as_ref(), words.validate.as_ref());
        let not_a_column = words.not_a_column.as_ref();
        let (passed, validate) = match kind {
            Kind::Create => (vec![default, verbatim, not_a_column], validate),
            Kind::Update => (vec![verbatim, not_a_column], validate),
            _ => (vec![computed], None),
        };
        let passed: Vec<_> = passed.into_iter().flatten().map(|p| &p.tokens).collect();
        let dto = (!passed.is_empty()).then(|| quote!(#[dto(#(#passed),*)]));
        let others = validate
            .into_iter()
            .chain(&words.schemars)
            .map(|p| &p.tokens);
        let merged = kind == Kind::Update && Text::of(&self.value) == Text::Json;
        let docs = match merged {
            true => {
                let about = format!("{} Merged into what is there.", doc(docs));
                let about = about.trim();
                quote!(#[doc = #about])
            }
            false => quote!(#(#docs)*),
        };
        Some(quote!(#docs #(#[#others])* #dto #vis #ident: #ty))
    }

    fn of_query(&self, many: &str) -> Option<TokenStream> {
        let (_, how) = self.words.filter.as_ref()?;
        let Self {
            docs,
            vis,
            ident,
            value,
            ..
        } = self;
        let name = ident.unraw();
        let about = match how {
            _ if !self.is_column() || Text::of(value) == Text::Json => doc(docs),
            Match::Eq => format!("Only {many} with this `{name}`."),
            Match::ContainsCi => format!("A part of the `{name}`, whatever the case."),
        };
        // What is no column is left to the entity's own search.
        let ty = match self.is_column() {
            true => quote_spanned!(value.span()=> ::crud_core::Filter<#value>),
            false => quote_spanned!(value.span()=> ::core::option::Option<#value>),
        };
        let by_hand = self.is_searched().then(|| quote!(#[dto(by_hand)]));
        Some(quote!(#[doc = #about] #by_hand #vis #ident: #ty))
    }

    /// Whether the written search knows its filter, which else applies by itself.
    pub(crate) fn is_searched(&self) -> bool {
        let how = self.words.filter.as_ref().map(|(_, how)| *how);
        self.is_column() && how == Some(Match::ContainsCi)
    }
}

/// What is written above a field in the explicit form goes into `#[field(…)]` here.
fn check_attribute(attribute: &Attribute) -> syn::Result<()> {
    let path = attribute.path();
    for word in ["validate", "schemars"] {
        if path.is_ident(word) {
            let text =
                format!("in the short form it is a part of `#[field]`: `#[field(…, {word}(…))]`");
            return Err(Error::new_spanned(attribute, text));
        }
    }
    if path.is_ident("dto") {
        let text = "in the short form these are words of `#[field(…)]`";
        return Err(Error::new_spanned(attribute, text));
    }
    if path.is_ident("cfg") || path.is_ident("cfg_attr") {
        let text = "a field of an entity cannot depend on the build: it is part of the API";
        return Err(Error::new_spanned(attribute, text));
    }
    Ok(())
}
