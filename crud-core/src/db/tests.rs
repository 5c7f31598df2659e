//! The database layer on a real SQLite file, and on PostgreSQL too if TEST_POSTGRES_URL names an empty database.

use std::time::Duration;

use diesel::prelude::*;

use super::*;
use crate::text_enum;

diesel::table! {
    use crate::db::sql_types::*;
    things (id) {
        id -> Uuid,
        slug -> Text,
        level -> Nullable<Text>,
        price -> BigInt,
        properties -> Nullable<Jsonb>,
        active -> Bool,
        created_at -> Timestamptz,
        parent_id -> Nullable<Uuid>,
    }
}

text_enum! {
    /// A level.
    enum Level { Low = "low", High = "high" }
}

const PG: &str =
    "DROP TABLE IF EXISTS things; DROP TABLE IF EXISTS schema_migrations; CREATE TABLE things (
    id uuid PRIMARY KEY, slug text NOT NULL CONSTRAINT things_slug_key UNIQUE, level text,
    price bigint NOT NULL CONSTRAINT things_price_check CHECK (price >= 0), properties jsonb,
    active boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL DEFAULT now(),
    parent_id uuid CONSTRAINT things_parent_fkey REFERENCES things (id))";
const SQLITE: &str = "CREATE TABLE things (
    id BLOB PRIMARY KEY, slug TEXT NOT NULL UNIQUE, level TEXT,
    price INTEGER NOT NULL CONSTRAINT things_price_check CHECK (price >= 0), properties TEXT,
    active INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL DEFAULT 0,
    parent_id BLOB REFERENCES things (id)) STRICT";

/// One test at a time uses the PostgreSQL database.
static POSTGRES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct TestDb {
    db: Db,
    name: &'static str,
    file: Option<std::path::PathBuf>,
    _turn: Option<tokio::sync::MutexGuard<'static, ()>>,
}

impl Drop for TestDb {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            if let Some(file) = &self.file {
                let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
            }
        }
    }
}

async fn databases() -> Vec<TestDb> {
    databases_with(|_| ()).await
}

async fn databases_with(change: impl Fn(&mut DbConfig)) -> Vec<TestDb> {
    let file = std::env::temp_dir().join(format!("crud-db-{}.sqlite", Uuid::now_v7()));
    let mut list = vec![];
    for (name, url) in [
        ("file", format!("sqlite://{}", file.display())),
        ("memory", "sqlite::memory:".into()),
    ] {
        let mut config = DbConfig::new(url);
        change(&mut config);
        let db = Db::connect(&config).await.unwrap();
        db.batch(SQLITE).await.unwrap();
        list.push(TestDb {
            db,
            name,
            file: (name == "file").then(|| file.clone()),
            _turn: None,
        });
    }
    if let Ok(url) = std::env::var("TEST_POSTGRES_URL") {
        let turn = POSTGRES.lock().await;
        let mut config = DbConfig::new(url);
        change(&mut config);
        let db = Db::connect(&config).await.unwrap();
        db.batch(PG).await.unwrap();
        list.push(TestDb {
            db,
            name: "postgres",
            file: None,
            _turn: Some(turn),
        });
    }
    list
}

fn new(slug: &str, price: i64) -> (Uuid, impl Fragment + 'static) {
    let id = Uuid::now_v7();
    let insert = diesel::insert_into(things::table).values((
        things::id.eq(id),
        things::slug.eq(slug.to_owned()),
        things::level.eq(Some(Level::High)),
        things::price.eq(price),
        things::active.eq(true),
        things::created_at.eq(Timestamp::now()),
    ));
    (id, insert)
}

