//! A new application: the files of `app/`, under its own name. Pure.

use crate::{
    Plan,
    names::{is_rust_word, is_snake},
};

/// What the files call the application, and its crate; and the folder of the framework.
const NAME: &str = "new-app";
const CRATE: &str = "new_app";
const FRAMEWORK: &str = "FRAMEWORK";

/// By path. What the framework needs in the database are its own migrations.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../app/manifest.toml")),
    (".gitignore", include_str!("../app/gitignore")),
    ("README.md", include_str!("../app/README.md")),
    ("src/main.rs", include_str!("../app/src/main.rs")),
    ("src/lib.rs", include_str!("../app/src/lib.rs")),
    ("src/roles.rs", include_str!("../app/src/roles.rs")),
    ("src/schema.rs", include_str!("../app/src/schema.rs")),
    (
        "src/migrations.rs",
        include_str!("../app/src/migrations.rs"),
    ),
    (
        "src/entities/mod.rs",
        include_str!("../app/src/entities/mod.rs"),
    ),
    ("tests/all.rs", include_str!("../app/tests/all.rs")),
    (
        "tests/conformance.rs",
        include_str!("../app/tests/conformance.rs"),
    ),
    ("tests/steps.rs", include_str!("../app/tests/steps.rs")),
    (
        "migrations/postgres/0001_cache/up.sql",
        include_str!("../../migrations/postgres/0020_cache/up.sql"),
    ),
    (
        "migrations/postgres/0001_cache/down.sql",
        include_str!("../../migrations/postgres/0020_cache/down.sql"),
    ),
    (
        "migrations/sqlite/0001_cache/up.sql",
        include_str!("../../migrations/sqlite/0020_cache/up.sql"),
    ),
    (
        "migrations/sqlite/0001_cache/down.sql",
        include_str!("../../migrations/sqlite/0020_cache/down.sql"),
    ),
    (
        "migrations/postgres/0002_idempotency/up.sql",
        include_str!("../../migrations/postgres/0022_idempotency/up.sql"),
    ),
    (
        "migrations/postgres/0002_idempotency/down.sql",
        include_str!("../../migrations/postgres/0022_idempotency/down.sql"),
    ),
    (
        "migrations/sqlite/0002_idempotency/up.sql",
        include_str!("../../migrations/sqlite/0022_idempotency/up.sql"),
    ),
    (
        "migrations/sqlite/0002_idempotency/down.sql",
        include_str!("../../migrations/sqlite/0022_idempotency/down.sql"),
    ),
];

/// The files of a new application, as [`Layout::CRATE`](crate::Layout::CRATE) has them. `framework` is the folder of the
/// framework's crates, as the application's manifest names it.
///
/// # Errors
/// If a crate cannot have this name.
///
/// ```
/// let plan = crud_scaffold::application("campus", "../crud").unwrap();
/// let (path, manifest) = &plan.new[0];
/// assert_eq!(path.to_str(), Some("Cargo.toml"));
/// assert!(manifest.contains(r#"name = "campus""#) && manifest.contains(r#""../crud/crud-core""#));
/// assert!(crud_scaffold::application("2 campus", "../crud").is_err());
/// ```
pub fn application(name: &str, framework: &str) -> Result<Plan, String> {
    let module = name.replace('-', "_");
    let is_taken = [
        "test", "core", "std", "alloc", "axum", "diesel", "tokio", "tests",
    ];
    if !is_snake(&module) || is_rust_word(&module) || is_taken.contains(&&*module) {
        return Err(format!(
            "`{name}` is no name for an application; expected lower case letters, digits, `-` and `_`, a letter first, \
             and no word of Rust or crate that it uses"
        ));
    }
    let named = |text: &str| {
        text.replace(NAME, name)
            .replace(CRATE, &module)
            .replace(FRAMEWORK, framework)
    };
    Ok(Plan {
        new: (FILES.iter())
            .map(|(path, text)| (path.into(), named(text)))
            .collect(),
        changed: Vec::new(),
    })
}
