//! The expansion of one declaration of each kind, and the sentence for each mistake.

mod diagnostics;
mod dto;
mod entity;

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
