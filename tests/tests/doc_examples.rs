//! What an application names has an example in its documentation, which the doctests compile and mostly run.

use std::{collections::BTreeMap, fs, path::Path};

use syn::{Attribute, Item};

/// Items whose documentation is a description in the API's document, so that their methods have the example; a name
/// from another crate; an alias.
const EXEMPT: [&str; 5] = ["Json", "NaiveDate", "Result", "Timestamp", "Uuid"];

/// What else an application names, beside the prelude.
const MORE: [&str; 32] = [
    "App",
    "Auth",
    "Authenticator",
    "Cache",
    "Caller",
    "Checked",
    "Client",
    "Conformance",
    "CurrentUser",
    "Db",
    "DbConfig",
    "Deps",
    "EntityRequest",
    "Info",
    "Job",
    "JobContext",
    "JobError",
    "Jobs",
    "JwtConfig",
    "KeySource",
    "Listing",
    "Migrations",
    "Operation",
    "Registry",
    "Reply",
    "Retry",
    "Routes",
    "Shutdown",
    "TelemetryConfig",
    "TestDb",
    "Tx",
    "Worker",
];

fn has_example(attributes: &[Attribute]) -> bool {
    let docs = attributes.iter().filter(|one| one.path().is_ident("doc"));
    docs.filter_map(|one| one.meta.require_name_value().ok())
        .any(|doc| matches!(&doc.value, syn::Expr::Lit(text) if quoted(text)))
}

fn quoted(text: &syn::ExprLit) -> bool {
    matches!(&text.lit, syn::Lit::Str(text) if text.value().trim() == "```")
}

/// The public items of a folder, with whether their documentation has an example.
fn items(folder: &Path, found: &mut BTreeMap<String, bool>) {
    for entry in fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            items(&path, found);
            continue;
        }
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("it is text");
        let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for item in file.items {
            let (name, attributes) = match item {
                Item::Struct(item) => (item.ident, item.attrs),
                Item::Enum(item) => (item.ident, item.attrs),
                Item::Trait(item) => (item.ident, item.attrs),
                Item::Macro(syn::ItemMacro {
                    ident: Some(ident),
                    attrs,
                    ..
                }) => (ident, attrs),
                _ => continue,
            };
            *found.entry(name.to_string()).or_default() |= has_example(&attributes);
        }
    }
}

#[test]
fn what_an_application_names_has_an_example() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crud-core/src");
    let mut found = BTreeMap::from([("dto".to_owned(), true)]);
    items(&core, &mut found);
    let prelude = fs::read_to_string(core.join("prelude.rs")).expect("it is there");
    let (_, named) = prelude
        .split_once("pub use crate::{")
        .expect("it names its own items");
    let named = named.split(['{', '}', ',', ';']).map(str::trim);
    let named = named.filter(|name| !name.is_empty() && !name.ends_with("::"));
    let named: Vec<_> = named
        .map(|name| name.rsplit("::").next().unwrap_or(name))
        .collect();
    assert!(
        named.contains(&"Policy") && named.contains(&"After"),
        "{named:?}"
    );
    let missing: Vec<_> = named
        .iter()
        .chain(&MORE)
        .filter(|name| !EXEMPT.contains(name) && found.get(**name) != Some(&true))
        .collect();
    assert!(missing.is_empty(), "these have no example: {missing:?}");
}
