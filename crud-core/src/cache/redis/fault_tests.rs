//! What befalls Redis, and what somebody else may have put into it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::RedisStore;
use super::tests::{
    TTL, course, entry, filled, is_hit, is_in_doubt, other, post, read, stamps, store, tables,
    token, up,
};
use crate::Id;
use crate::cache::store::{Dep, Doubt, Read};
use crate::testing::{Proxy, Random, Redis};

/// Kills: no fence; loading a missing script.
#[tokio::test]
async fn a_redis_that_restarts_with_its_data_is_fenced() {
    let mut redis = Redis::start_durable().unwrap();
    let a = store(&redis, "aa").await;
    filled(&a, "k", &course(), "old").await;
    let fresh = other(&redis, "aa").await;
    redis.kill();
    redis.start_again().unwrap();
    assert_ne!(redis.ask("DBSIZE").trim(), ":0", "the data are back");
    let deadline = Instant::now() + Duration::from_secs(20);
    for store in [&a, &fresh] {
        // Until a reader has found it, who asks with a script or, of what the process has, without one.
        let fenced = store.fenced();
        tokio::pin!(fenced);
        while tokio::time::timeout(Duration::from_millis(5), &mut fenced)
            .await
            .is_err()
        {
            assert!(Instant::now() < deadline, "it is told");
            let read = store.read(&entry("k"), &course()).await;
            assert!(matches!(read, Read::Bypass(Doubt::Away)), "{read:?}");
        }
        assert!(store.mark(&course(), token()).await.is_err());
    }
    // Whoever begins the next one may not know which epochs the data are of.
    a.begin("bb", None).await.unwrap();
    a.adopt(Some("bb"));
    assert!(!is_hit(&a, "k", &course(), "old").await);
    // Who has not heard of the new epoch is still fenced.
    assert!(matches!(
        fresh.read(&entry("k"), &course()).await,
        Read::Bypass(Doubt::Away)
    ));
}

/// Kills: no key of the epoch's own (scripts survive FLUSHALL).
#[tokio::test]
async fn a_redis_that_was_emptied_is_fenced() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    filled(&a, "k", &course(), "old").await;
    redis.ask("FLUSHALL");
    assert!(matches!(
        read(&a, "k", &course()).await,
        Read::Bypass(Doubt::Away)
    ));
    assert!(a.mark(&course(), token()).await.is_err());
    a.fenced().await;
}

/// Kills: trusting what is in Redis.
#[tokio::test]
async fn bodies_that_were_tampered_with_are_misses() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let mut random = Random::new();
    let name = |key: &'static str| {
        format!(
            "{{c:courses}}:aa:b:{}",
            blake3::Hash::from(entry(key).fingerprint()).to_hex()
        )
    };
    filled(&a, "k", &course(), "one").await;
    filled(&a, "other", &course(), "two").await;
    let length: u64 = redis.ask(&format!("STRLEN {}", name("k"))).trim()[1..]
        .parse()
        .unwrap();
    for _ in 0..50 {
        let at = random.below(length);
        redis.ask(&format!(
            "SETRANGE {} {at} \"\\x{:02x}\\x{:02x}\"",
            name("k"),
            random.below(256),
            random.below(256)
        ));
        assert!(!matches!(read(&b, "k", &course()).await, Read::Hit(_)));
    }
    redis.ask(&format!("COPY {} {} REPLACE", name("other"), name("k")));
    assert!(
        !matches!(read(&b, "k", &course()).await, Read::Hit(_)),
        "another's body"
    );
    for raw in ["x", ""] {
        redis.ask(&format!("SET {} \"{raw}\"", name("k")));
        assert!(!matches!(read(&b, "k", &course()).await, Read::Hit(_)));
    }
    redis.ask(&format!("DEL {}", name("k")));
    redis.ask(&format!("LPUSH {} x", name("k")));
    assert!(
        !matches!(b.read(&entry("k"), &course()).await, Read::Hit(_)),
        "a list"
    );
    redis.ask("SET {c:courses}:aa:s:courses:t short");
    assert!(!matches!(
        b.read(&entry("other"), &course()).await,
        Read::Hit(_)
    ));
}