async fn count(db: &impl Executor) -> i64 {
    db.fetch::<i64>(things::table.count()).await.unwrap()[0]
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    for t in databases().await {
        let (id, at) = (
            Uuid::now_v7(),
            "2026-02-03T04:05:06.0000079+02:00"
                .parse::<Timestamp>()
                .unwrap(),
        );
        let json = Json::from_text(r#"{"a": [1, "ü"]}"#).unwrap();
        let insert = Stmt::new()
            .sql("INSERT INTO ")
            .ident("things")
            .sql(" (id, slug, level, price, properties, active, created_at) VALUES (")
            .frag(bind::<sql_types::Uuid, _>(id))
            .sql(", ")
            .bind::<sql_types::Text, _>("s".to_owned())
            .sql(", ")
            .bind::<sql_types::Nullable<sql_types::Text>, _>(Some(Level::Low))
            .sql(", ")
            .bind::<sql_types::BigInt, _>(7_i64)
            .sql(", ")
            .bind::<sql_types::Nullable<sql_types::Jsonb>, _>(Some(json.clone()))
            .sql(", ")
            .bind::<sql_types::Bool, _>(true)
            .sql(", ")
            .bind::<sql_types::Timestamptz, _>(at)
            .sql(")");
        assert_eq!(t.db.execute(insert).await.unwrap(), 1);
        type Row = (
            Uuid,
            Option<Level>,
            Option<Json>,
            bool,
            Timestamp,
            Option<Uuid>,
        );
        let rows = t.db.fetch::<Row>(things::table.select((
            things::id,
            things::level,
            things::properties,
            things::active,
            things::created_at,
            things::parent_id,
        )));
        let row = rows.await.unwrap().remove(0);
        assert_eq!(
            row,
            (id, Some(Level::Low), Some(json), true, at, None),
            "{}",
            t.name
        );
        assert_eq!(row.4.to_string(), "2026-02-03T02:05:06.000007Z");
        let found = things::table
            .filter(things::level.eq(Level::Low))
            .filter(things::created_at.eq(at))
            .count();
        assert_eq!(t.db.fetch::<i64>(found).await.unwrap(), [1]);
    }
}

#[tokio::test]
async fn constraints_are_told_apart() {
    for t in databases().await {
        let (id, insert) = new("a", 1);
        t.db.run(insert).await.unwrap();
        let pg = t.name == "postgres";
        match t.db.run(new("a", 1).1).await.unwrap_err() {
            DbError::Unique {
                constraint,
                columns,
                table,
            } => {
                assert_eq!(
                    (columns, table),
                    (vec!["slug".to_owned()], Some("things".to_owned()))
                );
                assert_eq!(constraint.as_deref(), pg.then_some("things_slug_key"));
            }
            other => panic!("{}: {other:?}", t.name),
        }
        match t.db.run(new("b", -1).1).await.unwrap_err() {
            DbError::Check { constraint, .. } => {
                assert_eq!(constraint.as_deref(), Some("things_price_check"))
            }
            other => panic!("{}: {other:?}", t.name),
        }
        let null = Stmt::new().sql("UPDATE things SET slug = NULL");
        match t.db.execute(null).await.unwrap_err() {
            DbError::NotNull { column, table } => assert_eq!(
                (column.as_deref(), table.as_deref()),
                (Some("slug"), Some("things"))
            ),
            other => panic!("{}: {other:?}", t.name),
        }
        let orphan = diesel::update(things::table).set(things::parent_id.eq(Uuid::now_v7()));
        match t.db.run(orphan).await.unwrap_err() {
            DbError::ForeignKey {
                columns,
                still_referenced,
                ..
            } => {
                assert_eq!(still_referenced, pg.then_some(false));
                assert_eq!(columns.is_empty(), !pg);
            }
            other => panic!("{}: {other:?}", t.name),
        }
        let (child, insert) = new("child", 1);
        t.db.run(insert).await.unwrap();
        let adopt = diesel::update(things::table.filter(things::id.eq(child)))
            .set(things::parent_id.eq(id));
        t.db.run(adopt).await.unwrap();
        match t
            .db
            .run(diesel::delete(things::table.filter(things::id.eq(id))))
            .await
            .unwrap_err()
        {
            DbError::ForeignKey {
                still_referenced, ..
            } => assert_eq!(still_referenced, pg.then_some(true)),
            other => panic!("{}: {other:?}", t.name),
        }
    }
}

#[tokio::test]
async fn wrong_values_are_value_errors() {
    for t in databases().await {
        let bad = match t.name {
            "postgres" => vec![
                "SELECT '\\u0000'::jsonb",
                "SELECT 'x'::uuid",
                "SELECT (2147483647 + 1)::int4",
                "SELECT 'abc'::varchar(2)::text || repeat('x', 1) WHERE 1/0 = 1",
            ],
            _ => vec!["INSERT INTO things (id, slug, price) VALUES (x'00', 'a', 'x')"],
        };
        for sql in bad {
            let error = t.db.batch(sql).await.unwrap_err();
            assert!(matches!(error, DbError::Value(_)), "{sql}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_transaction_commits_or_rolls_back_as_a_whole() {
    for t in databases().await {
        let done: DbResult<i64> =
            t.db.transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                tx.run(new("b", 1).1).await?;
                Ok(count(tx).await)
            })
            .await;
        assert_eq!(done.unwrap(), 2, "{}", t.name);
        let undone: DbResult<()> =
            t.db.transaction(async |tx| {
                tx.run(new("c", 1).1).await?;
                Err(DbError::Misuse("on purpose"))
            })
            .await;
        assert!(matches!(undone, Err(DbError::Misuse("on purpose"))));
        assert_eq!(count(&t.db).await, 2, "{}", t.name);
    }
}

#[tokio::test]
async fn a_failed_statement_dooms_its_transaction() {
    for t in databases().await {
        let doomed: DbResult<()> =
            t.db.transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                assert!(matches!(
                    tx.run(new("a", 1).1).await,
                    Err(DbError::Unique { .. })
                ));
                let next = tx.run(new("b", 1).1).await;
                assert!(
                    matches!(next, Err(DbError::TransactionFailed(_))),
                    "{next:?}"
                );
                Ok(())
            })
            .await;
        assert!(
            matches!(doomed, Err(DbError::TransactionFailed(_))),
            "{}: {doomed:?}",
            t.name
        );
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
    }
}

