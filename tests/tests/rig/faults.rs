//! What befalls the cluster, and how each fault is known to have bitten.

use std::time::{Duration, Instant};

use crud_core::testing::Random;

use super::{
    cluster::{Cluster, Counts, SERVERS},
    load::{Load, index},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of a server, which is started again.
    ServerKilled,
    /// Redis loses its power and its data.
    RedisEmpty,
    /// Redis loses its power, and has the data of then.
    RedisOld,
    /// `FLUSHALL`
    Flushed,
    /// Redis answers one server half a second late.
    Slow,
    /// One server's connections to Redis are cut, and stay so.
    Cut,
    /// One server's connections to Redis stay, and nothing comes through.
    Silent,
    /// PostgreSQL is restarted.
    PostgresRestarted,
}

pub(crate) const FAULTS: [Fault; 8] = [
    Fault::ServerKilled,
    Fault::RedisEmpty,
    Fault::RedisOld,
    Fault::Flushed,
    Fault::Slow,
    Fault::Cut,
    Fault::Silent,
    Fault::PostgresRestarted,
];

impl Fault {
    /// Lets it happen and makes sure that it was felt.
    pub(crate) async fn strike(self, cluster: &mut Cluster, load: &Load, random: &mut Random) {
        let server = index(random, SERVERS);
        let hold = Duration::from_millis(300 + random.below(1_200));
        let before = cluster.all_counts().await;
        match self {
            Self::ServerKilled => {
                cluster.kill(server);
                let gone = tokio::net::TcpStream::connect(("127.0.0.1", cluster.port(server)));
                assert!(gone.await.is_err(), "server {server} is killed and answers");
                tokio::time::sleep(hold / 3).await;
                cluster.run(server);
                cluster.until_ready(server).await;
            }
            Self::RedisEmpty => {
                cluster.redis.kill();
                let away = |was: &Counts, now: &Counts| now.away > was.away;
                felt(self, cluster, &before, None, away).await;
                cluster.redis.lose().expect("the files can be removed");
                cluster.redis.start_again().expect("Redis starts again");
            }
            Self::RedisOld => {
                // It must have something that can grow old.
                cluster.until_hits().await;
                let before = cluster.all_counts().await;
                cluster.redis.kill();
                // What is written now makes the data of then old.
                let unmarked = |was: &Counts, now: &Counts| now.unmarked > was.unmarked;
                felt(self, cluster, &before, None, unmarked).await;
                tokio::time::sleep(hold).await;
                cluster.redis.start_again().expect("Redis starts again");
                assert_ne!(cluster.redis.ask("DBSIZE").trim(), ":0", "the data of then");
            }
            Self::Flushed => {
                // Nobody notices while the cache is off because of the fault before.
                cluster.until_hits().await;
                let before = cluster.all_counts().await;
                cluster.redis.ask("FLUSHALL");
                let fenced = |was: &Counts, now: &Counts| now.fenced > was.fenced;
                felt(self, cluster, &before, None, fenced).await;
            }
            Self::Slow | Self::Cut | Self::Silent => {
                let proxy = cluster.proxy(server);
                match self {
                    Self::Slow => proxy.slow(Duration::from_millis(500)),
                    Self::Cut => proxy.cut(),
                    _ => proxy.silence(),
                }
                let away = |was: &Counts, now: &Counts| now.away > was.away;
                felt(self, cluster, &before, Some(server), away).await;
                tokio::time::sleep(hold).await;
                cluster.proxy(server).join();
            }
            Self::PostgresRestarted => {
                let failed = || load.failed.load(std::sync::atomic::Ordering::Relaxed);
                let was = failed();
                tokio::task::block_in_place(|| cluster.postgres.restart())
                    .expect("PostgreSQL starts again");
                let begin = Instant::now();
                while failed() == was {
                    assert!(begin.elapsed() < PATIENCE, "nobody noticed the restart");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a server, or this one, counts it.
async fn felt(
    fault: Fault,
    cluster: &Cluster,
    before: &[Counts; SERVERS],
    server: Option<usize>,
    is_felt: impl Fn(&Counts, &Counts) -> bool,
) {
    let begin = Instant::now();
    loop {
        for (n, was) in before.iter().enumerate() {
            let asked = server.is_none_or(|server| server == n);
            if asked && is_felt(was, &cluster.counts(n).await) {
                return;
            }
        }
        let now = cluster.all_counts().await;
        assert!(
            begin.elapsed() < PATIENCE,
            "{fault:?} did not bite: {now:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
