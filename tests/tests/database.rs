//! The tables themselves: what the database refuses without the API, and what migrations leave.

use std::collections::BTreeSet;

use crud_core::{
    Db, DbConfig,
    db::{DbError, DbKind, DbResult},
    testing::on_both,
};
use lms_server::MIGRATIONS;
use serde_json::json;
use tests::TestApp;

use crate::steps::{count, draft, id, lesson, made, published, run, texts};

/// Every table, column, key, rule and index by name, with what both databases can say about it.
async fn names(app: &TestApp) -> BTreeSet<String> {
    let columns = match app.kind {
        DbKind::Postgres => {
            "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN '' ELSE ' not null' END \
             FROM information_schema.columns WHERE table_schema = 'public'"
        }
        DbKind::Sqlite => {
            "SELECT t.name || '.' || c.name || CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END \
             FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
        }
    };
    let indexes = match app.kind {
        DbKind::Postgres => "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public'",
        DbKind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
    };
    let mut names: BTreeSet<_> = texts(app, columns).await.into_iter().collect();
    // Keys' own indexes have names of the database's choice.
    let indexes = texts(app, indexes).await.into_iter();
    names.extend(indexes.filter(|name| name.starts_with("ix_") || name.starts_with("uq_")));
    names.extend(constraints(app).await.into_iter().map(|(name, _)| name));
    // Words are kept in an index of PostgreSQL's and in tables of SQLite's: `drift` knows of both.
    names.retain(|name| !name.contains("_fts") && !name.ends_with("_words"));
    names
}

/// The named constraints with their definitions. What stands for a type on SQLite is left out.
async fn constraints(app: &TestApp) -> Vec<(String, String)> {
    let found = match app.kind {
        DbKind::Postgres => {
            "SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f', 'c', 'u')"
        }
        DbKind::Sqlite => "SELECT sql FROM sqlite_master WHERE type = 'table'",
    };
    let found = texts(app, found).await;
    let parts = found
        .iter()
        .flat_map(|sql| sql.split("CONSTRAINT ").skip(1));
    let split = parts.filter_map(|part| part.split_once(' '));
    let ours = split.filter(|(name, _)| !name.starts_with("ty_") && !name.contains("schema_migr"));
    ours.map(|(name, rule)| {
        (
            name.to_owned(),
            rule.trim().trim_end_matches(',').to_owned(),
        )
    })
    .collect()
}

/// Everything the database says of its schema, in its own words.
async fn schema(app: &TestApp) -> BTreeSet<String> {
    let whole = match app.kind {
        DbKind::Postgres => {
            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, collation_name) \
             FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace"
        }
        DbKind::Sqlite => "SELECT type || name || coalesce(sql, '') FROM sqlite_master",
    };
    texts(app, whole).await.into_iter().collect()
}

async fn tables(app: &TestApp) -> Vec<String> {
    texts(
        app,
        match app.kind {
            DbKind::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
            DbKind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        },
    )
    .await
}

async fn drift(app: &TestApp) -> Vec<String> {
    let tables = app.lms.app.registry().tables();
    let words = app.lms.app.registry().words();
    let db = app.lms.app.db();
    let mut drift = db.drift(&tables).await.expect("the catalogue can be read");
    let of_words = db.drift_of_words(&words).await;
    drift.extend(of_words.expect("the catalogue can be read"));
    drift
}

/// The name of the rule that a statement broke.
fn rule(done: DbResult<usize>) -> String {
    match done {
        Err(DbError::Check { constraint, .. }) => constraint.unwrap_or_default(),
        other => panic!("a rule should be broken: {other:?}"),
    }
}

