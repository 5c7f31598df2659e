//! The coherence of the cache, from outside: three server processes, readers and writers by HTTP, an oracle that knows
//! what may be seen, and faults at random.
//!
//! `RIG_OPERATIONS` makes the run longer, `RIG_EVERY` is the least time in seconds from one fault to the next,
//! `RIG_CLIENTS` how many there are, `RIG_FAULTS=0` leaves the faults out, `RIG_SERVER` is the program to test, and `TEST_SEED` repeats the faults and choices of a run.

mod cluster;
mod faults;
mod http;
mod load;
pub(crate) mod oracle;

use std::{
    str::FromStr,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use crud_core::testing::Random;

use self::{
    cluster::{Cluster, Counts, SERVERS},
    faults::{FAULTS, Fault},
    load::{Load, index},
};

/// For so long all is well, where it is.
const CALM: Duration = Duration::from_millis(500);

pub(crate) fn setting<T: FromStr>(name: &str, default: T) -> T {
    #[expect(
        clippy::disallowed_methods,
        reason = "a setting of a test, not of the server"
    )]
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Kills: every mutant of the protocol, and whatever a fault lets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_of_three_servers_sees_anything_stale_whatever_fails() {
    let wanted: usize = setting("RIG_OPERATIONS", 5_000);
    let clients: usize = setting("RIG_CLIENTS", 6);
    let every = Duration::from_secs_f64(setting("RIG_EVERY", 0.0));
    let (mut cluster, mut random) = (Cluster::start().await, Random::new());
    let ports = std::array::from_fn(|server| cluster.port(server));
    let load = Load::new(ports, &cluster.token).await;
    let begin = Instant::now();
    let clients: Vec<_> = (0..clients)
        .map(|client| {
            let mut own = random.clone();
            for _ in 0..=client {
                own.next();
            }
            // Not a neighbour's numbers, shifted by one.
            let own = Random::seeded(own.next());
            tokio::spawn(load.clone().run(client, own))
        })
        .collect();
    let mut total = Counted::default();
    cluster.until_hits().await;
    let mut struck: Vec<Fault> = Vec::new();
    let mut deck: Vec<Fault> = Vec::new();
    let (mut rounds, faulty) = (0, setting("RIG_FAULTS", 1) != 0);
    let going = |load: &Load| load.operations.load(Relaxed) < wanted;
    while load.oracle().wrong.is_empty()
        && (going(&load) || (faulty && (rounds == 0 || !deck.is_empty())))
    {
        let at = Instant::now();
        if !faulty {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        if deck.is_empty() {
            deck = FAULTS.to_vec();
            rounds += 1;
        }
        let fault = deck.swap_remove(index(&mut random, deck.len()));
        total.add(&cluster).await;
        eprintln!("{:>7.2} s {fault:?}", begin.elapsed().as_secs_f64());
        fault.strike(&mut cluster, &load, &mut random).await;
        total.add(&cluster).await;
        struck.push(fault);
        // Sometimes the next one comes before all is well again.
        if deck.is_empty() || random.below(3) > 0 {
            cluster.until_hits().await;
            tokio::time::sleep(CALM).await;
        }
        tokio::time::sleep(every.saturating_sub(at.elapsed())).await;
    }
    let took = begin.elapsed();
    total.add(&cluster).await;
    load.stop.store(true, Relaxed);
    for client in clients {
        client.await.expect("no client fails");
    }
    let [operations, writes, failed, lost] =
        [&load.operations, &load.writes, &load.failed, &load.lost].map(|count| count.load(Relaxed));
    eprintln!(
        "{operations} operations ({writes} writes) in {took:.1?}, {:.0}/s; {} faults; {failed} failed, {lost} lost; \
         {:?}",
        operations as f64 / took.as_secs_f64(),
        struck.len(),
        total.sum,
    );
    let oracle = load.oracle();
    let wrong = &oracle.wrong;
    assert!(
        wrong.is_empty(),
        "{} wrong, the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    // A run in which the cache did nothing shows nothing.
    let commands = cluster.redis.ask("INFO commandstats");
    assert!(
        !commands.contains("cmdstat_keys") && !commands.contains("cmdstat_scan"),
        "{commands}"
    );
    let sum = total.sum;
    assert!(
        sum.hits > operations as f64 / 20.0 && sum.marked > 0.0,
        "{sum:?}"
    );
}

/// The counters of all servers, over their restarts.
#[derive(Default)]
struct Counted {
    last: [Counts; SERVERS],
    sum: Counts,
}

impl Counted {
    async fn add(&mut self, cluster: &Cluster) {
        let now = cluster.all_counts().await;
        for (last, now) in self.last.iter().zip(&now) {
            // A server that was restarted counts from zero.
            let more = |now: f64, last: f64| if now < last { now } else { now - last };
            self.sum.hits += more(now.hits, last.hits);
            self.sum.misses += more(now.misses, last.misses);
            self.sum.marked += more(now.marked, last.marked);
            self.sum.away += more(now.away, last.away);
            self.sum.refused += more(now.refused, last.refused);
            self.sum.fenced += more(now.fenced, last.fenced);
            self.sum.unmarked += more(now.unmarked, last.unmarked);
        }
        self.last = now;
    }
}
