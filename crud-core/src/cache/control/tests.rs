//! Processes that share a PostgreSQL, with a Redis or without: what one writes the others see at once.
//!
//! A process is a [`Permitted`] with a pool of its own. Each test names the mutant of the protocol that it kills.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use diesel::sql_types::BigInt;

use super::Permitted;
use crate::Uuid;
use crate::cache::Memory;
use crate::cache::store::{Dep, Entry, Read, Store};
use crate::db::{Db, DbConfig, Load};
use crate::testing::{Database, Postgres, Proxy, Redis};

pub(super) const SCHEMA: &str = include_str!("../../../../migrations/postgres/0020_cache/up.sql");

/// A database with one table of one row.
pub(super) async fn database() -> Database {
    let database = Postgres::shared().unwrap().database().await.unwrap();
    let db = connect(&database, false).await;
    db.batch(SCHEMA).await.unwrap();
    db.batch("CREATE TABLE items (id bigint PRIMARY KEY, version bigint NOT NULL); INSERT INTO items VALUES (1, 0)")
        .await
        .unwrap();
    database
}

pub(super) async fn connect(database: &Database, marks_writes: bool) -> Db {
    let config = DbConfig {
        pool_size: 4,
        marks_writes,
        wait_timeout: Duration::from_secs(20),
        create_timeout: Duration::from_secs(20),
        ..DbConfig::new(database.url())
    };
    Db::connect(&config).await.unwrap()
}

/// One process.
pub(super) struct Process {
    pub(super) db: Db,
    pub(super) cache: Permitted,
}

pub(super) fn tables() -> Vec<String> {
    vec!["items".to_owned()]
}

pub(super) fn deps() -> Vec<Dep> {
    vec![
        Dep::Table("items".into()),
        Dep::Row("items".into(), Uuid(uuid::Uuid::nil())),
    ]
}

pub(super) fn entry() -> Entry {
    Entry {
        of: "items",
        key: Bytes::from_static(b"items/1"),
    }
}

impl Process {
    pub(super) async fn with_redis(database: &Database, port: u16) -> Self {
        let db = connect(database, true).await;
        let url = format!("redis://127.0.0.1:{port}");
        let cache = Permitted::in_redis(&db, tables(), &url, 1 << 20)
            .await
            .unwrap();
        Self { db, cache }
    }

    pub(super) async fn alone(database: &Database) -> Self {
        let db = connect(database, true).await;
        let cache = Permitted::in_process(&db, tables(), Arc::new(Memory::new(1 << 20)))
            .await
            .unwrap();
        Self { db, cache }
    }

    pub(super) async fn row(&self) -> i64 {
        let query = diesel::dsl::sql::<BigInt>("SELECT version FROM items WHERE id = 1");
        self.db.fetch::<i64>(query).await.unwrap()[0]
    }

    /// Reads through the cache. `true`: it was a hit.
    pub(super) async fn read(&self) -> (i64, bool) {
        let stamps = match self.cache.read(&entry(), &deps()).await {
            Read::Hit(body) => return (std::str::from_utf8(&body).unwrap().parse().unwrap(), true),
            Read::Lead(stamps) | Read::Wait(stamps) => Some(stamps),
            Read::Bypass(_) => None,
        };
        let version = self.row().await;
        if let Some(stamps) = stamps {
            let body = Bytes::from(version.to_string());
            self.cache
                .fill(&entry(), &deps(), &stamps, body, Duration::from_secs(60))
                .await;
        }
        (version, false)
    }

    /// Writes as the framework does; gives the new version.
    pub(super) async fn write(&self) -> i64 {
        self.try_write()
            .await
            .expect("it can be marked, or the cache be switched off")
    }