#[tokio::test]
async fn a_write_beside_its_own_transaction_is_an_error() {
    for t in databases().await {
        let db = &t.db;
        let done: DbResult<()> = db
            .transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                let (write, begin) = (db.run(new("b", 1).1).await, db.begin().await.map(|_| ()));
                assert!(matches!(write, Err(DbError::Misuse(_))), "{write:?}");
                assert!(matches!(begin, Err(DbError::Misuse(_))), "{begin:?}");
                match db.fetch::<i64>(things::table.count()).await {
                    Ok(outside) => assert_eq!(outside, [0]),
                    Err(DbError::Misuse(_)) => assert_eq!(t.name, "memory"),
                    Err(other) => panic!("{other}"),
                }
                Ok(())
            })
            .await;
        done.unwrap();
        assert_eq!(count(db).await, 1, "{}", t.name);
    }
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_at_once() {
    for t in databases_with(|c| c.pool_size = 1).await {
        let db = t.db.clone();
        let never = tokio::spawn(async move {
            db.transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                std::future::pending::<DbResult<()>>().await
            })
            .await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        never.abort();
        let _ = never.await;
        // Would wait for the row's lock, or find the row, if the transaction were still open.
        tokio::time::timeout(Duration::from_secs(1), t.db.run(new("a", 1).1))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(count(&t.db).await, 1, "{}", t.name);
    }
}

#[tokio::test]
async fn an_idle_transaction_is_rolled_back_and_says_so() {
    for t in databases().await {
        let tx = t.db.begin().await.unwrap();
        tx.run(new("a", 1).1).await.unwrap();
        tokio::time::sleep(IDLE_IN_TRANSACTION + Duration::from_millis(500)).await;
        let late = tx.run(new("b", 1).1).await.unwrap_err();
        assert!(
            matches!(late, DbError::TransactionFailed(_)),
            "{}: {late:?}",
            t.name
        );
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
    }
}

#[tokio::test]
async fn waiting_too_long_for_a_turn_is_busy_and_never_runs_later() {
    for t in
        databases_with(|c| (c.pool_size, c.wait_timeout) = (1, Duration::from_millis(100))).await
    {
        let tx = t.db.begin().await.unwrap();
        let late = t.db.run(new("a", 1).1).await.unwrap_err();
        assert!(matches!(late, DbError::Busy(_)), "{}: {late:?}", t.name);
        tx.commit().await.unwrap();
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
    }
}

struct Panics;
impl Sink for Panics {
    fn pg(&mut self, _: &PgRow) -> diesel::deserialize::Result<()> {
        panic!("on purpose")
    }
    fn sqlite(&mut self, _: &SqliteRow<'_, '_>) -> diesel::deserialize::Result<()> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_panic_in_a_job_ends_that_job_only() {
    for t in databases_with(|c| c.sqlite_readers = 1).await {
        if t.name == "postgres" {
            continue;
        }
        t.db.run(new("a", 1).1).await.unwrap();
        for access in [Access::Read, Access::Write] {
            let stmt = Stmt::new().sql("SELECT 1 FROM things");
            let result = t.db.load_into(access, stmt, Box::new(Panics)).await;
            assert!(
                matches!(result.err(), Some(DbError::Other(_))),
                "{}",
                t.name
            );
        }
        let tx = t.db.begin().await.unwrap();
        tx.run(new("b", 1).1).await.unwrap();
        let stmt = Stmt::new().sql("SELECT 1 FROM things");
        assert!(
            tx.load_into(Access::Read, stmt, Box::new(Panics))
                .await
                .is_err()
        );
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&t.db).await, 1, "{}", t.name);
        t.db.run(new("c", 1).1).await.unwrap();
    }
}

