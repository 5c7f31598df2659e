//! The scaffold's output, whole: a new application gets five entities, and then compiles, lints and tests itself on both
//! databases, without an edit.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use crud_scaffold::{EntityPlan, Layout, Repository, application};
use tempfile::TempDir;

use crate::{commands::without_this_package, scaffold::root};

/// Every kind of field, id and reference. Each is written by one `new entity`.
const ENTITIES: [(&str, &[&str]); 5] = [
    (
        "category",
        &[
            "name:string!:unique",
            "state:enum(open,closed)!",
            "about:text!",
        ],
    ),
    (
        "WeatherStation",
        &[
            "id:bigint",
            "name:string!",
            "main:ref(weather_stations)",
            "categories:has_many",
        ],
    ),
    (
        "Country",
        &[
            "id:string",
            "name:string!:unique",
            "station:ref(weather_stations)",
            "part_of:ref(countries)",
            "measures:has_many(weather_stations)",
        ],
    ),
    (
        "LessonPlan",
        &[
            "title:string!:words",
            "slug:string:unique",
            "body:text:words",
            "published:bool=false",
            "category:ref(categories)!",
            "reviewer:ref(users)",
            "author:ref(users)",
            "parent:ref(lesson_plans)",
            "level:enum(beginner,very-advanced)=beginner",
            "price:decimal(10,2)=1.5",
            "meta:json",
            "due:time",
            "order:int",
            "clicks:bigint=0",
            "outside:uuid",
        ],
    ),
    (
        "PlanPart",
        &[
            "plan:ref(lesson_plans)!:unique",
            "country:ref(countries)",
            "number:bigint!:unique",
            "weight:int!",
            "price:decimal(6,3)!",
            "rate:float!",
            "code:decimal(18,0)!:unique",
            "done:bool!",
            "content:json!",
            "at:time!",
        ],
    ),
];

/// The compiler for the application's own crates is clippy's, which lints what it compiles: once for both. Its `main.rs`
/// prints and reads the environment, which the framework's own lints forbid.
const COMPILER: &str = r#"#!/bin/sh
case " $* " in
*"/main.rs "*) exec "$@" ;;
*" --crate-name school"*) exec clippy-driver "$@" ;;
*) exec "$@" ;;
esac
"#;

/// A new application in a workspace of links to this one, as a member: what this build has made of the framework serves.
fn workspace() -> TempDir {
    let workspace = TempDir::new().expect("a temporary folder");
    let at = |name: &str| workspace.path().join(name);
    let new = application("school", "..").expect("it can be called so");
    new.write(&at("school")).expect("it is written");
    let manifest = at("school").join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("it was written");
    fs::write(manifest, format!("{text}\n[lints]\nworkspace = true\n")).expect("it is ours");
    for entry in fs::read_dir(root()).expect("the repository can be read") {
        let entry = entry.expect("it can be read");
        if entry.path().is_dir() {
            symlink(entry.path(), at(&entry.file_name().to_string_lossy())).expect("a link");
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
    let manifest = manifest.replacen("members = [", "members = [\"school\", ", 1);
    fs::write(at("Cargo.toml"), manifest).expect("it can be written");
    for file in ["Cargo.lock", "clippy.toml"] {
        fs::copy(root().join(file), at(file)).expect("it is there");
    }
    fs::write(at("compiler"), COMPILER).expect("it can be written");
    fs::set_permissions(at("compiler"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    workspace
}

fn scaffold(app: &Path, name: &str, fields: &[&str]) {
    let repository = Repository::around(app, Layout::CRATE).expect("it is as the layout says");
    let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
    let entity = EntityPlan::new(name, &fields, None).expect("it can be declared");
    let plan = repository.entity(entity).expect("it can be written");
    repository.write(&plan).expect("it is written");
}

/// Code of the application's own that makes rows which another entity is yet to have many of.
const A_CATEGORY: &str = r#"
/// A category that is open.
pub fn a_category(name: String) -> entities::category::CategoryCreate {
    use entities::category::{CategoryCreate, CategoryState};
    CategoryCreate {
        properties: None,
        ..CategoryCreate::new(name, CategoryState::Open, "Everything.".into())
    }
}
"#;

fn make_a_category(app: &Path) {
    let lib = app.join("src/lib.rs");
    let text = fs::read_to_string(&lib).expect("it was written");
    fs::write(lib, text + A_CATEGORY).expect("it is ours");
}

/// `target`, and the profile of this build.
fn built() -> (PathBuf, bool) {
    let tests = std::env::current_exe().expect("the tests are a program");
    let built = tests
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<tests>");
    let target = built.parent().expect("target/<profile>");
    (target.to_owned(), built.ends_with("release"))
}

// 4.08
#[test]
fn five_new_entities_compile_lint_and_pass_without_an_edit() {
    let workspace = workspace();
    let app = workspace.path().join("school");
    scaffold(&app, "user", &["name:string!"]);
    for (name, fields) in ENTITIES {
        scaffold(&app, name, fields);
        if name == "category" {
            make_a_category(&app);
        }
    }
    let formatted = Command::new("rustfmt")
        .args([
            "--check",
            "--edition",
            "2024",
            "src/main.rs",
            "src/lib.rs",
            "tests/all.rs",
        ])
        .current_dir(&app)
        .output()
        .expect("rustfmt is there");
    let differs = String::from_utf8_lossy(&formatted.stdout);
    assert!(formatted.status.success(), "it is not formatted\n{differs}");
    let (target, is_release) = built();
    let mut cargo = Command::new(env!("CARGO"));
    without_this_package(&mut cargo);
    // As `./test` builds: else its dependencies would have other features, and be built once more.
    cargo
        .args(["test", "--offline", "--workspace", "--all-features"])
        .args(["--test", "school_tests", "--target-dir"])
        .arg(target)
        .args(is_release.then_some("--release"))
        .env("RUSTC_WRAPPER", workspace.path().join("compiler"))
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")
        .current_dir(workspace.path());
    let done = cargo.output().expect("cargo is there");
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success(), "{said}");
    for database in ["sqlite", "postgres"] {
        for test in [
            "lesson_plans::the_limits_of_a_lesson_plan_are_kept",
            "weather_stations::a_weather_station_holds_its_categories",
            "countries::a_country_holds_its_measures",
        ] {
            let test = format!("{test}::{database} ... ok");
            assert!(said.contains(&test), "no {test}\n{said}");
        }
    }
}