/// Kills: a hit that moves the body each time; KEYS or SCAN anywhere.
#[tokio::test]
async fn a_hit_of_what_the_process_has_moves_tens_of_bytes() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    let big = Bytes::from(vec![b'x'; 100_000]);
    let stamps = stamps(read(&a, "k", &course()).await);
    assert!(
        a.fill(&entry("k"), &course(), &stamps, big.clone(), TTL)
            .await
    );
    let sent = || -> u64 {
        let info = redis.ask("INFO stats");
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.unwrap().trim().parse().unwrap()
    };
    let asking = {
        let first = sent();
        sent() - first
    };
    let before = sent();
    for _ in 0..100 {
        assert!(matches!(read(&a, "k", &course()).await, Read::Hit(found) if found == big));
    }
    let each = (sent() - before).saturating_sub(asking) / 100;
    assert!(each < 120, "{each} bytes for a hit");
    a.mark(&course(), 7).await.unwrap();
    post(&a, 7).await;
    let commands = redis.ask("INFO commandstats");
    assert!(
        commands.contains("cmdstat_evalsha") && !commands.contains("cmdstat_eval:"),
        "{commands}"
    );
    assert!(
        !commands.contains("cmdstat_keys") && !commands.contains("cmdstat_scan"),
        "{commands}"
    );
}

/// Kills: no look at the policy.
#[tokio::test]
async fn a_redis_that_may_evict_marks_is_refused() {
    let redis = Redis::start().unwrap();
    redis.ask("CONFIG SET maxmemory-policy allkeys-lru");
    let refused = RedisStore::new(&redis.url(), tables(), 1 << 20)
        .await
        .err()
        .expect("it is refused");
    assert!(refused.contains("`allkeys-lru`"), "{refused}");
    redis.ask("CONFIG SET maxmemory-policy volatile-lfu");
    assert!(
        RedisStore::new(&redis.url(), tables(), 1 << 20)
            .await
            .is_ok()
    );
}

/// Kills: no breaker; a breaker that never closes.
#[tokio::test]
async fn an_outage_costs_readers_nothing_and_ends_by_itself() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    filled(&a, "k", &course(), "one").await;
    let frozen = redis.freeze();
    let mut waited = 0;
    for _ in 0..1_000 {
        let begin = Instant::now();
        let read = a.read(&entry("k"), &course()).await;
        assert!(matches!(read, Read::Bypass(Doubt::Away)));
        waited += usize::from(begin.elapsed() > Duration::from_millis(20));
    }
    assert!(waited < 10, "{waited} readers waited");
    drop(frozen);
    up(&a).await;
    assert!(is_hit(&a, "k", &course(), "one").await);
}

/// Kills: the token of a mark whose answer was lost, and that nobody takes away.
#[tokio::test]
async fn a_mark_whose_answer_was_lost_leaves_no_token() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::to(redis.port()).await.unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let a = RedisStore::new(&url, tables(), 1 << 20).await.unwrap();
    up(&a).await;
    a.begin("aa", None).await.unwrap();
    a.adopt(Some("aa"));
    for n in 0..20 {
        let row = [Dep::Row("courses".into(), Id::Int(n))];
        let stamp = format!("STRLEN {{c:courses}}:aa:s:{}", row[0]);
        proxy.slow(Duration::from_secs(3_600));
        let lost = async {
            while redis.ask(&stamp).trim() != ":45" {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            proxy.cut();
            while !a.link_is_slow() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            proxy.join();
        };
        let mine = token();
        let (marked, ()) = tokio::join!(a.mark(&row, mine), lost);
        up(&a).await;
        // Unless this machine was too slow for a second try.
        if marked.is_ok() {
            assert!(is_in_doubt(&a, &row).await);
            post(&a, mine).await;
            assert!(!is_in_doubt(&a, &row).await);
            return;
        }
    }
    panic!("no mark was tried again in time");
}
