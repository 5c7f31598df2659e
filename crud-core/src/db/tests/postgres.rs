//! What only a PostgreSQL server can show.

use diesel::prelude::*;
use futures_util::FutureExt as _;

use super::*;

/// What only a server can show: errors of locks and connections.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one server, looked at in order")]
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

        // A killed connection is replaced without a failed request, once the client has seen that it is closed. The
        // pool has several by then, and all are taken.
        let several = [t.db.begin().await, t.db.begin().await];
        for tx in several {
            tx.unwrap().rollback().await.unwrap();
        }
        t.db.batch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()").await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..5 {
            let all = futures_util::future::join_all((0..2).map(|_| count(&t.db))).await;
            assert_eq!(all, [2, 2]);
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
        let running = Stmt::new().sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(9)%' AND state = 'active' AND datname = current_database()");
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

// Kills: a connection closed for every client that hangs up; an open transaction or an answer to somebody else handed on
#[tokio::test]
async fn a_request_that_is_dropped_keeps_its_connection() {
    for t in databases_with(|c| c.pool_size = 1).await {
        if t.name != "postgres" {
            continue;
        }
        let mut seen = std::collections::HashSet::new();
        for _ in 0..20 {
            // Each polled once: sent, and given up.
            let read = Stmt::new().sql("SELECT 1::int4");
            let read =
                t.db.load::<i32, diesel::sql_types::Integer>(Access::Read, read);
            assert!(read.now_or_never().is_none());
            let tx = t.db.begin().await.unwrap();
            assert!(tx.run(new("a", 1).1).now_or_never().is_none());
            drop(tx);
            let who = Stmt::new().sql("SELECT pg_backend_pid()");
            let who =
                t.db.load::<i32, diesel::sql_types::Integer>(Access::Read, who);
            seen.extend(who.await.unwrap());
        }
        assert_eq!(count(&t.db).await, 0);
        // On a busy machine one may have been too slow.
        assert!(seen.len() < 5, "{} connections", seen.len());
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_unavailable_and_keeps_its_password() {
    let Some(good) = postgres().await else {
        return;
    };
    let no_database = good.url().split('?').next().unwrap();
    let no_database = format!("{no_database}_nowhere");
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
