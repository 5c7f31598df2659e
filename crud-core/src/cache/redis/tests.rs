//! Each step of the protocol against a private Redis, and what happens to Redis itself.
//!
//! Each test names the mutant of the protocol that it kills.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{RedisStore, random};
use crate::Uuid;
use crate::cache::store::{Dep, Doubt, Entry, Read, Stamps};
use crate::testing::Redis;

pub(super) const TTL: Duration = Duration::from_secs(60);

pub(super) fn tables() -> Vec<String> {
    vec!["courses".to_owned(), "lessons".to_owned()]
}

/// A store on a Redis in which this epoch has begun.
pub(super) async fn store(redis: &Redis, epoch: &str) -> RedisStore {
    let store = other(redis, epoch).await;
    store.begin(epoch, None).await.unwrap();
    store
}

/// Another process's store.
pub(super) async fn other(redis: &Redis, epoch: &str) -> RedisStore {
    let store = RedisStore::new(&redis.url(), tables(), 1 << 20)
        .await
        .unwrap();
    up(&store).await;
    store.adopt(Some(epoch));
    store
}

pub(super) async fn up(store: &RedisStore) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while store.up_for().is_none() {
        assert!(Instant::now() < deadline, "Redis answers in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn course() -> Vec<Dep> {
    vec![
        Dep::Table("courses".into()),
        Dep::Row("courses".into(), Uuid(uuid::Uuid::nil()).into()),
    ]
}

fn row() -> Vec<Dep> {
    course().split_off(1)
}

pub(super) fn both() -> Vec<Dep> {
    vec![Dep::List("courses".into()), Dep::Table("lessons".into())]
}

pub(super) fn entry(key: &'static str) -> Entry {
    Entry {
        of: "courses",
        key: Bytes::from_static(key.as_bytes()),
    }
}

pub(super) fn body(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Asks again while this machine is too busy to answer within 25 ms.
pub(super) async fn read(store: &RedisStore, key: &'static str, deps: &[Dep]) -> Read {
    for _ in 0..100 {
        match store.read(&entry(key), deps).await {
            Read::Bypass(Doubt::Away) if store.link_is_slow() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return other,
        }
    }
    panic!("Redis never answers in time");
}

pub(super) fn stamps(read: Read) -> Stamps {
    match read {
        Read::Lead(stamps) | Read::Wait(stamps) => stamps,
        other => panic!("there should be no body and nothing in doubt: {other:?}"),
    }
}

pub(super) async fn filled(
    store: &RedisStore,
    key: &'static str,
    deps: &[Dep],
    text: &'static str,
) {
    let stamps = stamps(read(store, key, deps).await);
    assert!(
        store
            .fill(&entry(key), deps, &stamps, body(text), TTL)
            .await
    );
}

pub(super) async fn is_hit(
    store: &RedisStore,
    key: &'static str,
    deps: &[Dep],
    text: &'static str,
) -> bool {
    matches!(read(store, key, deps).await, Read::Hit(found) if found == body(text))
}

pub(super) async fn is_in_doubt(store: &RedisStore, deps: &[Dep]) -> bool {
    let read = read(store, "k", deps).await;
    matches!(read, Read::Bypass(Doubt::Marked))
}

pub(super) async fn post(store: &RedisStore, token: u128) {
    if let Some(posts) = store.post(token) {
        store.end(posts).await;
    }
}

pub(super) fn token() -> u128 {
    u128::from_be_bytes(random())
}

/// Kills: hits that ignore stamps; a lease that everyone gets.
#[tokio::test]
async fn one_reader_leads_the_next_waits_and_then_all_hit() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let lead = read(&a, "k", &course()).await;
    let Read::Lead(stamps) = lead else {
        panic!("{lead:?}")
    };
    assert!(matches!(read(&b, "k", &course()).await, Read::Wait(_)));
    assert!(
        a.fill(&entry("k"), &course(), &stamps, body("one"), TTL)
            .await
    );
    assert!(is_hit(&a, "k", &course(), "one").await);
    assert!(is_hit(&b, "k", &course(), "one").await);
    assert!(matches!(read(&b, "other", &course()).await, Read::Lead(_)));
}

/// Kills: no mark; a post that leaves the stamp as it was; a mark that leaves the stamp as it was.
#[tokio::test]
async fn what_is_marked_is_in_doubt_until_the_post_and_new_afterwards() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    filled(&a, "k", &course(), "one").await;
    assert!(is_hit(&b, "k", &course(), "one").await);
    let row = row();
    let mine = token();
    b.mark(&row, mine).await.unwrap();
    for store in [&a, &b] {
        assert!(matches!(
            read(store, "k", &course()).await,
            Read::Bypass(Doubt::Marked)
        ));
    }
    // What was filled in between, should a token ever be lost, is gone with the post.
    let stamp = || redis.ask(&format!("GET {{c:courses}}:aa:s:{}", row[0]));
    let marked = stamp();
    post(&b, mine).await;
    assert_ne!(marked, stamp());
    for store in [&a, &b] {
        assert!(!is_hit(store, "k", &course(), "one").await);
    }
    filled(&a, "k", &course(), "two").await;
    assert!(is_hit(&b, "k", &course(), "two").await);
}

