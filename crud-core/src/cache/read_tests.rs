use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::sync::Notify;

use super::*;
use crate::db::DbConfig;

/// A cache in the process, and how often the database was asked.
struct Readers {
    cache: Arc<Cache>,
    db: Db,
    loads: Arc<AtomicUsize>,
}

fn list() -> [Dep; 1] {
    [Dep::List("courses".into())]
}

impl Readers {
    async fn new() -> Self {
        let db = DbConfig::new("sqlite::memory:");
        Self {
            cache: Arc::new(Cache::in_process(1 << 20)),
            db: Db::connect(&db).await.expect("a database in memory"),
            loads: Arc::default(),
        }
    }

    /// Reads; a load first waits for `until` and then gives its number.
    fn read<U>(&self, until: U) -> tokio::task::JoinHandle<Bytes>
    where
        U: Future<Output = ()> + Send + 'static,
    {
        let (cache, db, loads) = (self.cache.clone(), self.db.clone(), self.loads.clone());
        let load = move || -> Load {
            Box::pin(async move {
                let number = loads.fetch_add(1, SeqCst) + 1;
                until.await;
                Ok(Loaded {
                    body: number.to_string().into(),
                    ttl: Duration::from_secs(60),
                })
            })
        };
        tokio::spawn(async move {
            let entry = Entry {
                of: "courses",
                key: Bytes::from_static(b"all"),
            };
            let body = cache.through(&db, entry, &list(), load).await;
            body.expect("a body")
        })
    }

    async fn mark(&self) -> super::super::Marked {
        let marked = self.cache.mark(Arc::new(list())).await;
        marked.expect("a mark").expect("a cache")
    }

    fn loads(&self) -> usize {
        self.loads.load(SeqCst)
    }
}

/// Lets every task go as far as it can.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn opened(gate: Arc<Notify>) {
    gate.notified().await;
}

/// Kills: a load of one's own for everyone who had to wait for his turn while something was in doubt
#[tokio::test]
async fn who_waited_for_his_turn_is_as_good_as_one_who_comes_now() {
    let readers = Readers::new().await;
    let (old, new) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let marked = readers.mark().await;
    let first = readers.read(opened(old.clone()));
    settle().await;
    let queued = readers.read(std::future::ready(()));
    settle().await;
    assert_eq!(readers.loads(), 1);
    marked.post().await;
    let clean = readers.read(opened(new.clone()));
    settle().await;
    assert_eq!(readers.loads(), 2);
    old.notify_one();
    assert_eq!(first.await.expect("it ends"), "1");
    settle().await;
    new.notify_one();
    assert_eq!(clean.await.expect("it ends"), "2");
    assert_eq!(queued.await.expect("it ends"), "2");
    // And what is there already is a hit.
    let (marked, gate) = (readers.mark().await, Arc::new(Notify::new()));
    let first = readers.read(opened(gate.clone()));
    settle().await;
    let queued = readers.read(std::future::ready(()));
    settle().await;
    marked.post().await;
    let clean = readers.read(std::future::ready(()));
    assert_eq!(clean.await.expect("it ends"), "4");
    gate.notify_one();
    assert_eq!(first.await.expect("it ends"), "3");
    assert_eq!(queued.await.expect("it ends"), "4");
}

/// Kills: an answer of the database from before the wait; a doubt of two writes that is taken for the end of one
#[tokio::test]
async fn who_waited_for_his_turn_asks_for_himself_while_there_is_doubt() {
    let readers = Readers::new().await;
    let gate = Arc::new(Notify::new());
    let (_one, other) = (readers.mark().await, readers.mark().await);
    let first = readers.read(opened(gate.clone()));
    settle().await;
    let queued = readers.read(std::future::ready(()));
    settle().await;
    other.post().await;
    gate.notify_one();
    assert_eq!(first.await.expect("it ends"), "1");
    assert_eq!(queued.await.expect("it ends"), "2");
}

/// Kills: no patience with dear loads; patience without end; patience with loads that are quick
#[tokio::test]
async fn a_doubt_is_waited_for_as_long_as_the_load_takes() {
    let readers = Readers::new().await;
    tokio::time::pause();
    // Quick: nobody waits.
    let marked = readers.mark().await;
    let began = Instant::now();
    assert_eq!(
        readers.read(std::future::ready(())).await.expect("it ends"),
        "1"
    );
    assert!(began.elapsed().is_zero());
    marked.post().await;

    let dear = Duration::from_millis(40);
    let read = readers.read(async move { tokio::time::sleep(dear).await });
    assert_eq!(read.await.expect("it ends"), "2");
    let marked = readers.mark().await;
    let began = Instant::now();
    let waiting = readers.read(async move { tokio::time::sleep(dear).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(readers.loads(), 2);
    marked.post().await;
    assert_eq!(waiting.await.expect("it ends"), "3");
    assert!(began.elapsed() <= Duration::from_millis(53));
    // It was loaded under no doubt, so that it is kept.
    assert_eq!(
        readers.read(std::future::ready(())).await.expect("it ends"),
        "3"
    );

    let _marked = readers.mark().await;
    let began = Instant::now();
    assert_eq!(
        readers.read(std::future::ready(())).await.expect("it ends"),
        "4"
    );
    let waited = began.elapsed();
    assert!(
        waited >= dear && waited <= dear + Duration::from_millis(3),
        "{waited:?}"
    );
}
