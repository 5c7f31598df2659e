//! Writes from outside, a process without Redis, and one without its database.

use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;

use super::tests::{Process, connect, database, deps, entry, until};
use crate::cache::store::{Doubt, Read, Store};
use crate::db::Load;
use crate::testing::{Proxy, Redis};

/// Kills: no triggers; triggers that fire for the framework; a relay that does not stamp.
#[tokio::test]
async fn a_write_from_outside_is_seen_within_the_bound() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let a = Process::with_redis(&database, redis.port()).await;
    let outside = connect(&database, false).await;
    let mut slowest = Duration::ZERO;
    for version in 1..=20_i64 {
        a.until_hit().await;
        let sql = match version % 4 {
            0 => format!("TRUNCATE items; INSERT INTO items VALUES (1, {version})"),
            1 => format!("DELETE FROM items; INSERT INTO items VALUES (1, {version})"),
            _ => format!("UPDATE items SET version = {version}"),
        };
        outside
            .batch(&format!("BEGIN; {sql}; COMMIT"))
            .await
            .unwrap();
        let seen = until("it is seen", async || a.read().await.0 == version).await;
        slowest = slowest.max(seen);
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    let left = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM crud_cache_outbox");
    assert_eq!(a.db.fetch::<i64>(left).await.unwrap(), [0]);
    // The framework's own writes leave nothing there.
    let next = diesel::dsl::sql::<BigInt>("SELECT last_value FROM crud_cache_outbox_id");
    let before = a.db.fetch::<i64>(next.clone()).await.unwrap();
    a.write().await;
    assert_eq!(a.db.fetch::<i64>(next).await.unwrap(), before);
}

/// Kills: permits in spite of an outbox that nobody empties.
#[tokio::test]
async fn a_write_from_outside_that_cannot_be_told_ends_the_permits() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let a = Process::with_redis(&database, redis.port()).await;
    let outside = connect(&database, false).await;
    a.until_hit().await;
    // Whoever tells it takes its rows out in the same transaction.
    outside
        .batch(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
             CREATE TRIGGER fail BEFORE DELETE ON crud_cache_outbox FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .await
        .unwrap();
    outside.batch("UPDATE items SET version = 5").await.unwrap();
    let ended = until("the permits end", async || !a.cache.is_on()).await;
    assert!(ended < Duration::from_secs(3), "{ended:?}");
    assert_eq!(a.read().await, (5, false));
    let left = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM crud_cache_outbox");
    let left = a.db.fetch::<i64>(left).await.unwrap();
    assert_eq!(left, [1], "nobody was told");
    outside
        .batch("DROP TRIGGER fail ON crud_cache_outbox")
        .await
        .unwrap();
    a.until_hit().await;
    assert_eq!(a.read().await, (5, true));
}

/// Kills: bodies of this process that another one's writes do not touch.
#[tokio::test]
async fn without_redis_only_a_process_that_is_alone_caches() {
    let database = database().await;
    let a = Process::alone(&database).await;
    a.until_hit().await;
    let version = a.write().await;
    assert_eq!(a.read().await.0, version);
    a.until_hit().await;
    let b = Process::alone(&database).await;
    for _ in 0..5 {
        for (writer, reader) in [(&a, &b), (&b, &a)] {
            let version = writer.write().await;
            assert_eq!(reader.read().await, (version, false));
            assert_eq!(writer.read().await, (version, false));
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!a.cache.is_on() && !b.cache.is_on());
    b.cache.leave().await;
    a.until_hit().await;
    // What it had before is not there any more.
    assert_eq!(a.read().await, (a.row().await, true));
    // Raw SQL is told to it as well.
    let outside = connect(&database, false).await;
    outside
        .batch("UPDATE items SET version = 99")
        .await
        .unwrap();
    let seen = until("it is seen", async || a.read().await.0 == 99).await;
    assert!(seen < Duration::from_secs(3), "{seen:?}");
}

/// Kills: a process that remembers that the cache was off, though it was on for another in between.
#[tokio::test]
async fn a_process_does_not_rely_on_what_it_knew_of_the_switch_long_ago() {
    let database = database().await;
    let a = Process::alone(&database).await;
    let b = Process::alone(&database).await;
    a.write().await;
    b.write().await;
    let outside = connect(&database, false).await;
    for process in [&a, &b] {
        // As if all others had taken this one for dead.
        outside
            .batch("UPDATE crud_cache_state SET mode = 'on', owner = 'c', epoch = 'ee', change = change + 1")
            .await
            .unwrap();
        let begin = Instant::now();
        process.write().await;
        assert!(
            begin.elapsed() > Duration::from_secs(1),
            "{:?}",
            begin.elapsed()
        );
        let off =
            diesel::dsl::sql::<BigInt>("SELECT count(*) FROM crud_cache_state WHERE mode = 'off'");
        assert_eq!(process.db.fetch::<i64>(off).await.unwrap(), [1]);
    }
}

/// Kills: permits that outlive the database's answers.
#[tokio::test]
async fn without_the_database_there_is_no_permit() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let a = Process::with_redis(&database, redis.port()).await;
    a.until_on().await;
    let admin = connect(&database, false).await;
    // Nobody may connect: the control connection ends and cannot come back.
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    admin
        .batch(&format!("ALTER DATABASE \"{name}\" CONNECTION LIMIT 0; ALTER ROLE CURRENT_USER SET statement_timeout = 0"))
        .await
        .unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crud cache' \
               AND datname = current_database()";
    // Superusers have no limit, so it is ended as often as it comes.
    let off = until("there is no permit", async || {
        admin.batch(end).await.unwrap();
        !a.cache.is_on()
    })
    .await;
    assert!(off < Duration::from_secs(5), "{off:?}");
    assert!(matches!(
        a.cache.read(&entry(), &deps()).await,
        Read::Bypass(Doubt::Away)
    ));
    a.until_on().await;
}

/// Kills: one process without Redis that keeps the cache off for all, for ever; a write of it that nobody is told of.
#[tokio::test]
async fn a_process_that_alone_has_lost_redis_goes_out_of_service_until_it_is_back() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let proxy = Proxy::to(redis.port()).await.unwrap();
    let cut = Process::with_redis(&database, proxy.port()).await;
    let well = Process::with_redis(&database, redis.port()).await;
    cut.until_hit().await;
    proxy.cut();
    cut.write().await;
    assert!(cut.cache.is_ready() && well.cache.is_ready());
    until("it is out of service", async || !cut.cache.is_ready()).await;
    assert!(cut.cache.mark(deps().into()).await.is_err());
    well.until_hit().await;
    assert!(cut.cache.mark(deps().into()).await.is_err());
    assert_eq!(cut.read().await, (1, false));
    proxy.join();
    until("it is back", async || cut.cache.is_ready()).await;
    let version = cut.write().await;
    assert_eq!(well.read().await.0, version);
}