/// Kills: the second of two marks overwrites the first.
#[tokio::test]
async fn two_writers_leave_it_in_doubt_until_both_have_posted() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let (one, two) = (token(), token());
    a.mark(&course(), one).await.unwrap();
    b.mark(&course(), two).await.unwrap();
    post(&b, two).await;
    assert!(is_in_doubt(&a, &course()).await);
    post(&a, one).await;
    assert!(matches!(read(&a, "k", &course()).await, Read::Lead(_)));
    // Nothing is left behind the stamp, and it expires again.
    let stamp = format!("{{c:courses}}:aa:s:{}", course()[0]);
    assert_eq!(redis.ask(&format!("STRLEN {stamp}")).trim(), ":16");
    assert_ne!(redis.ask(&format!("TTL {stamp}")).trim(), ":-1");
}

/// Kills: a post that takes another's token away, its own being gone.
#[tokio::test]
async fn a_late_post_leaves_the_others_token() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let (late, mine) = (token(), token());
    b.mark(&row(), late).await.unwrap();
    end_tokens(&redis, &row());
    a.mark(&row(), mine).await.unwrap();
    post(&b, late).await;
    assert!(is_in_doubt(&a, &row()).await);
    post(&a, mine).await;
    assert!(!is_in_doubt(&a, &row()).await);
}

/// The deadline of the oldest token of each has passed.
fn end_tokens(redis: &Redis, deps: &[Dep]) {
    for dep in deps {
        redis.ask(&format!(
            "SETRANGE {{c:courses}}:aa:s:{dep} 32 0000000000001"
        ));
    }
}

/// Kills: no compare at the fill, in Redis and in the process.
#[tokio::test]
async fn a_fill_under_old_stamps_is_refused() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let old = stamps(read(&a, "k", &course()).await);
    let mine = token();
    b.mark(&course(), mine).await.unwrap();
    assert!(!a.fill(&entry("k"), &course(), &old, body("old"), TTL).await);
    post(&b, mine).await;
    assert!(!a.fill(&entry("k"), &course(), &old, body("old"), TTL).await);
    for store in [&a, &b] {
        assert!(!is_hit(store, "k", &course(), "old").await);
    }
}

/// Kills: looking at the home table only; an entry of the process that outlives another table's stamp.
#[tokio::test]
async fn a_body_of_two_tables_depends_on_both() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    filled(&a, "k", &both(), "one").await;
    for store in [&a, &b, &a] {
        assert!(is_hit(store, "k", &both(), "one").await);
    }
    for dep in both() {
        let mine = token();
        b.mark(std::slice::from_ref(&dep), mine).await.unwrap();
        assert!(
            matches!(read(&a, "k", &both()).await, Read::Bypass(Doubt::Marked)),
            "{dep}"
        );
        post(&b, mine).await;
        assert!(!is_hit(&a, "k", &both(), "one").await, "{dep}");
        filled(&b, "k", &both(), "one").await;
        // What this process has is old; what Redis has is not.
        assert!(is_hit(&a, "k", &both(), "one").await, "{dep}");
    }
}

