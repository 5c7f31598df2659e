//! `lms-server new entity` and `lms-server migrate --new`: what they write, in copies of this repository's files, and
//! the migrations of it on both databases.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crud_core::{
    db::DbKind,
    testing::{TestDb, on_both},
};
use crud_scaffold::{Plan, Scripts, between};
use lms_server::{MIGRATIONS, entities, scaffold};
use tempfile::TempDir;
use tests::TestApp;

use crate::{
    commands::{BINARY, said},
    steps::texts,
};

/// Everything that a field can be, in two entities.
pub(crate) const ENTITIES: [(&str, &[&str]); 2] = [
    (
        "LessonPlan",
        &[
            "title:string!",
            "slug:string:unique",
            "body:text:words",
            "published:bool=false",
            "course:ref(courses)!",
            "reviewer:ref(users)",
            "author:ref(users)",
            "parent:ref(lesson_plans)",
            "level:enum(beginner,very-advanced)=beginner",
            "price:float=1",
            "meta:json",
            "due:time",
            "order:int",
            "clicks:bigint=0",
            "outside:uuid",
            "courses:has_many",
        ],
    ),
    (
        "category",
        &[
            "name:string!:unique",
            "state:enum(open,closed)!",
            "about:text!",
        ],
    ),
];

/// Entities whose rows are named by numbers and texts, and refer to each other so.
pub(crate) const NUMBERED_AND_NAMED: [(&str, &[&str]); 2] = [
    (
        "WeatherStation",
        &[
            "id:bigint",
            "name:string!",
            "main:ref(weather_stations)",
            "material:has_many(lessons)",
        ],
    ),
    (
        "Country",
        &[
            "id:string",
            "name:string!:unique",
            "station:ref(weather_stations)",
            "part_of:ref(countries)",
            "stations:has_many(weather_stations)",
            "lessons:has_many",
        ],
    ),
];

/// This repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a folder of the repository")
}

/// A copy of what the scaffold reads.
fn copy() -> TempDir {
    let copy = TempDir::new().expect("a temporary folder");
    for part in ["lms-server/src", "migrations", "tests/tests"] {
        copied(&root().join(part), &copy.path().join(part));
    }
    copy
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the repository can be read") {
        let entry = entry.expect("it can be read").path();
        let to = to.join(entry.file_name().expect("it has a name"));
        if entry.is_dir() {
            copied(&entry, &to);
        } else {
            fs::copy(&entry, &to).expect("it can be copied");
        }
    }
}

pub(crate) fn new(copy: &Path, name: &str, fields: &[&str]) -> Result<Plan, String> {
    let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
    scaffold::entity(copy, name, &fields, None, true)
}

fn is_formatted(file: &Path) -> bool {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .args([
            "--check",
            "--edition",
            "2024",
            "--config",
            "skip_children=true",
        ])
        .arg(file);
    let done = rustfmt
        .stderr(Stdio::null())
        .output()
        .expect("rustfmt is there");
    // A stable rustfmt knows no `skip_children` and says so; the answer is the same.
    String::from_utf8_lossy(&done.stdout).is_empty()
}

#[test]
fn what_is_written_is_formatted_rust_and_nothing_is_written_over() {
    let copy = copy();
    for (name, fields) in ENTITIES {
        let plan = new(copy.path(), name, fields).expect("it can be written");
        let files = plan
            .new
            .iter()
            .chain(&plan.changed)
            .map(|(path, _)| copy.path().join(path));
        for file in files.filter(|file| file.extension().is_some_and(|end| end == "rs")) {
            let text = fs::read_to_string(&file).expect("it is there");
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            if !["mod.rs", "all.rs"].iter().any(|end| file.ends_with(end)) {
                assert!(
                    is_formatted(&file),
                    "{} is not formatted:\n{text}",
                    file.display()
                );
            }
        }
    }
    let last = lms_server::MIGRATIONS
        .sqlite
        .last()
        .expect("there are migrations")
        .version;
    let list = fs::read_to_string(copy.path().join("migrations/src/lib.rs")).unwrap();
    assert!(
        list.contains(&format!(
            "    {} \"{:04}_lesson_plans\",",
            last + 1,
            last + 1
        )),
        "{list}"
    );
    assert!(
        list.contains(&format!(
            "    {} \"{:04}_categories\",\n}}",
            last + 2,
            last + 2
        )),
        "{list}"
    );
    let registry = fs::read_to_string(copy.path().join("lms-server/src/entities/mod.rs")).unwrap();
    assert!(
        registry.contains("pub mod lesson;\npub mod lesson_plan;\npub mod lesson_progress;"),
        "{registry}"
    );
    assert!(
        registry.contains(".entity::<category::Category>()"),
        "{registry}"
    );
    let again = new(copy.path(), "lesson_plan", &["a:int"]).unwrap_err();
    assert_eq!(again, "there is an entity `lesson_plan` already");
    let nowhere = new(copy.path(), "essay", &["x:ref(nowhere)"]).unwrap_err();
    assert!(
        nowhere.contains(
            "no entity's table; accepted are assessments, categories, certificates, courses"
        ),
        "{nowhere}"
    );
    // A test file of that name is there: the entity's gets another.
    let note = new(copy.path(), "note", &["words:text!"]).expect("it can be written");
    assert!(
        note.new
            .iter()
            .any(|(path, _)| path.ends_with("note_entity.rs"))
    );
}