    /// As [`write`](Self::write); `None`: the cache refused, and nothing was written.
    pub(super) async fn try_write(&self) -> Option<i64> {
        let tx = self.db.begin().await.unwrap();
        tx.batch("UPDATE items SET version = version + 1 WHERE id = 1")
            .await
            .unwrap();
        let query = diesel::dsl::sql::<BigInt>("SELECT version FROM items WHERE id = 1");
        let version = tx.fetch::<i64>(query).await.unwrap()[0];
        let deps: Arc<[Dep]> = vec![
            Dep::Row("items".into(), Uuid(uuid::Uuid::nil())),
            Dep::List("items".into()),
        ]
        .into();
        let Ok(token) = self.cache.mark(deps).await else {
            tx.rollback().await.unwrap();
            return None;
        };
        tx.commit().await.unwrap();
        self.cache.post(token).await;
        Some(version)
    }

    pub(super) async fn until_on(&self) -> Duration {
        until("the cache is on", async || self.cache.is_on()).await
    }

    /// Until it reads from the cache.
    pub(super) async fn until_hit(&self) -> Duration {
        until("there is a hit", async || self.read().await.1).await
    }
}

pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begin.elapsed()
}

/// Kills: no mark; marks of this process only.
#[tokio::test]
async fn processes_with_one_redis_see_each_others_writes_at_once() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let (a, b) = (
        Process::with_redis(&database, redis.port()).await,
        Process::with_redis(&database, redis.port()).await,
    );
    a.until_hit().await;
    b.until_hit().await;
    for round in 0..100 {
        let (writer, reader) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        reader.read().await;
        let version = writer.write().await;
        for process in [reader, writer] {
            assert_eq!(process.read().await.0, version, "round {round}");
        }
    }
    let commands = redis.ask("INFO commandstats");
    assert!(
        !commands.contains("cmdstat_keys") && !commands.contains("cmdstat_scan"),
        "{commands}"
    );
    let before = a.row().await;
    a.until_hit().await;
    assert_eq!(a.read().await, (before, true));
}

/// Kills: permits not awaited; a writer that goes on without a mark.
#[tokio::test]
async fn a_process_that_is_cut_from_redis_switches_off_before_it_commits() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let proxy = Proxy::to(redis.port()).await.unwrap();
    let cut = Process::with_redis(&database, proxy.port()).await;
    let well = Process::with_redis(&database, redis.port()).await;
    cut.until_hit().await;
    well.until_hit().await;
    proxy.cut();
    assert_eq!(well.read().await, (0, true), "nothing was written yet");
    // The other reads all the while: whatever it reads after the answer is new.
    let (version, waited) = {
        let begin = Instant::now();
        let version = cut.write().await;
        (version, begin.elapsed())
    };
    assert_eq!(well.read().await, (version, false));
    assert_eq!(cut.read().await.0, version);
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    // Those after it need not wait.
    let begin = Instant::now();
    for _ in 0..10 {
        let version = cut.write().await;
        assert_eq!(well.read().await, (version, false));
    }
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    proxy.join();
    let back = well.until_hit().await;
    assert!(back < Duration::from_secs(10), "{back:?}");
    let version = cut.write().await;
    assert_eq!(well.read().await.0, version);
}

/// Kills: a late mark that is taken for a lost Redis; readers who wait for a late Redis each time.
#[tokio::test]
async fn a_process_whose_redis_is_late_waits_and_leaves_the_cache_on() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let proxy = Proxy::to(redis.port()).await.unwrap();
    let late = Process::with_redis(&database, proxy.port()).await;
    let well = Process::with_redis(&database, redis.port()).await;
    late.until_hit().await;
    well.until_hit().await;
    let change = async || {
        let query = diesel::dsl::sql::<BigInt>("SELECT change FROM crud_cache_state");
        well.db.fetch::<i64>(query).await.unwrap()
    };
    let before = change().await;
    proxy.slow(Duration::from_millis(300));
    for _ in 0..5 {
        let begin = Instant::now();
        let version = late.write().await;
        assert!(begin.elapsed() >= Duration::from_millis(300), "it waited");
        assert_eq!(well.read().await.0, version);
        assert_eq!(late.read().await, (version, false));
        // Its posts are as late as its marks.
        well.until_hit().await;
    }
    let begin = Instant::now();
    for _ in 0..20 {
        late.read().await;
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "readers wait");
    assert_eq!(change().await, before, "nobody touched the switch");
    proxy.join();
    late.until_hit().await;
    assert_eq!(change().await, before, "nobody touched the switch");
}

