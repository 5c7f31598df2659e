use super::*;

fn entry(key: &str) -> Entry {
    Entry {
        of: "things",
        key: Bytes::copy_from_slice(key.as_bytes()),
    }
}

fn deps(tables: &[&'static str]) -> Vec<Dep> {
    tables.iter().map(|t| Dep::Table((*t).into())).collect()
}

async fn lead(store: &Memory, key: &str, deps: &[Dep]) -> Stamps {
    match store.read(&entry(key), deps).await {
        Read::Lead(stamps) => stamps,
        other => panic!("{other:?}"),
    }
}

async fn fill(store: &Memory, key: &str, deps: &[Dep], stamps: &Stamps) -> bool {
    let body = Bytes::from_static(b"body");
    let ttl = Duration::from_secs(60);
    store.fill(&entry(key), deps, stamps, body, ttl).await
}

async fn is_hit(store: &Memory, key: &str, deps: &[Dep]) -> bool {
    matches!(store.read(&entry(key), deps).await, Read::Hit(_))
}

#[tokio::test]
async fn a_body_is_served_until_a_write_is_marked() {
    let store = Memory::new(1 << 20);
    let (of_a, of_ab) = (deps(&["a"]), deps(&["a", "b"]));
    let stamps = lead(&store, "k", &of_a).await;
    assert!(fill(&store, "k", &of_a, &stamps).await);
    assert!(is_hit(&store, "k", &of_a).await);
    let token = store.mark(deps(&["b"]).into()).await.unwrap();
    assert!(is_hit(&store, "k", &of_a).await, "another table's write");
    assert!(matches!(
        store.read(&entry("k"), &of_ab).await,
        Read::Bypass(Doubt::Marked)
    ));
    store.post(token).await;
    let token = store.mark(deps(&["a"]).into()).await.unwrap();
    assert!(matches!(
        store.read(&entry("k"), &of_a).await,
        Read::Bypass(Doubt::Marked)
    ));
    store.post(token).await;
    lead(&store, "k", &of_a).await;
}

#[tokio::test]
async fn two_writes_are_in_doubt_until_both_are_posted() {
    let store = Memory::new(1 << 20);
    let of_a = deps(&["a"]);
    let one = store.mark(of_a.clone().into()).await.unwrap();
    let two = store.mark(of_a.clone().into()).await.unwrap();
    store.post(one).await;
    assert!(matches!(
        store.read(&entry("k"), &of_a).await,
        Read::Bypass(_)
    ));
    store.post(two).await;
    lead(&store, "k", &of_a).await;
}

/// Kills: a fill under the stamps of the moment of filling (what cacheops does), a fill without a look.
#[tokio::test]
async fn a_load_from_before_a_write_never_fills() {
    let store = Memory::new(1 << 20);
    let of_a = deps(&["a"]);
    let before = lead(&store, "k", &of_a).await;
    let token = store.mark(of_a.clone().into()).await.unwrap();
    assert!(!fill(&store, "k", &of_a, &before).await);
    store.post(token).await;
    assert!(!fill(&store, "k", &of_a, &before).await);
    assert!(!is_hit(&store, "k", &of_a).await);
}

#[tokio::test]
async fn everything_is_a_dependency_of_every_body() {
    let store = Memory::new(1 << 20);
    for of in [deps(&["a"]), vec![]] {
        let stamps = lead(&store, "k", &of).await;
        assert!(fill(&store, "k", &of, &stamps).await);
        let token = store.mark(Arc::new([Dep::Everything])).await.unwrap();
        assert!(matches!(
            store.read(&entry("k"), &of).await,
            Read::Bypass(_)
        ));
        store.post(token).await;
        lead(&store, "k", &of).await;
    }
}

/// Kills: an abandoned write that counts as posted.
#[tokio::test]
async fn a_write_of_unknown_outcome_stays_in_doubt() {
    let store = Memory::new(1 << 20);
    let of_a = deps(&["a"]);
    let token = store.mark(of_a.clone().into()).await.unwrap();
    store.abandon(token);
    for _ in 0..3 {
        assert!(matches!(
            store.read(&entry("k"), &of_a).await,
            Read::Bypass(Doubt::Marked)
        ));
    }
    // As if the time had passed.
    for (until, _) in store.abandoned.lock().unwrap().iter_mut() {
        *until = Instant::now();
    }
    assert!(matches!(
        store.read(&entry("k"), &of_a).await,
        Read::Bypass(Doubt::Marked)
    ));
    lead(&store, "k", &of_a).await;
}

#[tokio::test]
async fn bodies_stay_within_their_budget() {
    let store = Memory::new(64 << 10);
    let of_a = deps(&["a"]);
    for n in 0..1000 {
        let key = n.to_string();
        let stamps = lead(&store, &key, &of_a).await;
        let body = Bytes::from(vec![b'x'; 1000]);
        store
            .fill(&entry(&key), &of_a, &stamps, body, Duration::from_secs(60))
            .await;
    }
    store.bodies.run_pending_tasks();
    assert!(store.bodies.weighted_size() <= 64 << 10);
}

#[tokio::test]
async fn a_body_is_gone_when_its_time_is_over() {
    let store = Memory::new(1 << 20);
    let of_a = deps(&["a"]);
    for (key, ttl) in [("short", 1), ("long", 60_000)] {
        let stamps = lead(&store, key, &of_a).await;
        let ttl = Duration::from_millis(ttl);
        let body = Bytes::from_static(b"body");
        assert!(store.fill(&entry(key), &of_a, &stamps, body, ttl).await);
    }
    let filled = Instant::now();
    while is_hit(&store, "short", &of_a).await {
        assert!(filled.elapsed() < Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    assert!(is_hit(&store, "long", &of_a).await);
}
