//! Redis is away for a while, and no client may notice.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use crud_core::testing::Random;

use super::{
    Plan,
    cluster::{Cluster, SERVERS},
    load::Load,
    setting, spawn_clients,
};

/// Kills: requests that need Redis; a cache that comes back late; a walk over its keys.
///
/// `RIG_OUTAGE` is for how many seconds Redis is away: 30 in the long run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_fails_no_request_and_is_used_again_soon() {
    let away = Duration::from_secs_f64(setting("RIG_OUTAGE", 3.0));
    let plan = Plan::of_the_environment();
    let (mut cluster, random) = (Cluster::start(&plan).await, Random::new());
    let ports = std::array::from_fn::<_, SERVERS, _>(|server| cluster.port(server));
    let load = Load::new(ports, &cluster.token, &plan).await;
    let clients = spawn_clients(&plan, &load, &random);
    cluster.until_hits().await.expect("the cache is on");
    let commands = cluster.redis.ask("INFO commandstats");
    let before = load.operations.load(Relaxed);
    cluster.redis.stop();
    tokio::time::sleep(away).await;
    cluster.redis.start_again().expect("it was there before");
    let begin = Instant::now();
    let back = cluster.until_hits().await;
    let (waited, asked) = (begin.elapsed(), load.operations.load(Relaxed) - before);
    load.stop.store(true, Relaxed);
    for client in clients {
        client.await.expect("no client fails");
    }
    let failed = load.failed.load(Relaxed) + load.lost.load(Relaxed);
    eprintln!(
        "Redis was away for {away:?}: {failed} of {asked} requests failed; the cache is back after {waited:.1?}"
    );
    back.expect("the cache comes back");
    // 99.95 %
    assert!(failed * 2_000 <= asked, "{failed} of {asked} failed");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let wrong = &load.oracle().wrong;
    assert!(wrong.is_empty(), "{}", wrong[0]);
    for commands in [commands, cluster.redis.ask("INFO commandstats")] {
        assert!(commands.contains("cmdstat_evalsha"), "{commands}");
        let walks = ["cmdstat_keys", "cmdstat_scan"];
        assert!(
            !walks.iter().any(|walk| commands.contains(walk)),
            "{commands}"
        );
    }
}
