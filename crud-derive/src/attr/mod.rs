//! The grammar of the attributes: which words may stand where. It knows no struct and no meaning;
//! [`crate::model`] gives the words theirs.

pub(crate) mod dto;
pub(crate) mod entity;
pub(crate) mod field;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Error, Ident, Meta, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
};

use crate::diagnostics::{Errors, unknown};

/// The words of one kind of attribute.
pub(crate) struct Grammar {
    /// What a word is called in an error: `key of #[entity]`.
    pub what: &'static str,
    /// The words it takes.
    pub words: &'static [&'static str],
}

/// Reads `word`, `word = value` and `word(…)`, separated by commas, and goes on after a fault.
///
/// `read` reads what follows a word and answers whether it knows the word; `seen` holds the words
/// met so far, since none may come twice.
pub(crate) fn entries(
    input: ParseStream<'_>,
    grammar: &Grammar,
    seen: &mut Vec<String>,
    errors: &mut Errors,
    read: &mut dyn FnMut(&Ident, ParseStream<'_>) -> Result<bool>,
) {
    while !input.is_empty() {
        let entry = entry(input, grammar, seen, read);
        let faulty = errors.take(entry).is_none();
        if !faulty && !input.is_empty() && !input.peek(Token![,]) {
            errors.push(input.error("expected `,`"));
        }
        while !input.is_empty() && input.parse::<Token![,]>().is_err() {
            // A token tree of its own, so that commas within brackets do not end the entry.
            let _ = input.parse::<TokenTree>();
        }
    }
}

fn entry(
    input: ParseStream<'_>,
    grammar: &Grammar,
    seen: &mut Vec<String>,
    read: &mut dyn FnMut(&Ident, ParseStream<'_>) -> Result<bool>,
) -> Result<()> {
    let word = input.call(Ident::parse_any)?;
    let name = word.to_string();
    if seen.contains(&name) {
        return Err(Error::new(word.span(), format!("`{name}` is given twice")));
    }
    if !read(&word, input)? {
        return Err(unknown(&word, grammar.what, grammar.words));
    }
    seen.push(name);
    Ok(())
}

/// The value in `word = value`.
///
/// # Errors
/// A missing or wrong value; the error shows `example`.
pub(crate) fn value<T: Parse>(word: &Ident, input: ParseStream<'_>, example: &str) -> Result<T> {
    let help = format!("help: the correct format looks like `{example}`");
    if !input.peek(Token![=]) {
        let text = format!("`{word}` needs a value\n{help}");
        return Err(Error::new(word.span(), text));
    }
    input.parse::<Token![=]>()?;
    input
        .parse()
        .map_err(|error| Error::new(error.span(), format!("{error}\n{help}")))
}

/// Parses the tokens with a reader that reports its faults itself.
pub(crate) fn parse_all(
    tokens: TokenStream,
    errors: &mut Errors,
    read: impl FnOnce(ParseStream<'_>, &mut Errors),
) {
    let mut inner = Errors::default();
    let parser = |input: ParseStream<'_>| {
        read(input, &mut inner);
        Ok(())
    };
    let parsed = parser.parse2(tokens);
    errors.take(parsed);
    errors.take(inner.finish(()));
}

/// What stands between an attribute's brackets; nothing for a bare `#[word]`.
///
/// # Errors
/// The form `#[word = …]`.
pub(crate) fn arguments(attribute: &Attribute) -> Result<TokenStream> {
    match &attribute.meta {
        Meta::Path(_) => Ok(TokenStream::new()),
        Meta::List(list) => Ok(list.tokens.clone()),
        Meta::NameValue(_) => {
            let name = attribute.path().require_ident()?;
            let text = format!("the correct format looks like `#[{name}(…)]`");
            Err(Error::new_spanned(attribute, text))
        }
    }
}