#[tokio::test]
async fn a_write_sent_as_a_read_is_refused_on_a_file() {
    for t in databases().await.iter().filter(|t| t.name == "file") {
        let insert = diesel::insert_into(things::table)
            .values((
                things::id.eq(Uuid::now_v7()),
                things::slug.eq("x".to_owned()),
                things::price.eq(1_i64),
            ))
            .returning(things::id);
        let error = t.db.fetch::<Uuid>(insert).await.unwrap_err();
        assert!(matches!(error, DbError::Misuse(_)), "{error:?}");
    }
}

#[tokio::test]
async fn statements_that_run_too_long_are_ended() {
    for t in databases_with(|c| c.statement_timeout = Duration::from_millis(200)).await {
        let endless = match t.name {
            "postgres" => Stmt::new().sql("SELECT 1 FROM pg_sleep(5)"),
            _ => Stmt::new().sql(
                "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000) \
                 SELECT x FROM n WHERE crud_contains_ci('ä' || x, 'ö')",
            ),
        };
        let error =
            t.db.load::<i32, diesel::sql_types::Integer>(Access::Read, endless)
                .await
                .unwrap_err();
        assert!(matches!(error, DbError::Timeout), "{}: {error:?}", t.name);
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
    }
}

#[tokio::test]
async fn text_is_found_in_any_case_and_wildcards_stand_for_themselves() {
    for t in databases().await {
        for slug in [
            "Ökologie 100%",
            "Einführung",
            "plain_text",
            "plainXtext",
            r"back\slash",
        ] {
            t.db.run(new(slug, 1).1).await.unwrap();
        }
        for (part, hits) in [
            ("öKO", 1),
            ("FÜHR", 1),
            ("100%", 1),
            ("N_T", 1),
            ("plain", 2),
            (r"K\s", 1),
            ("", 5),
            ("%", 1),
        ] {
            let stmt = Stmt::new()
                .sql("SELECT count(*) FROM things WHERE ")
                .add(ContainsCi::new(things::slug, part));
            let found =
                t.db.load::<i64, diesel::sql_types::BigInt>(Access::Read, stmt)
                    .await
                    .unwrap();
            assert_eq!(found, [hits], "{} {part}", t.name);
        }
    }
}

#[tokio::test]
async fn the_number_of_prepared_statements_has_a_bound() {
    for t in databases_with(|c| (c.pool_size, c.sqlite_readers) = (1, 1)).await {
        for n in 0..MAX_CACHED_STATEMENTS + 20 {
            let stmt = Stmt::new()
                .sql("SELECT ")
                .text(n.to_string().into())
                .sql(" FROM things");
            t.db.load::<i32, diesel::sql_types::Integer>(Access::Read, stmt)
                .await
                .unwrap();
        }
        if t.name == "postgres" {
            let kept = Stmt::new()
                .sql("SELECT count(*) FROM pg_prepared_statements")
                .uncached();
            let kept =
                t.db.load::<i64, diesel::sql_types::BigInt>(Access::Read, kept)
                    .await
                    .unwrap()[0];
            assert!(kept < 100, "{kept}");
        }
        assert_eq!(count(&t.db).await, 0);
    }
}

const V1: Migration = Migration {
    version: 1,
    name: "one",
    up: "CREATE TABLE m1 (a text); CREATE TABLE m2 (a text)",
    down: "DROP TABLE m1; DROP TABLE m2",
};
const V2: Migration = Migration {
    version: 2,
    name: "two",
    up: "ALTER TABLE m1 ADD COLUMN b text",
    down: "ALTER TABLE m1 DROP COLUMN b",
};
const BAD: Migration = Migration {
    version: 3,
    name: "bad",
    up: "CREATE TABLE m3 (a text); CREATE TABLE m1 (a text)",
    down: "",
};
const CHANGED: Migration = Migration {
    up: "CREATE TABLE m1 (a integer)",
    ..V1
};

