//! The grammar of `#[field(…)]`, above a field of an entity in its short form.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{
    Attribute, Error, Expr, Ident, Result, Token, Type, ext::IdentExt, parenthesized,
    parse::ParseStream,
};

use super::{Grammar, arguments, dto::Kind, entries, parse_all, value};
use crate::diagnostics::{Errors, unknown};

const GRAMMAR: Grammar = Grammar {
    what: "word of `#[field]`",
    words: &[
        "create",
        "update",
        "get",
        "list",
        "write",
        "read",
        "all",
        "filter",
        "sort",
        "belongs_to",
        "optional",
        "default",
        "verbatim",
        "computed",
        "not_a_column",
        "validate",
        "schemars",
    ],
};

/// The DTOs that a word puts a field into.
const PLACES: [(&str, &[Kind]); 7] = [
    ("create", &[Kind::Create]),
    ("update", &[Kind::Update]),
    ("get", &[Kind::Get]),
    ("list", &[Kind::List]),
    ("write", &[Kind::Create, Kind::Update]),
    ("read", &[Kind::Get, Kind::List]),
    ("all", &[Kind::Create, Kind::Update, Kind::Get, Kind::List]),
];

/// The words above one field, as they were written.
#[derive(Default)]
pub(crate) struct FieldWords {
    /// The DTOs that it is in, each with the word that says so.
    pub places: Vec<(Kind, Ident)>,
    pub filter: Option<(Ident, Match)>,
    pub sort: Option<Ident>,
    /// The entity whose row it names.
    pub belongs_to: Option<(Ident, Type)>,
    pub optional: Option<Ident>,
    /// What is written as it is above the fields of DTOs: `default = 1`, `validate(…)`.
    pub default: Option<Passed>,
    pub verbatim: Option<Passed>,
    pub computed: Option<Passed>,
    pub not_a_column: Option<Passed>,
    pub validate: Option<Passed>,
    pub schemars: Option<Passed>,
}

/// A word with all that belongs to it.
#[derive(Clone)]
pub(crate) struct Passed {
    pub word: Ident,
    pub tokens: TokenStream,
}

/// How a filter is compared with the column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Match {
    /// The same value.
    Eq,
    /// A part of it, whatever the case.
    ContainsCi,
}

impl FieldWords {
    /// Reads every `#[field(…)]` among the attributes.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut words = Self::default();
        let mut seen = Vec::new();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("field")) {
            let Some(tokens) = errors.take(arguments(attribute)) else {
                continue;
            };
            if tokens.is_empty() {
                const TEXT: &str = "`#[field]` says where a column is seen and set\n\
                     help: the correct format looks like `#[field(all, filter, sort)]`";
                errors.push(Error::new_spanned(attribute, TEXT));
            }
            parse_all(tokens, errors, |input, errors| {
                entries(input, &GRAMMAR, &mut seen, errors, &mut |word, input| {
                    words.entry(word, input)
                });
            });
        }
        words
    }

    /// The word that puts the field into this DTO.
    pub(crate) fn place(&self, kind: Kind) -> Option<&Ident> {
        let mut places = self.places.iter();
        places
            .find(|(known, _)| *known == kind)
            .map(|(_, word)| word)
    }

    fn entry(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        let name = word.to_string();
        if let Some((_, kinds)) = PLACES.iter().find(|(known, _)| *known == name) {
            for kind in *kinds {
                if let Some(known) = self.place(*kind) {
                    let text = format!("`{word}` repeats what `{known}` says");
                    return Err(Error::new(word.span(), text));
                }
                self.places.push((*kind, word.clone()));
            }
            return Ok(true);
        }
        match &*name {
            "filter" => self.filter = Some((word.clone(), comparison(input)?)),
            "sort" => self.sort = Some(word.clone()),
            "belongs_to" => self.belongs_to = Some((word.clone(), entity(word, input)?)),
            "optional" => self.optional = Some(word.clone()),
            "default" if input.peek(Token![=]) => {
                self.default = Some(given(word, input, "default = 1")?);
            }
            "default" => self.default = Some(bare(word)),
            "verbatim" => self.verbatim = Some(bare(word)),
            "computed" => {
                let example = "computed = full_name(first_name, last_name)";
                self.computed = Some(given(word, input, example)?);
            }
            "not_a_column" => self.not_a_column = Some(bare(word)),
            "validate" => self.validate = Some(bracketed(word, input, "length(min = 1)")?),
            "schemars" => self.schemars = Some(bracketed(word, input, "title = \"x\"")?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn comparison(input: ParseStream<'_>) -> Result<Match> {
    if !input.peek(Token![=]) {
        return Ok(Match::Eq);
    }
    input.parse::<Token![=]>()?;
    let how = input.call(Ident::parse_any)?;
    match &*how.to_string() {
        "eq" => Ok(Match::Eq),
        "contains_ci" => Ok(Match::ContainsCi),
        _ => Err(unknown(&how, "way to filter", &["eq", "contains_ci"])),
    }
}

fn entity(word: &Ident, input: ParseStream<'_>) -> Result<Type> {
    const HELP: &str = "`belongs_to` names the entity whose id the column holds\n\
                        help: the correct format looks like `belongs_to(User)`";
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(word.span(), HELP));
    }
    let inside;
    parenthesized!(inside in input);
    let entity = inside.parse();
    let entity = entity.map_err(|error| Error::new(error.span(), HELP))?;
    match inside.is_empty() {
        true => Ok(entity),
        false => Err(Error::new(inside.span(), HELP)),
    }
}

fn bare(word: &Ident) -> Passed {
    Passed {
        word: word.clone(),
        tokens: word.to_token_stream(),
    }
}

fn given(word: &Ident, input: ParseStream<'_>, example: &str) -> Result<Passed> {
    let expr: Expr = value(word, input, example)?;
    Ok(Passed {
        word: word.clone(),
        tokens: quote!(#word = #expr),
    })
}

fn bracketed(word: &Ident, input: ParseStream<'_>, example: &str) -> Result<Passed> {
    if !input.peek(syn::token::Paren) {
        let text = format!(
            "`{word}` has its rules in brackets\nhelp: the correct format looks like `{word}({example})`"
        );
        return Err(Error::new(word.span(), text));
    }
    let inside;
    parenthesized!(inside in input);
    let rules: TokenStream = inside.parse()?;
    Ok(Passed {
        word: word.clone(),
        tokens: quote!(#word(#rules)),
    })
}