#[test]
fn ids_of_every_kind_are_written_and_referred_to() {
    let copy = copy();
    for (name, fields) in NUMBERED_AND_NAMED {
        let plan = new(copy.path(), name, fields).expect("it can be written");
        let rust = plan.new.iter().filter(|(path, _)| path.ends_with("mod.rs"));
        for (path, _) in rust {
            assert!(is_formatted(&copy.path().join(path)), "{}", path.display());
        }
    }
    let schema = fs::read_to_string(copy.path().join("migrations/src/schema.rs")).unwrap();
    let country = schema
        .split("countries (id)")
        .nth(1)
        .expect("it is declared");
    for column in [
        "id -> Text,",
        "station_id -> Nullable<BigInt>,",
        "part_of_id -> Nullable<Text>,",
    ] {
        assert!(country.contains(column), "{column}\n{country}");
    }
    let declared = fs::read_to_string(copy.path().join("lms-server/src/entities/country/mod.rs"));
    let declared = declared.unwrap();
    for field in ["pub id: String", "pub station_id: Option<i64>"] {
        assert!(declared.contains(field), "{field}\n{declared}");
    }
}

#[test]
fn the_command_writes_or_only_prints() {
    let copy = copy();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&*BINARY);
        command
            .args(arguments)
            .current_dir(copy.path().join("lms-server"))
            .output()
            .expect("it starts")
    };
    let dry = said(
        &run(&["new", "entity", "Essay", "title:string!", "--dry-run"]),
        true,
    );
    assert!(dry.contains("pub struct Essay {"), "{dry}");
    let folder = copy.path().join("lms-server/src/entities/essay");
    assert!(!folder.exists(), "a dry run wrote");
    let told = said(&run(&["new", "entity", "Essay", "title:strng"]), false);
    assert!(
        told.contains("`strng` is no type; accepted are string, text"),
        "{told}"
    );
    said(&run(&["new", "entity", "Essay", "title:string!"]), true);
    assert!(folder.join("policy.rs").is_file());
    let nothing = said(&run(&["migrate", "--new", "Nothing"]), false);
    assert!(nothing.contains("there is nothing to write"), "{nothing}");
}

/// Everything that the database says of its tables.
async fn schema(app: &TestApp) -> Vec<String> {
    let mut found = texts(app, match app.kind {
        DbKind::Postgres => {
            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) \
             FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace"
        }
        // Where SQLite counts stays, once it is there.
        DbKind::Sqlite => "SELECT type || name || coalesce(sql, '') FROM sqlite_master WHERE name <> 'sqlite_sequence'",
    })
    .await;
    found.sort();
    found
}

/// Up, down and up again; no drift at the end. Gives the schemas before and after.
async fn up_down_up(app: &TestApp, up: &str, down: &str) -> [Vec<String>; 2] {
    let db = app.lms.app.db();
    let before = schema(app).await;
    db.batch(up)
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{up}"));
    let after = schema(app).await;
    db.batch(down)
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{down}"));
    let back = schema(app).await;
    db.batch(up)
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{up}"));
    assert_eq!(schema(app).await, after, "up, down, up is another schema");
    [before, back]
}

fn of(kind: DbKind, scripts: &Scripts) -> (&str, &str) {
    match kind {
        DbKind::Postgres => (&scripts.postgres_up, &scripts.postgres_down),
        DbKind::Sqlite => (&scripts.sqlite_up, &scripts.sqlite_down),
    }
}

/// The migration after these statements changed the tables that the migrations make.
async fn generated(changes: &str) -> Scripts {
    let made = TestDb::from_template(DbKind::Sqlite, "scaffold", async |db| {
        db.migrate(&MIGRATIONS).await.map(drop)
    });
    let made = made.await.expect("an SQLite database");
    made.db().batch(changes).await.expect("the changes fit");
    let registry = entities::registry();
    let scripts = between(made.db(), &registry.tables(), &registry)
        .await
        .expect("the catalogue can be read");
    scripts.expect("there is a difference")
}

async fn drift(app: &TestApp) -> Vec<String> {
    let tables = app.lms.app.registry().tables();
    app.lms
        .app
        .db()
        .drift(&tables)
        .await
        .expect("the catalogue can be read")
}