const fn both(list: &'static [Migration]) -> Migrations {
    Migrations {
        postgres: list,
        sqlite: list,
    }
}

#[tokio::test]
async fn migrations_are_applied_once_checked_and_taken_back() {
    for t in databases().await {
        let db = &t.db;
        db.batch("DROP TABLE IF EXISTS m1; DROP TABLE IF EXISTS m2; DROP TABLE IF EXISTS m3")
            .await
            .unwrap();
        assert_eq!(db.pending(&both(&[V1, V2])).await.unwrap().len(), 2);
        let first = both(&[V1]);
        let (one, two) = tokio::join!(db.migrate(&first), db.migrate(&first));
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 1, "{}", t.name);
        assert_eq!(
            db.migrate(&both(&[V1, V2])).await.unwrap(),
            [(2, "two".to_owned())]
        );
        for (list, says) in [
            (both(&[CHANGED, V2]), "was changed after it was applied"),
            (both(&[V1]), "unknown to this program"),
            (both(&[V2, V1]), "versions must ascend"),
            (
                both(&[Migration { version: 0, ..V1 }, V1, V2]),
                "comes before 1 (one)",
            ),
            (both(&[V1, V2, BAD]), "migration 3 (bad) cannot be applied"),
        ] {
            let error = db.migrate(&list).await.unwrap_err().to_string();
            assert!(error.contains(says), "{}: {error}", t.name);
        }
        // What failed left nothing behind.
        assert!(db.batch("SELECT * FROM m3").await.is_err());
        assert_eq!(db.revert(&both(&[V1, V2]), 5).await.unwrap().len(), 2);
        assert!(db.batch("SELECT * FROM m1").await.is_err());
    }
}

diesel::table! {
    use crate::db::sql_types::*;
    drifted (id) {
        id -> Uuid,
        title -> Text,
        price -> Nullable<BigInt>,
        gone -> Bool,
    }
}

