//! Readers and writers of two processes at random, while Redis fails, against an oracle that knows what may be seen.
//!
//! A read must not see less than what was acknowledged, or returned to anyone, before it began. A run in which the
//! faults did not bite, or in which the cache did nothing, fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::tests::{Process, database};
use crate::testing::{Proxy, Random, Redis};

const RUN: Duration = Duration::from_secs(12);

#[derive(Default)]
struct Oracle {
    floor: AtomicI64,
    reads: AtomicUsize,
    hits: AtomicUsize,
    writes: AtomicUsize,
    fenced: AtomicUsize,
    wrong: AtomicUsize,
}

impl Oracle {
    async fn read(&self, by: &Process) {
        let floor = self.floor.load(SeqCst);
        let (version, hit) = by.read().await;
        self.wrong.fetch_add(usize::from(version < floor), SeqCst);
        self.floor.fetch_max(version, SeqCst);
        self.reads.fetch_add(1, SeqCst);
        self.hits.fetch_add(usize::from(hit), SeqCst);
    }

    async fn write(&self, by: &Process, fenced: bool) {
        let version = match fenced {
            true => by.try_write_fenced().await,
            false => by.try_write().await,
        };
        if let Some(version) = version {
            self.floor.fetch_max(version, SeqCst);
            self.writes.fetch_add(1, SeqCst);
            self.fenced.fetch_add(usize::from(fenced), SeqCst);
        }
    }
}

/// Kills: whatever lets an old body through while Redis is cut off, emptied, frozen or robbed of its scripts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_stale_whatever_befalls_redis() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let proxy = Proxy::to(redis.port()).await.unwrap();
    let cut = Arc::new(Process::with_redis(&database, proxy.port()).await);
    let well = Arc::new(Process::with_redis(&database, redis.port()).await);
    cut.until_hit().await;
    let oracle = Arc::new(Oracle::default());
    let mut random = Random::new();
    let end = Instant::now() + RUN;
    let mut tasks = Vec::new();
    for task in 0..8_u64 {
        let process = if task % 2 == 0 {
            cut.clone()
        } else {
            well.clone()
        };
        let (oracle, mut random) = (oracle.clone(), random.clone());
        for _ in 0..=task {
            random.next();
        }
        tasks.push(tokio::spawn(async move {
            while Instant::now() < end {
                if task < 2 {
                    oracle.write(&process, random.below(2) == 0).await;
                    tokio::time::sleep(Duration::from_millis(random.below(40))).await;
                } else {
                    oracle.read(&process).await;
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    let mut faults = [0; 4];
    while Instant::now() < end {
        // Half of the time all is well, and the cache comes back.
        tokio::time::sleep(Duration::from_millis(1_500 + random.below(2_500))).await;
        let fault = usize::try_from(random.below(4)).unwrap();
        faults[fault] += 1;
        match fault {
            0 => {
                proxy.cut();
                tokio::time::sleep(Duration::from_millis(600)).await;
                proxy.join();
            }
            1 => drop(redis.ask("FLUSHALL")),
            2 => drop(redis.ask("SCRIPT FLUSH")),
            _ => {
                let frozen = redis.freeze();
                tokio::time::sleep(Duration::from_millis(400)).await;
                drop(frozen);
            }
        }
    }
    for task in tasks {
        task.await.expect("nobody fails");
    }
    let Oracle { reads, hits, .. } = &*oracle;
    let [reads, hits, writes, fenced, wrong] =
        [reads, hits, &oracle.writes, &oracle.fenced, &oracle.wrong].map(|n| n.load(SeqCst));
    let what = format!(
        "{reads} reads, {hits} hits, {writes} writes, {fenced} of them fenced, faults {faults:?}"
    );
    assert_eq!(wrong, 0, "{what}");
    assert!(
        hits > 50
            && hits < reads
            && writes > 50
            && fenced > 10
            && writes > fenced
            && faults.iter().sum::<i32>() > 2,
        "{what}"
    );
}
