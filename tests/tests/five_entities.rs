//! The scaffold's output, whole: five entities are written into a copy of this repository, which then builds, lints and
//! tests itself without an edit.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    commands::{BINARY, without_this_package},
    scaffold::{ENTITIES, NUMBERED_AND_NAMED, copied, new, root},
};

/// A copy of this repository, as it is now, in which the server and its tests are packages of their own: another version,
/// another program. What does not change is linked, so that what this build has made of it serves.
fn workspace() -> PathBuf {
    let copy = root().join("target/scaffold-copy");
    if copy.exists() {
        fs::remove_dir_all(&copy).expect("the last copy can be removed");
    }
    for part in ["lms-server", "migrations", "tests/src", "tests/tests"] {
        copied(&root().join(part), &copy.join(part));
    }
    for part in [
        "crud-core",
        "crud-derive",
        "crud-scaffold",
        "tests/model",
        "tests/peer-server",
        "tests/ui",
    ] {
        symlink(root().join(part), copy.join(part)).expect("a link can be made");
    }
    for file in [
        "Cargo.toml",
        "Cargo.lock",
        "clippy.toml",
        "rust-toolchain.toml",
        "tests/openapi.json",
    ] {
        fs::copy(root().join(file), copy.join(file)).expect("it can be copied");
    }
    for package in ["lms-server", "tests"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml"));
        let manifest = manifest.expect("it can be read");
        let manifest = manifest
            .replace("version.workspace = true", "version = \"0.0.1\"")
            .replace(
                "[[bin]]\nname = \"lms-server\"",
                "[[bin]]\nname = \"lms-scaffolded\"",
            );
        fs::write(copy.join(package).join("Cargo.toml"), manifest).expect("it can be written");
    }
    copy
}

/// Leaves only the tests that say something of new entities, which is a quarter of the compiler's work.
fn few_tests(copy: &Path) {
    let all = copy.join("tests/tests/all.rs");
    let text = fs::read_to_string(&all).expect("it can be read");
    let old = fs::read_to_string(root().join("tests/tests/all.rs")).expect("it can be read");
    let stays = |line: &str| {
        let needed = [
            "conformance",
            "database",
            "faults",
            "includes",
            "openapi",
            "steps",
        ];
        !line.starts_with("mod ")
            || !old.lines().any(|other| other == line)
            || needed.iter().any(|name| line == format!("mod {name};"))
    };
    let few: Vec<_> = text.lines().filter(|line| stays(line)).collect();
    fs::write(&all, few.join("\n") + "\n").expect("it can be written");
}

/// 4.08, whole: five entities are written into a copy of the workspace, which then lints and tests itself.
#[test]
#[ignore = "compiles the server and its tests once more: ./test five_new_entities -- --ignored"]
fn five_new_entities_compile_lint_and_pass_without_an_edit() {
    let copy = workspace();
    for (name, fields) in ENTITIES.into_iter().chain(NUMBERED_AND_NAMED) {
        new(&copy, name, fields).expect("it can be written");
    }
    new(
        &copy,
        "PlanPart",
        &[
            "plan:ref(lesson_plans)!:unique",
            "category:ref(categories)",
            "weight:int!",
        ],
    )
    .unwrap();
    new(&copy, "stored-thing", &["content:json!", "at:time!"]).unwrap();
    new(
        &copy,
        "Mark",
        &[
            "enrollment:ref(enrollments)!",
            "number:bigint!:unique",
            "price:float!",
            "done:bool!",
        ],
    )
    .unwrap();
    few_tests(&copy);
    // The dependencies are those of this build: the same flags, the same folder.
    let built = BINARY.parent().expect("target/<profile>/lms-server");
    let cargo = |command: &str, arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        without_this_package(&mut cargo);
        cargo
            .args([command, "--offline", "--workspace", "--all-features"])
            .args(arguments)
            .current_dir(&copy);
        let target = built.parent().expect("target/<profile>");
        let done = cargo.env("CARGO_TARGET_DIR", target).status();
        assert!(
            done.is_ok_and(|done| done.success()),
            "cargo {command} fails"
        );
    };
    cargo("build", &["--bin", "lms-scaffolded", "--test", "ui"]);
    let document = Command::new(built.join("lms-scaffolded"))
        .arg("openapi")
        .output()
        .expect("it starts");
    fs::write(copy.join("tests/openapi.json"), document.stdout).expect("it can be written");
    let formatted = Command::new(env!("CARGO"))
        .args([
            "fmt",
            "--package",
            "lms-server",
            "--package",
            "tests",
            "--check",
        ])
        .current_dir(&copy)
        .status();
    assert!(
        formatted.expect("it starts").success(),
        "cargo fmt --check fails"
    );
    let whole = ["--bin", "lms-scaffolded", "--test", "all"];
    cargo("clippy", &[&whole[..], &["--", "-D", "warnings"]].concat());
    cargo("test", &["--test", "all"]);
}
