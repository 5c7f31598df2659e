//! What befalls the cluster, and how each fault is known to have bitten.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use crud_core::testing::{Hold, Random};

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
    /// Redis restarts at once, with the data of a second ago, and no write comes in between.
    RedisOlder,
    /// Two writes that are marked wait for seconds before their COMMIT.
    Held,
    /// The same, and Redis is emptied.
    Stalled,
    /// Two writes wait for longer than they are marked.
    Hung,
}

/// Those of a run that is not about one; [`Fault::Hung`] takes too long.
pub(crate) const FAULTS: [Fault; 11] = [
    Fault::ServerKilled,
    Fault::RedisEmpty,
    Fault::RedisOld,
    Fault::Flushed,
    Fault::Slow,
    Fault::Cut,
    Fault::Silent,
    Fault::PostgresRestarted,
    Fault::RedisOlder,
    Fault::Held,
    Fault::Stalled,
];

impl Fault {
    /// Lets it happen and makes sure that it was felt.
    ///
    /// # Errors
    /// A sentence, when it was not.
    pub(crate) async fn strike(
        self,
        cluster: &mut Cluster,
        load: &Load,
        random: &mut Random,
    ) -> Result<(), String> {
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
                felt(self, cluster, &before, None, away).await?;
                cluster.redis.lose().expect("the files can be removed");
                cluster.redis.start_again().expect("Redis starts again");
            }
            Self::RedisOld => {
                // It must have something that can grow old.
                cluster.until_hits().await?;
                let before = cluster.all_counts().await;
                cluster.redis.kill();
                // What is written now makes the data of then old.
                let unmarked = |was: &Counts, now: &Counts| now.unmarked > was.unmarked;
                felt(self, cluster, &before, None, unmarked).await?;
                tokio::time::sleep(hold).await;
                cluster.redis.start_again().expect("Redis starts again");
                assert_ne!(cluster.redis.ask("DBSIZE").trim(), ":0", "the data of then");
            }
            Self::Flushed => {
                // Nobody notices while the cache is off because of the fault before.
                cluster.until_hits().await?;
                let before = cluster.all_counts().await;
                cluster.redis.ask("FLUSHALL");
                let fenced = |was: &Counts, now: &Counts| now.fenced > was.fenced;
                felt(self, cluster, &before, None, fenced).await?;
            }
            Self::Slow | Self::Cut | Self::Silent => {
                let proxy = cluster.proxy(server);
                match self {
                    Self::Slow => proxy.slow(Duration::from_millis(500)),
                    Self::Cut => proxy.cut(),
                    _ => proxy.silence(),
                }
                let away = |was: &Counts, now: &Counts| now.away > was.away;
                felt(self, cluster, &before, Some(server), away).await?;
                tokio::time::sleep(hold).await;
                cluster.proxy(server).join();
            }
            Self::RedisOlder => older(cluster, load, hold).await?,
            Self::Held => {
                cluster.until_hits().await?;
                let before = cluster.all_counts().await;
                stall(cluster, load, server, Duration::from_millis(3_500), CALM).await?;
                let marked = |was: &Counts, now: &Counts| now.marked > was.marked;
                let felt = felt(self, cluster, &before, None, marked).await;
                tokio::time::sleep(STALL).await;
                load.quiet.store(false, Relaxed);
                felt?;
            }
            Self::Stalled => stalled(cluster, load, server).await?,
            Self::Hung => hung(cluster, load, server).await?,
            Self::PostgresRestarted => {
                let failed = || load.failed.load(Relaxed);
                let was = failed();
                tokio::task::block_in_place(|| cluster.postgres.restart())
                    .expect("PostgreSQL starts again");
                let begin = Instant::now();
                while failed() == was {
                    if begin.elapsed() > PATIENCE {
                        return Err("nobody noticed the restart".to_owned());
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        Ok(())
    }
}

/// See [`Fault::RedisOlder`].
async fn older(cluster: &mut Cluster, load: &Load, hold: Duration) -> Result<(), String> {
    cluster.until_hits().await?;
    let kept = cluster.redis.keep().expect("its data can be copied");
    tokio::time::sleep(hold).await;
    // A write that finds no Redis switches off, and nobody looks at the old data.
    load.quiet.store(true, Relaxed);
    tokio::time::sleep(CALM).await;
    let before = cluster.all_counts().await;
    cluster.redis.kill();
    cluster.redis.put_back(&kept).expect("there is room");
    cluster.redis.start_again().expect("Redis starts again");
    let fenced = |was: &Counts, now: &Counts| now.fenced > was.fenced;
    let felt = felt(Fault::RedisOlder, cluster, &before, None, fenced).await;
    load.quiet.store(false, Relaxed);
    felt?;
    Ok(())
}

/// See [`Fault::Stalled`].
async fn stalled(cluster: &mut Cluster, load: &Load, server: usize) -> Result<(), String> {
    cluster.until_hits().await?;
    let before = cluster.all_counts().await;
    stall(cluster, load, server, Duration::from_millis(3_500), CALM).await?;
    cluster.redis.ask("FLUSHALL");
    let fenced = |was: &Counts, now: &Counts| now.fenced > was.fenced;
    let begin = Instant::now();
    let felt = felt(Fault::Stalled, cluster, &before, None, fenced);
    let felt = tokio::time::timeout(STALL, felt).await;
    tokio::time::sleep(STALL.saturating_sub(begin.elapsed())).await;
    load.quiet.store(false, Relaxed);
    felt.map_err(|_| "Stalled did not bite: nothing was fenced".to_owned())??;
    Ok(())
}

/// See [`Fault::Hung`].
async fn hung(cluster: &mut Cluster, load: &Load, server: usize) -> Result<(), String> {
    cluster.until_hits().await?;
    let was = load.failed.load(Relaxed);
    stall(cluster, load, server, Duration::from_secs(17), UNHEARD).await?;
    // PostgreSQL ends what waits for longer than 5 s; whoever waits for the answer is told later.
    tokio::time::sleep(Duration::from_secs(18)).await;
    load.quiet.store(false, Relaxed);
    if load.failed.load(Relaxed) == was {
        return Err("Hung did not bite: no write failed".to_owned());
    }
    Ok(())
}

/// Has two writes of a server wait for so long between mark and COMMIT, and others not begin; returns when the first
/// waits. The answers to the two come later by `unheard`, so that what they wrote is seen before they post.
async fn stall(
    cluster: &Cluster,
    load: &Load,
    server: usize,
    by: Duration,
    unheard: Duration,
) -> Result<(), String> {
    let database = cluster.database(server);
    database.hold(Hold {
        words: "COMMIT",
        times: 2,
        by,
        answer_by: unheard,
    });
    let begin = Instant::now();
    while database.held() == 0 {
        if begin.elapsed() > PATIENCE {
            database.hold_nothing();
            return Err("no write waits for its COMMIT".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    database.hold_nothing();
    load.quiet.store(true, Relaxed);
    Ok(())
}

/// A little longer than writes are held back; PostgreSQL ends them after 5 s.
const STALL: Duration = Duration::from_millis(3_700);
/// How long writes that have begun are given to end.
const CALM: Duration = Duration::from_millis(100);
/// How much later the server hears of a COMMIT that came when nothing was in doubt any more. By then almost everything
/// is kept again, so that what was written is seen by few.
const UNHEARD: Duration = Duration::from_millis(800);
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a server, or this one, counts it.
async fn felt(
    fault: Fault,
    cluster: &Cluster,
    before: &[Counts; SERVERS],
    server: Option<usize>,
    is_felt: impl Fn(&Counts, &Counts) -> bool,
) -> Result<(), String> {
    let begin = Instant::now();
    loop {
        for (n, was) in before.iter().enumerate() {
            let asked = server.is_none_or(|server| server == n);
            if asked && is_felt(was, &cluster.counts(n).await) {
                return Ok(());
            }
        }
        let now = cluster.all_counts().await;
        if begin.elapsed() > PATIENCE {
            return Err(format!("{fault:?} did not bite: {now:?}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
