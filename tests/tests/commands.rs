//! The binary's commands, run as a user runs them.

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::LazyLock,
};

use crud_core::{Uuid, jobs::WorkerConfig, testing::on_both};
use lms_server::jobs::{self, SendWelcomeEmail};
use serde_json::Value;
use tests::{PASSWORD, TestApp};

/// The binary, built once with the profile and into the folder of the tests.
pub(crate) static BINARY: LazyLock<PathBuf> = LazyLock::new(|| build(&[]));

/// Builds the binary, with these arguments of cargo's too.
pub(crate) fn build(arguments: &[&str]) -> PathBuf {
    let tests = std::env::current_exe().expect("the tests are a program");
    let folder = tests
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<tests>");
    let mut build = Command::new(env!("CARGO"));
    // As `./test` builds, with the features that tests need (`--test`): else its dependencies would have others, and be
    // built once more.
    build.args(["build", "--quiet"]);
    // A release has no mutants.
    match folder.ends_with("release") {
        true => build.args(["--release", "--package", "lms-server", "--package", "tests"]),
        false => build.args(["--workspace", "--all-features"]),
    };
    build.args(["--bin", "lms-server", "--test", "all", "--target-dir"]);
    build.arg(folder.parent().expect("target/<profile>"));
    build.args(arguments);
    without_this_package(&mut build);
    let built = build.status().expect("cargo is there");
    assert!(built.success(), "the server does not build");
    folder.join(format!("lms-server{}", std::env::consts::EXE_SUFFIX))
}

/// What cargo says of this package would make build scripts of others (`ring`'s) run again, each time.
pub(crate) fn without_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// A command of the server on a test's database.
pub(crate) fn command(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(&*BINARY);
    command.args(arguments).env_clear();
    command.env("DATABASE_URL", app.database_url());
    command.env("LMS_JWT_SECRET", "a secret of tests, 32 bytes long");
    command
        .env("LMS_ADMIN_EMAIL", "first@test.example")
        .env("LMS_ADMIN_PASSWORD", PASSWORD);
    command
}

fn lms_server(app: &TestApp, arguments: &[&str]) -> Output {
    command(app, arguments).output().expect("it starts")
}

/// What a command that must succeed, or must not, said.
#[track_caller]
pub(crate) fn said(output: &Output, succeeds: bool) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.success(), succeeds, "{text}");
    text
}

on_both! {
    // 3.10
    async fn check_fails_when_a_table_has_drifted(app: TestApp) {
        let fine = said(&lms_server(&app, &["check"]), true);
        assert!(fine.contains("the database is as declared"), "{fine}");
        let drop = "ALTER TABLE modules DROP COLUMN description";
        app.lms.app.db().batch(drop).await.unwrap();
        let told = said(&lms_server(&app, &["check"]), false);
        assert!(told.contains("the column modules.description does not exist"), "{told}");
    }

    // 1.06, 3.11
    async fn migrate_goes_down_and_up_and_check_tells_what_is_pending(app: TestApp) {
        let down = said(&lms_server(&app, &["migrate", "--down", "2"]), true);
        let newest = lms_server::MIGRATIONS.sqlite.last().expect("there are migrations").name;
        assert!(down.contains(&format!("{newest} taken back")), "{down}");
        let pending = said(&lms_server(&app, &["check"]), false);
        assert!(pending.contains("2 migrations are not applied"), "{pending}");
        let up = said(&lms_server(&app, &["migrate"]), true);
        assert!(up.contains("2 migrations applied"), "{up}");
        said(&lms_server(&app, &["check"]), true);
    }

    // 2.26
    async fn an_administrator_is_made_at_the_shell(app: TestApp) {
        let made = said(&lms_server(&app, &["admin", "create", "New@test.example"]), true);
        assert!(made.contains("new@test.example is an administrator now"), "{made}");
        let session = app.lms.sign_in("new@test.example", PASSWORD.to_owned()).await.unwrap();
        let admin = app.anonymous().signed_in(Uuid::default(), session.access_token);
        assert_eq!(admin.get("/auth/me").await.is(200)["role"], "admin");
        // The password alone is enough: the address is in the command.
        let mut alone = command(&app, &["admin", "create", "second@test.example"]);
        let alone = alone.env_remove("LMS_ADMIN_EMAIL").output().expect("it starts");
        assert!(said(&alone, true).contains("second@test.example is an administrator now"));
        let twice = said(&lms_server(&app, &["admin", "create", "new@test.example"]), false);
        assert!(twice.contains("Another user has this email"), "{twice}");
    }

    async fn an_operator_lists_dead_jobs_and_has_them_tried_again(app: TestApp) {
        let job = SendWelcomeEmail {
            user_id: Uuid::now_v7(),
            email: "nowhere".to_owned(),
            full_name: "Nobody".to_owned(),
        };
        app.lms.app.db().enqueue(&job).await.unwrap();
        jobs::worker(&app.lms, WorkerConfig::default()).run_due().await.unwrap();
        let listed = said(&lms_server(&app, &["jobs", "list"]), true);
        let listed: Value = serde_json::from_str(&listed).expect("a line of JSON");
        assert_eq!(listed["name"], "send_welcome_email");
        let reason = listed["last_error"].as_str().unwrap_or_default();
        assert!(reason.contains("`nowhere` is no address"), "{reason}");
        let id = listed["id"].to_string();
        let again = said(&lms_server(&app, &["jobs", "retry", &id]), true);
        assert!(again.contains(&format!("job {id} is in the queue again")), "{again}");
        let twice = said(&lms_server(&app, &["jobs", "retry", &id]), false);
        assert!(twice.contains(&format!("there is no dead job {id}")), "{twice}");
        assert!(said(&lms_server(&app, &["jobs", "list"]), true).is_empty());
        said(&lms_server(&app, &["jobs", "retry"]), false);
        let all = said(&lms_server(&app, &["jobs", "retry", "--all"]), true);
        assert!(all.contains("0 jobs are in the queue again"), "{all}");
    }

    // 3.13
    async fn openapi_prints_the_document_that_is_served(app: TestApp) {
        let printed = lms_server(&app, &["openapi"]);
        let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
        let served = app.anonymous().at_root().get("/openapi.json").await.is(200);
        assert_eq!(printed, served.json);
    }

    // 3.40: one sentence that names the variable, the value and what is accepted
    async fn a_wrong_value_stops_the_start_with_a_sentence(app: TestApp) {
        drop(app);
        let mut command = Command::new(&*BINARY);
        command.env_clear().env("DATABASE_URL", "mysql://localhost/lms").env("LMS_BIND", "here");
        let told = said(&command.output().expect("it starts"), false);
        for word in ["DATABASE_URL", "mysql", "sqlite://", "LMS_BIND", "here"] {
            assert!(told.contains(word), "{word} in {told}");
        }
        assert!(!told.contains("panicked"), "{told}");
    }
}