on_both! {
    // 2.20
    async fn the_database_knows_three_difficulties_and_none(app: TestApp) {
        let course = draft(&app.instructor(), "Course").await;
        for level in ["'beginner'", "'intermediate'", "'advanced'", "NULL"] {
            let set = format!("UPDATE courses SET difficulty_level = {level} WHERE id = ?");
            assert_eq!(run(&app, &set, id(&course)).await.expect(level), 1);
        }
        for level in ["'hard'", "'Beginner'", "''"] {
            let set = format!("UPDATE courses SET difficulty_level = {level} WHERE id = ?");
            assert_eq!(rule(run(&app, &set, id(&course)).await), "ck_courses_difficulty_level");
        }
    }

    // 2.22, 2.25, 3.08
    async fn the_database_keeps_the_limits_by_itself(app: TestApp) {
        let course = draft(&app.instructor(), "Course").await;
        let lesson = lesson(&app.instructor(), &course, 1).await;
        let org = made(&app.admin(), "/organizations", json!({"name": "Org"})).await;
        let user = format!("/users/{}", app.student().id());
        for (path, table, column, value, broken) in [
            (&course, "courses", "title", "''".to_owned(), "ck_courses_title_length"),
            (&course, "courses", "title", text(256), "ck_courses_title_length"),
            (&course, "courses", "slug", text(256), "ck_courses_slug_length"),
            (&course, "courses", "category", text(101), "ck_courses_category_length"),
            (&course, "courses", "thumbnail_url", text(501), "ck_courses_thumbnail_url_length"),
            (&course, "courses", "estimated_duration_minutes", "0".to_owned(),
                "ck_courses_estimated_duration_minutes"),
            (&lesson, "lessons", "title", text(256), "ck_lessons_title_length"),
            (&lesson, "lessons", "content_type", text(51), "ck_lessons_content_type_length"),
            (&lesson, "lessons", "video_url", text(501), "ck_lessons_video_url_length"),
            (&org, "organizations", "name", text(256), "ck_organizations_name_length"),
            (&org, "organizations", "description", text(4097), "ck_organizations_description_length"),
            (&user, "users", "role", "'root'".to_owned(), "ck_users_role"),
            (&user, "users", "email", "'A@B.example'".to_owned(), "ck_users_email_lower"),
        ] {
            let set = format!("UPDATE {table} SET {column} = {value} WHERE id = ?");
            assert_eq!(rule(run(&app, &set, id(path)).await), broken);
        }
    }

    // 2.21, 2.22, 3.10
    async fn the_indexes_that_were_asked_for_are_there(app: TestApp) {
        let names = names(&app).await;
        for index in [
            "ix_courses_published_created", "ix_courses_instructor_id", "uq_courses_slug",
            "ix_lessons_course_order", "uq_users_email", "ix_modules_course_order",
        ] {
            assert!(names.contains(index), "{index}");
        }
        let definition = texts(&app, match app.kind {
            DbKind::Postgres => "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_courses_published_created'",
            DbKind::Sqlite => "SELECT sql FROM sqlite_master WHERE name = 'ix_courses_published_created'",
        }).await;
        assert!(definition[0].ends_with("(is_published, created_at)"), "{definition:?}");
        for path in ["/courses", "/lessons"] {
            assert_eq!(app.anonymous().get(path).await.is(200).total(), 0);
        }
        let new = app.instructor().post("/courses", json!({"title": "x"})).await.is(201);
        assert_eq!(new["is_published"], false);
    }

    // 2.22, 2.24, 3.05, 3.09
    async fn foreign_keys_restrict_cascade_and_clear(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let part = made(&by, "/modules", json!({"title": "P", "course_id": id(&course)})).await;
        let inside = lesson(&by, &course, 1).await;
        by.patch(&inside, json!({"module_id": id(&part)})).await.is(200);
        let teacher = by.id().to_string();
        let refused = run(&app, "DELETE FROM users WHERE id = ?", &teacher).await;
        assert!(matches!(refused, Err(DbError::ForeignKey { .. })), "{refused:?}");
        run(&app, "DELETE FROM modules WHERE id = ?", id(&part)).await.expect("clears");
        assert!(by.get(&inside).await.is(200)["module_id"].is_null());
        run(&app, "DELETE FROM courses WHERE id = ?", id(&course)).await.expect("cascades");
        assert_eq!(count(&app, "lessons").await, 0);
        let org = made(&app.admin(), "/organizations", json!({"name": "Org"})).await;
        run(&app, "DELETE FROM users WHERE id = ?", &app.admin().id().to_string()).await
            .expect("clears");
        assert!(app.student().get(&org).await.is(200)["created_by"].is_null());
        let rules = constraints(&app).await;
        for (name, end) in [
            ("fk_courses_instructor_id", "ON DELETE RESTRICT"),
            ("fk_lessons_course_id", "ON DELETE CASCADE"),
            ("fk_modules_course_id", "ON DELETE CASCADE"),
            ("fk_assessments_course_id", "ON DELETE CASCADE"),
            ("fk_lessons_module_id", "ON DELETE SET NULL"),
        ] {
            let rule = rules.iter().find(|(known, _)| known == name);
            assert!(rule.is_some_and(|(_, rule)| rule.contains(end)), "{name}: {rule:?}");
        }
        for entity in app.lms.app.registry().resources() {
            for column in ["created_by", "updated_by"] {
                let name = format!("fk_{}_{column}", entity.shape.name);
                let rule = rules.iter().find(|(known, _)| *known == name);
                let clears = |(_, rule): &(String, String)| rule.contains("(id) ON DELETE SET NULL");
                assert!(rule.is_some_and(clears), "{name}: {rule:?}");
            }
        }
    }

    // 3.02, 3.03, 3.04, 1.06: the standard columns have defaults, so a shell can write a row
    async fn a_row_can_be_written_without_the_api(app: TestApp) {
        let insert = "INSERT INTO organizations (name) VALUES ('From a shell')";
        app.lms.app.db().batch(insert).await.unwrap();
        let list = app.anonymous().get("/organizations").await.is(200);
        let row = &list.items()[0];
        let path = format!("/organizations/{}", row["id"].as_str().expect("an id"));
        let row = app.anonymous().get(&path).await.is(200);
        assert_eq!((&row["name"], &row["version"]), (&json!("From a shell"), &json!(0)));
        assert_eq!(row["created_at"], row["updated_at"]);
        assert!(row["created_by"].is_null() && row["properties"].is_null());
        let year: u32 = row["created_at"].as_str().expect("a time")[..4].parse().expect("a year");
        assert!(year >= 2025, "{row}");
    }

    // 3.10, 3.11: `lms-server check`
    async fn a_column_that_differs_from_its_declaration_is_drift(app: TestApp) {
        assert_eq!(drift(&app).await, Vec::<String>::new());
        let db = app.lms.app.db();
        db.batch("ALTER TABLE modules DROP COLUMN description").await.unwrap();
        assert_eq!(drift(&app).await, ["the column modules.description does not exist"]);
        db.batch("ALTER TABLE modules ADD COLUMN description INTEGER").await.unwrap();
        let found = drift(&app).await;
        assert!(found.len() == 1 && found[0].contains("declared as Text"), "{found:?}");
        db.batch("ALTER TABLE modules DROP COLUMN description").await.unwrap();
        db.batch("ALTER TABLE modules ADD COLUMN description TEXT NOT NULL DEFAULT ''").await.unwrap();
        let found = drift(&app).await;
        assert!(found.len() == 1 && found[0].contains("NOT NULL"), "{found:?}");
        let index = match app.kind {
            DbKind::Postgres => "DROP INDEX ix_posts_words",
            DbKind::Sqlite => "DROP TRIGGER tr_posts_fts_update",
        };
        db.batch(index).await.unwrap();
        assert!(drift(&app).await.iter().any(|found| found.contains("no index of the words in title, content")));
        db.batch("DROP TABLE lesson_progress").await.unwrap();
        assert!(drift(&app).await.contains(&"the table lesson_progress does not exist".to_owned()));
    }

    // 0.02, 1.06, 3.11
    async fn each_migration_can_be_taken_back_and_made_again(app: TestApp) {
        let db = app.lms.app.db();
        let whole = schema(&app).await;
        let steps = MIGRATIONS.postgres.len();
        // One by one: after each step back, the step forward gives the same.
        let mut stages = vec![whole.clone()];
        for _ in 0..steps {
            assert_eq!(db.revert(&MIGRATIONS, 1).await.unwrap().len(), 1);
            stages.push(schema(&app).await);
        }
        assert_eq!(tables(&app).await, ["schema_migrations"]);
        assert_eq!(db.pending(&MIGRATIONS).await.unwrap().len(), steps);
        assert_eq!(app.lms.migrate().await.unwrap().len(), steps);
        assert_eq!(schema(&app).await, whole);
        // What a step back leaves is what was there before its step forward.
        assert_eq!(db.revert(&MIGRATIONS, steps).await.unwrap().len(), steps);
        assert_eq!(schema(&app).await, stages[steps]);
        assert!(stages.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(db.revert(&MIGRATIONS, 1).await.unwrap().len(), 0);
    }

    // 4.04: several servers may start at once
    async fn servers_that_start_together_apply_each_migration_once(app: TestApp) {
        app.lms.app.db().revert(&MIGRATIONS, MIGRATIONS.postgres.len()).await.unwrap();
        let servers = (0..4).map(|_| {
            let config = DbConfig::new(app.database_url());
            tokio::spawn(async move { Db::connect(&config).await?.migrate(&MIGRATIONS).await })
        });
        let mut applied = Vec::new();
        for server in servers.collect::<Vec<_>>() {
            applied.extend(server.await.expect("no server fails").expect("it can migrate"));
        }
        applied.sort();
        let versions: Vec<_> = applied.iter().map(|(version, _)| *version).collect();
        let known: Vec<_> = MIGRATIONS.postgres.iter().map(|m| m.version).collect();
        assert_eq!(versions, known);
        assert_eq!(drift(&app).await, Vec::<String>::new());
    }
}

fn text(length: usize) -> String {
    format!("'{}'", "x".repeat(length))
}

/// 3.10: tables, columns, nullability, keys, rules and indexes are the same on both databases.
#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let (sqlite, postgres) = (
        TestApp::new(DbKind::Sqlite).await,
        TestApp::new(DbKind::Postgres).await,
    );
    let (sqlite, postgres) = (names(&sqlite).await, names(&postgres).await);
    let differing: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert_eq!(differing, Vec::<&String>::new());
    assert!(sqlite.contains("courses.instructor_id not null") && sqlite.len() > 100);
}
