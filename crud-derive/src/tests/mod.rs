//! The expansion of one declaration of each kind, and the sentence for each mistake.

mod dto;
mod dto_mistakes;
mod entity;
mod entity_mistakes;
mod short;
mod short_mistakes;

use proc_macro2::TokenStream;

/// The code holds these tokens; spaces and last commas do not count.
#[track_caller]
fn assert_holds(code: &TokenStream, part: TokenStream) {
    let (code, part) = (plain(code), plain(&part));
    assert!(
        code.contains(&part),
        "the expansion lacks\n{part}\nin\n{code}"
    );
}

#[track_caller]
fn assert_lacks(code: &TokenStream, part: TokenStream) {
    let (code, part) = (plain(code), plain(&part));
    assert!(
        !code.contains(&part),
        "the expansion holds\n{part}\nin\n{code}"
    );
}

fn plain(code: &TokenStream) -> String {
    let code = code.to_string();
    code.replace(" , >", " >")
        .replace(" ,)", ")")
        .replace(" , )", ")")
}

/// The sentences of a refused declaration.
fn sentences(error: Option<syn::Error>) -> Vec<String> {
    let errors = error.into_iter().flatten();
    errors.map(|error| error.to_string()).collect()
}

#[track_caller]
fn assert_one(found: Vec<String>, expected: &str) {
    assert_eq!(found, [expected]);
}
