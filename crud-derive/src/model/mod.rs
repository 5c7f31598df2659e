//! What a declaration means, once its words are known to be right: the checked form that
//! [`crate::expand`] turns into code. Every rule that an attribute can break is checked here.

pub(crate) mod dto;
pub(crate) mod entity;
pub(crate) mod field;
pub(crate) mod routes;
pub(crate) mod short;
pub(crate) mod short_field;
pub(crate) mod short_filter;
pub(crate) mod standard;

use syn::{Attribute, Error, Expr, Lit, Meta, Path, Result};

/// The text of the doc comments, without the indent that `///` leaves.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(lit) => match &lit.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.trim().to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// A table is named by its module, since the columns are found beside the `table` in it.
pub(crate) fn check_table(path: &Path) -> Result<()> {
    match path.segments.last() {
        Some(last) if last.ident == "table" => Err(Error::new_spanned(
            path,
            "`table` names the table's module, not the type in it\n\
             help: the correct format looks like `table = courses`",
        )),
        _ => Ok(()),
    }
}