on_both! {
    // 4.08
    async fn the_migration_of_a_new_entity_goes_up_down_and_up(app: TestApp) {
        let copy = copy();
        for (name, fields) in ENTITIES.into_iter().chain(NUMBERED_AND_NAMED) {
            let plan = new(copy.path(), name, fields).expect("it can be written");
            let folder = if app.kind == DbKind::Sqlite { "sqlite" } else { "postgres" };
            let file = |end: &str| {
                let found = plan.new.iter().find(|(path, _)| {
                    path.ends_with(end) && path.components().any(|part| part.as_os_str() == folder)
                });
                found.expect("both databases have it").1.clone()
            };
            let [before, back] = up_down_up(&app, &file("up.sql"), &file("down.sql")).await;
            assert_eq!(before, back);
        }
    }

    // 3.11
    async fn a_table_that_is_missing_is_generated(app: TestApp) {
        let drop = "DROP TABLE lesson_progress; DROP TABLE submissions; DROP TABLE posts;";
        let scripts = generated(drop).await;
        app.lms.app.db().batch(drop).await.unwrap();
        assert_eq!(drift(&app).await.len(), 3);
        let (up, down) = of(app.kind, &scripts);
        assert!(up.contains("REFERENCES users (id)") && up.contains("FILL IN"), "{up}");
        let [before, back] = up_down_up(&app, up, down).await;
        assert_eq!(before, back);
        assert_eq!(drift(&app).await, Vec::<String>::new());
        // The suite's own rows, on the generated tables.
        let body = serde_json::json!({"title": "T", "content": "C", "published": true});
        app.student().post("/posts", body).await.is(201);
    }

    // 3.11
    async fn an_index_of_words_that_is_missing_is_generated(app: TestApp) {
        let gone = |kind| match kind {
            DbKind::Postgres => "DROP INDEX ix_posts_words;",
            DbKind::Sqlite => "DROP TRIGGER tr_posts_fts_insert; DROP TRIGGER tr_posts_fts_update; \
                DROP TRIGGER tr_posts_fts_delete; DROP TABLE posts_fts; DROP VIEW posts_fts_texts; DROP TABLE posts_fts_rows;",
        };
        let body = serde_json::json!({"title": "Seven swift foxes", "content": "C", "published": true});
        app.student().post("/posts", body).await.is(201);
        let scripts = generated(gone(DbKind::Sqlite)).await;
        app.lms.app.db().batch(gone(app.kind)).await.unwrap();
        let words = app.lms.app.registry().words();
        assert_eq!(app.lms.app.db().drift_of_words(&words).await.unwrap().len(), 1);
        let (up, down) = of(app.kind, &scripts);
        let [before, back] = up_down_up(&app, up, down).await;
        assert_eq!(before, back);
        assert_eq!(app.lms.app.db().drift_of_words(&words).await.unwrap(), Vec::<String>::new());
        // The rows that were there are in it.
        let found = app.student().get("/posts?q=fox*%20swift").await.is(200);
        assert_eq!(found.total(), 1);
    }

    // 3.11
    async fn columns_that_differ_are_generated(app: TestApp) {
        let table = "ALTER TABLE modules DROP COLUMN description; \
                     ALTER TABLE courses ALTER COLUMN slug DROP NOT NULL; \
                     ALTER TABLE posts ALTER COLUMN archived_at SET NOT NULL; ";
        let extra = match app.kind {
            DbKind::Sqlite => "ALTER TABLE courses ADD COLUMN rating INTEGER NOT NULL DEFAULT 3 \
                CONSTRAINT ck_courses_rating CHECK (rating >= 0) \
                CONSTRAINT ty_courses_rating CHECK (rating BETWEEN -2147483648 AND 2147483647); ",
            DbKind::Postgres => "ALTER TABLE courses ADD COLUMN rating integer NOT NULL DEFAULT 3 \
                CONSTRAINT ck_courses_rating CHECK (rating >= 0); ",
        };
        let index = "CREATE INDEX ix_courses_rating ON courses (rating) WHERE rating > 0;";
        let on_sqlite = "ALTER TABLE courses ADD COLUMN rating INTEGER NOT NULL DEFAULT 3 \
             CONSTRAINT ck_courses_rating CHECK (rating >= 0) \
             CONSTRAINT ty_courses_rating CHECK (rating BETWEEN -2147483648 AND 2147483647); ";
        let scripts = generated(&format!("{table}{on_sqlite}{index}")).await;
        app.lms.app.db().batch(&format!("{table}{extra}{index}")).await.unwrap();
        let (up, down) = of(app.kind, &scripts);
        up_down_up(&app, up, down).await;
        assert_eq!(drift(&app).await, Vec::<String>::new());
        app.lms.app.db().batch(down).await.unwrap();
        let names = schema(&app).await.join("\n");
        for name in ["rating", "ck_courses_rating", "ix_courses_rating"] {
            assert!(names.contains(name), "{name} does not come back\n{names}");
        }
        assert!(!names.contains("modules description"), "{names}");
    }
}