#[tokio::test]
async fn drift_is_told_in_sentences() {
    for t in databases().await {
        let things = TableShape::of::<things::table>("things");
        assert_eq!(
            t.db.drift(std::slice::from_ref(&things)).await.unwrap(),
            Vec::<String>::new(),
            "{}",
            t.name
        );
        let sql = match t.name {
            "postgres" => {
                "DROP TABLE IF EXISTS drifted; CREATE TABLE drifted (id uuid PRIMARY KEY, title int4, price int8 NOT NULL, extra text NOT NULL, fine text NOT NULL DEFAULT 'x')"
            }
            _ => {
                "CREATE TABLE drifted (id BLOB PRIMARY KEY, title INTEGER, price INTEGER NOT NULL, extra TEXT NOT NULL, fine TEXT NOT NULL DEFAULT 'x') STRICT"
            }
        };
        t.db.batch(sql).await.unwrap();
        let missing = TableShape {
            name: "nowhere",
            columns: vec![],
        };
        let found =
            t.db.drift(&[TableShape::of::<drifted::table>("drifted"), missing])
                .await
                .unwrap();
        let expected = [
            "the column drifted.title is ",
            "the column drifted.title may be NULL in the database, but is NOT NULL as declared",
            "the column drifted.price is NOT NULL in the database, but may be NULL as declared",
            "the column drifted.gone does not exist",
            "the column drifted.extra is not declared",
            "the table nowhere does not exist",
        ];
        assert_eq!(found.len(), expected.len(), "{}: {found:#?}", t.name);
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[test]
fn timestamps_are_microseconds_in_utc_and_never_panic() {
    let json = |text: &str| serde_json::from_str::<Timestamp>(&format!("\"{text}\""));
    let at = json("2026-02-03T04:05:06.1234569-01:30").unwrap();
    assert_eq!(
        serde_json::to_string(&at).unwrap(),
        "\"2026-02-03T05:35:06.123456Z\""
    );
    assert_eq!(
        serde_json::to_string(&json("0000-01-01T00:00:00Z").unwrap()).unwrap(),
        "\"0000-01-01T00:00:00.000000Z\""
    );
    for wrong in [
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00+01:00",
        "2026-02-30T00:00:00Z",
        "2026-02-03",
        "",
        "x",
    ] {
        assert!(json(wrong).is_err(), "{wrong}");
    }
    for micros in [i64::MIN, i64::MAX, 253_402_300_800_000_000] {
        assert_eq!(Timestamp::from_micros(micros), Err(TimestampError::Range));
    }
    assert_eq!(
        json("2016-12-31T23:59:60Z").unwrap().to_string(),
        "2017-01-01T00:00:00.000000Z"
    );
}

#[test]
fn json_refuses_what_postgresql_refuses() {
    let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|e| e.to_string());
    for fine in [
        "{}",
        r#"{"a":"\\u0000"}"#,
        r#""\ud83d\ude00""#,
        "1e308",
        "[1.5,-2,null,true]",
        "1e-300",
    ] {
        assert_eq!(read(fine).unwrap().as_str(), fine);
        assert_eq!(serde_json::to_string(&read(fine).unwrap()).unwrap(), fine);
    }
    for (wrong, says) in [
        (r#"{"a":"\u0000"}"#, "NUL"),
        (r#"{"\u0000":1}"#, "NUL"),
        (r#""\ud800""#, "surrogate"),
        (r#""\ud800\u0041""#, "surrogate"),
        (r#""\udc00""#, "surrogate"),
        ("1e309", "64-bit"),
        ("[1e400000]", "64-bit"),
        ("1e-99999", "64-bit"),
    ] {
        assert!(read(wrong).unwrap_err().contains(says), "{wrong}");
    }
    let deep = format!("{}{}", "[".repeat(121), "]".repeat(121));
    assert!(read(&deep).unwrap_err().contains("nested"));
    assert_eq!(Json::default().as_str(), "{}");
    assert_eq!(
        Json::from_value(&serde_json::json!({"a": "\0"})).unwrap_err(),
        JsonFault::Nul
    );
    let mut track = serde_json::Deserializer::from_str(r#"{"p": {"x": 1}}"#);
    #[derive(serde::Deserialize)]
    struct Dto {
        p: Json,
    }
    let dto: Dto = serde_path_to_error::deserialize(&mut track).unwrap();
    assert_eq!(dto.p.as_str(), r#"{"x": 1}"#);
    let dto: Dto = serde_json::from_value(serde_json::json!({"p": {"x": 1}})).unwrap();
    assert_eq!(dto.p.as_str(), r#"{"x":1}"#);
}

#[test]
fn a_uuid_is_read_in_its_hyphenated_form_only() {
    let id = "0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77";
    assert_eq!(id.parse::<Uuid>().unwrap().to_string(), id);
    for wrong in [
        "0190a6ed8a3c7c059d6b3f0c3a1d5e77",
        "{0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77}",
        "",
        "x",
    ] {
        assert!(wrong.parse::<Uuid>().is_err(), "{wrong}");
        assert!(serde_json::from_str::<Uuid>(&format!("\"{wrong}\"")).is_err());
    }
}

#[test]
fn a_text_enum_is_its_text_everywhere() {
    assert_eq!(Level::ALL, [Level::Low, Level::High]);
    assert_eq!("high".parse(), Ok(Level::High));
    assert_eq!(serde_json::to_string(&Level::Low).unwrap(), "\"low\"");
    let error = serde_json::from_str::<Level>("\"mid\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("`low` or `high`"), "{error}");
    let schema = serde_json::to_value(schemars::schema_for!(Level)).unwrap();
    assert_eq!(schema["enum"], serde_json::json!(["low", "high"]));
}

#[test]
fn rendered_text_is_the_same_as_the_fragment() {
    let columns = Rendered::frag(std::sync::Arc::new((things::id, things::slug)));
    let stmt = Stmt::new()
        .sql("SELECT ")
        .frag(columns)
        .per_backend(" COLLATE \"C\"", "")
        .sql(" LIMIT ");
    let stmt = stmt.add(NoPeek(diesel::dsl::sql::<diesel::sql_types::BigInt>("1")));
    for _ in 0..2 {
        assert_eq!(
            diesel::pg::Pg::render(&stmt).unwrap(),
            r#"SELECT "things"."id", "things"."slug" COLLATE "C" LIMIT 1"#
        );
        assert_eq!(
            diesel::sqlite::Sqlite::render(&stmt).unwrap(),
            "SELECT `things`.`id`, `things`.`slug` LIMIT (1 + 0)"
        );
    }
}

/// What only a server can show: errors of locks and connections. Runs if TEST_POSTGRES_URL is set.
#[tokio::test]
async fn postgres_errors_and_lost_connections_are_told_apart() {
    for t in databases_with(|c| c.pool_size = 2).await {
        if t.name != "postgres" {
            continue;
        }
        let (a, one) = new("a", 1);
        let (b, two) = new("b", 1);
        t.db.run(one).await.unwrap();
        t.db.run(two).await.unwrap();
        let touch = |id: Uuid| {
            diesel::update(things::table.filter(things::id.eq(id))).set(things::price.eq(2_i64))
        };

        // 40P01, and 55P03 by NOWAIT and by lock_timeout.
        let (x, y) = (t.db.begin().await.unwrap(), t.db.begin().await.unwrap());
        x.run(touch(a)).await.unwrap();
        y.run(touch(b)).await.unwrap();
        let (first, second) = tokio::join!(x.run(touch(b)), y.run(touch(a)));
        let error = first.err().or(second.err()).unwrap();
        assert!(matches!(error, DbError::Serialization), "{error:?}");
        drop((x, y));
        for sql in [
            "SELECT id FROM things FOR UPDATE NOWAIT",
            "SET LOCAL lock_timeout = 50; UPDATE things SET price = 3",
        ] {
            let (x, y) = (t.db.begin().await.unwrap(), t.db.begin().await.unwrap());
            x.run(touch(a)).await.unwrap();
            let error = y.batch(sql).await.unwrap_err();
            assert!(
                matches!(error, DbError::LockNotAvailable),
                "{sql}: {error:?}"
            );
        }

        // 40001
        let (x, y) = (t.db.begin().await.unwrap(), t.db.begin().await.unwrap());
        for tx in [&x, &y] {
            tx.batch(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM things",
            )
            .await
            .unwrap();
        }
        x.run(touch(a)).await.unwrap();
        x.commit().await.unwrap();
        let error = y.run(touch(a)).await.unwrap_err();
        assert!(matches!(error, DbError::Serialization), "{error:?}");
        drop(y);

        // NUL in a text, a text too long, a number too large.
        let nul = diesel::update(things::table).set(things::slug.eq("a\0b".to_owned()));
        assert!(matches!(t.db.run(nul).await, Err(DbError::Value(_))));
        let long = t.db.batch(
            "CREATE TEMP TABLE v (a varchar(2), n numeric(3,1)); INSERT INTO v VALUES ('abc', 1)",
        );
        assert!(matches!(long.await, Err(DbError::Value(_))));

        // A killed connection is replaced without a failed request, once the client has seen that it is closed.
        t.db.batch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'crud'").await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..5 {
            assert_eq!(count(&t.db).await, 2);
        }
        let error =
            t.db.batch("SELECT pg_terminate_backend(pg_backend_pid())")
                .await
                .unwrap_err();
        assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
        assert_eq!(count(&t.db).await, 2);

        // A statement whose request is gone ends on the server as well, and nobody waits behind it.
        for _ in 0..2 {
            let sleep = t.db.batch("SELECT pg_sleep(9)");
            assert!(
                tokio::time::timeout(Duration::from_millis(100), sleep)
                    .await
                    .is_err()
            );
        }
        let quick = tokio::time::timeout(
            Duration::from_millis(500),
            t.db.fetch::<i64>(things::table.count()),
        );
        quick.await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let running = Stmt::new().sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(9)%' AND state = 'active'");
        let running =
            t.db.load::<i64, diesel::sql_types::BigInt>(Access::Read, running)
                .await
                .unwrap();
        assert_eq!(running, [0]);

        // Each connection has our settings.
        for (name, value) in [
            ("statement_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "5s"),
            ("TimeZone", "UTC"),
            ("application_name", "crud"),
            ("lc_messages", "C"),
        ] {
            let stmt = Stmt::new()
                .sql("SELECT current_setting(")
                .bind::<diesel::sql_types::Text, _>(name)
                .sql(")");
            let is =
                t.db.load::<String, diesel::sql_types::Text>(Access::Read, stmt)
                    .await
                    .unwrap();
            assert_eq!(is, [value], "{name}");
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_unavailable_and_keeps_its_password() {
    let Ok(good) = std::env::var("TEST_POSTGRES_URL") else {
        return;
    };
    let no_database = format!("{}_nowhere", good.split('?').next().unwrap());
    for url in ["postgres://u:hunter2@127.0.0.1:1/db", &no_database] {
        let error = Db::connect(&DbConfig::new(url)).await.err().unwrap();
        assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = Db::connect(&DbConfig::new("postgres://u:hunter2@h:port/db"))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, DbError::Config(_)), "{error:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
