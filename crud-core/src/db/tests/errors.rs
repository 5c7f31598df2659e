//! What fails, fails with the same error on both databases, and alone.

use diesel::prelude::*;

use super::*;

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
        let before = slow_statements().await;
        let error =
            t.db.load::<i32, diesel::sql_types::Integer>(Access::Read, endless)
                .await
                .unwrap_err();
        assert!(matches!(error, DbError::Timeout), "{}: {error:?}", t.name);
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
        assert!(slow_statements().await > before, "{}", t.name);
    }
}

/// How many statements took more than 0.1 s, of all tests in this process.
async fn slow_statements() -> u64 {
    let body = crate::telemetry::metrics_text().await.into_body();
    let text = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&text);
    let series = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found.map_or(0, |number| number.trim().parse::<u64>().unwrap())
    };
    series("db_statement_duration_seconds_count")
        - series("db_statement_duration_seconds_bucket{le=\"0.1\"}")
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