/// Kills: a Redis that is silent and taken for late; for as long as a writer waits.
#[tokio::test]
async fn a_process_whose_redis_is_silent_switches_off_as_one_that_is_cut() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let proxy = Proxy::to(redis.port()).await.unwrap();
    let deaf = Process::with_redis(&database, proxy.port()).await;
    let well = Process::with_redis(&database, redis.port()).await;
    deaf.until_hit().await;
    well.until_hit().await;
    proxy.silence();
    let begin = Instant::now();
    let version = deaf.write().await;
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(well.read().await, (version, false));
    proxy.join();
    well.until_hit().await;
    let version = deaf.write().await;
    assert_eq!(well.read().await.0, version);
}

/// Kills: reads or writes that need Redis; a cache that stays off.
#[tokio::test]
async fn a_redis_that_stops_for_seconds_stops_nobody() {
    let (mut redis, database) = (Redis::start().unwrap(), database().await);
    let (a, b) = (
        Process::with_redis(&database, redis.port()).await,
        Process::with_redis(&database, redis.port()).await,
    );
    a.until_hit().await;
    redis.stop();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        let version = a.write().await;
        assert_eq!(b.read().await, (version, false));
        assert_eq!(a.read().await, (version, false));
    }
    redis.start_again().unwrap();
    let back = b.until_hit().await;
    assert!(back < Duration::from_secs(10), "{back:?}");
    let version = a.write().await;
    assert_eq!(b.read().await.0, version);
}

/// Kills: no fence. What the old Redis held was current then and is old now.
#[tokio::test]
async fn a_redis_that_comes_back_with_old_data_serves_none_of_it() {
    let (mut redis, database) = (Redis::start_durable().unwrap(), database().await);
    let (a, b) = (
        Process::with_redis(&database, redis.port()).await,
        Process::with_redis(&database, redis.port()).await,
    );
    b.until_hit().await;
    redis.kill();
    let version = a.write().await;
    redis.start_again().unwrap();
    // Until the cache is on again and beyond.
    for process in [&a, &b] {
        until("there is a hit", async || {
            let (read, hit) = process.read().await;
            assert_eq!(read, version);
            hit
        })
        .await;
    }
    redis.ask("FLUSHALL");
    let version = b.write().await;
    until("there is a hit", async || {
        let (read, hit) = a.read().await;
        assert_eq!(read, version);
        hit
    })
    .await;
}

/// Kills: no quarantine; a quarantine that looks before the epoch has begun.
#[tokio::test]
async fn the_cache_is_not_on_before_open_transactions_have_ended() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let db = connect(&database, true).await;
    // Makes the triggers, for which nobody may write.
    drop(Process::with_redis(&database, redis.port()).await);
    let open = db.begin().await.unwrap();
    open.batch("UPDATE items SET version = version + 1 WHERE id = 1")
        .await
        .unwrap();
    let a = Process::with_redis(&database, redis.port()).await;
    let mode = async || {
        let query =
            diesel::dsl::sql::<diesel::sql_types::Text>("SELECT mode FROM crud_cache_state");
        db.fetch::<String>(query).await.unwrap().remove(0)
    };
    until("the quarantine begins", async || {
        mode().await == "quarantine"
    })
    .await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!a.cache.is_on() && !a.read().await.1);
        open.batch("SELECT 1").await.unwrap();
    }
    assert_eq!(mode().await, "quarantine");
    // Writes go on, and mark.
    let other = "UPDATE items SET version = version WHERE id = 2";
    let tx = a.db.begin().await.unwrap();
    tx.batch(other).await.unwrap();
    let token = a.cache.mark(deps().into()).await.unwrap();
    tx.commit().await.unwrap();
    a.cache.post(token).await;
    assert_eq!(mode().await, "quarantine");
    open.commit().await.unwrap();
    a.until_hit().await;
    assert_eq!(a.read().await, (1, true));
}