/// Kills: bodies that do not depend on everything.
#[tokio::test]
async fn everything_is_in_every_table() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    for (key, deps) in [
        ("1", course()),
        ("2", both()),
        ("3", vec![]),
        ("4", vec![Dep::Table("unknown".into())]),
    ] {
        filled(&a, key, &deps, "one").await;
        assert!(is_hit(&a, key, &deps, "one").await);
        let mine = token();
        a.mark(&[Dep::Everything], mine).await.unwrap();
        assert!(matches!(
            read(&a, key, &deps).await,
            Read::Bypass(Doubt::Marked)
        ));
        post(&a, mine).await;
        assert!(!is_hit(&a, key, &deps, "one").await);
    }
}

/// Kills: a script for each reader of what is in doubt; a doubt that a clock makes longer, or shorter.
#[tokio::test]
async fn who_has_the_body_sees_by_himself_that_it_is_in_doubt() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let deadline = |digits: &str| {
        redis.ask(&format!(
            "SETRANGE {{c:courses}}:aa:s:{} 32 {digits}",
            row()[0]
        ));
    };
    let is_doubtful = async || {
        let read = read(&a, "k", &course()).await;
        matches!(read, Read::Bypass(Doubt::Marked))
    };
    filled(&a, "k", &course(), "one").await;
    b.mark(&row(), token()).await.unwrap();
    // The first leaves word for those who write.
    let before = scripts(&redis);
    assert!(is_doubtful().await);
    let told = scripts(&redis);
    assert!(told > before);
    for _ in 0..3 {
        assert!(is_doubtful().await);
    }
    assert_eq!(scripts(&redis), told);
    // By another clock, which Redis is asked for.
    deadline("9999999999999");
    assert!(is_doubtful().await);
    assert!(scripts(&redis) > told);
    deadline("0000000000001");
    assert!(!is_doubtful().await);
}

/// How many scripts Redis was sent.
pub(super) fn scripts(redis: &Redis) -> u64 {
    let commands = redis.ask("INFO commandstats");
    let calls = commands.split("cmdstat_evalsha:calls=").nth(1);
    let calls = calls.and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// Kills: tokens without a deadline; a deadline that ends the mark but leaves the old stamp.
#[tokio::test]
async fn a_token_ends_at_its_deadline() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    filled(&a, "k", &row(), "one").await;
    a.mark(&row(), token()).await.unwrap();
    assert!(matches!(
        read(&a, "k", &row()).await,
        Read::Bypass(Doubt::Marked)
    ));
    end_tokens(&redis, &row());
    assert!(!is_hit(&a, "k", &row(), "one").await);
    filled(&a, "k", &row(), "two").await;
    assert!(is_hit(&a, "k", &row(), "two").await);
    // What a writer left who died goes with the next write.
    let mine = token();
    a.mark(&row(), token()).await.unwrap();
    end_tokens(&redis, &row());
    a.mark(&row(), mine).await.unwrap();
    post(&a, mine).await;
    let left = redis.ask("STRLEN {c:courses}:aa:s:courses:r:00000000-0000-0000-0000-000000000000");
    assert_eq!(left.trim(), ":0");
    // The real one ends 15 s after Redis' clock.
    a.mark(&row(), token()).await.unwrap();
    let held =
        redis.ask("GETRANGE {c:courses}:aa:s:courses:r:00000000-0000-0000-0000-000000000000 32 44");
    let deadline: u128 = held.trim().lines().last().unwrap().parse().unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    assert!((10_000..=15_100).contains(&(deadline - now)), "{held}");
}

/// Kills: an epoch whose keys are the next one's too.
#[tokio::test]
async fn an_epoch_finds_nothing_of_another() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    filled(&a, "k", &course(), "old").await;
    a.mark(&[Dep::Table("lessons".into())], token())
        .await
        .unwrap();
    let b = store(&redis, "bb").await;
    assert!(!is_hit(&b, "k", &course(), "old").await);
    assert!(matches!(read(&b, "l", &both()).await, Read::Lead(_)));
    b.begin("cc", Some("aa")).await.unwrap();
    assert!(
        matches!(read(&a, "k", &course()).await, Read::Bypass(Doubt::Away)),
        "the old one has ended"
    );
}
