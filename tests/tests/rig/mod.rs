//! The coherence of the cache, from outside: three server processes, readers and writers by HTTP, an oracle that knows
//! what may be seen, and faults at random.
//!
//! `RIG_OPERATIONS` makes the run longer, `RIG_EVERY` is the least time in seconds from one fault to the next,
//! `RIG_CLIENTS` how many there are, `RIG_FAULTS=0` leaves the faults out, `RIG_SERVER` is the program to test, and
//! `TEST_SEED` repeats the faults and choices of a run. `RIG_MUTANT` names one mutant of those that [`mutants`] runs.

mod cluster;
mod faults;
mod http;
mod load;
mod mutants;
pub(crate) mod oracle;
mod outage;

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use crud_core::testing::Random;
use tokio::task::JoinHandle;

pub(crate) use self::load::index;
use self::{
    cluster::{Cluster, Counts, SERVERS, program},
    faults::{FAULTS, Fault},
    load::Load,
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

/// What a run is like.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The server.
    program: PathBuf,
    /// What is taken away from its protocol.
    mutant: Option<&'static str>,
    operations: usize,
    /// When it ends in any case.
    limit: Duration,
    clients: usize,
    courses: usize,
    /// Of a hundred requests, so many write.
    writing: u64,
    /// Each is struck once in a round, in any order.
    faults: Vec<Fault>,
    /// The least time from one fault to the next.
    every: Duration,
    /// Every eighth message of a database is late by up to this.
    jitter: Duration,
}

impl Plan {
    /// What the settings say.
    fn of_the_environment() -> Self {
        let faulty = setting("RIG_FAULTS", 1) != 0;
        Self {
            program: program(),
            mutant: None,
            operations: setting("RIG_OPERATIONS", 5_000),
            limit: Duration::from_secs(24 * 60 * 60),
            clients: setting("RIG_CLIENTS", 6),
            courses: 10,
            writing: 10,
            faults: if faulty { FAULTS.to_vec() } else { Vec::new() },
            every: Duration::from_secs_f64(setting("RIG_EVERY", 0.0)),
            jitter: Duration::from_millis(setting("RIG_JITTER", 0)),
        }
    }
}

/// How a run ended.
struct Ended {
    load: Arc<Load>,
    took: Duration,
    struck: Vec<Fault>,
    /// Faults that did not bite.
    missed: Vec<String>,
    sum: Counts,
    /// Of Redis, at the end.
    commands: String,
}

/// Kills: every mutant of the protocol, and whatever a fault lets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_of_three_servers_sees_anything_stale_whatever_fails() {
    let plan = Plan::of_the_environment();
    let ended = run(&plan).await;
    let load = &ended.load;
    let [operations, writes, failed, lost] =
        [&load.operations, &load.writes, &load.failed, &load.lost].map(|count| count.load(Relaxed));
    eprintln!(
        "{operations} operations ({writes} writes) in {:.1?}, {:.0}/s; {} faults: {}; {failed} failed, {lost} lost; \
         {:?}",
        ended.took,
        operations as f64 / ended.took.as_secs_f64(),
        ended.struck.len(),
        ended.tally(),
        ended.sum,
    );
    let oracle = load.oracle();
    let wrong = &oracle.wrong;
    assert!(
        wrong.is_empty(),
        "{} wrong, the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    assert!(ended.missed.is_empty(), "{:?}", ended.missed);
    // A run in which the cache did nothing shows nothing.
    let commands = &ended.commands;
    assert!(
        !commands.contains("cmdstat_keys") && !commands.contains("cmdstat_scan"),
        "{commands}"
    );
    let sum = ended.sum;
    assert!(
        sum.hits > operations as f64 / 20.0 && sum.marked > 0.0,
        "{sum:?}"
    );
}

/// Runs it until it is over, or something wrong was seen.
async fn run(plan: &Plan) -> Ended {
    let (mut cluster, mut random) = (Cluster::start(plan).await, Random::new());
    let ports = std::array::from_fn(|server| cluster.port(server));
    let load = Load::new(ports, &cluster.token, plan).await;
    let begin = Instant::now();
    let clients = spawn_clients(plan, &load, &random);
    let mut ended = Ended {
        load: load.clone(),
        took: Duration::ZERO,
        struck: Vec::new(),
        missed: Vec::new(),
        sum: Counts::default(),
        commands: String::new(),
    };
    let striking = strike(plan, &mut cluster, &load, &mut random, &mut ended);
    tokio::select! {
        () = striking => {}
        () = load.found.notified() => {}
        () = tokio::time::sleep(plan.limit) => {}
    }
    ended.took = begin.elapsed();
    load.stop.store(true, Relaxed);
    for client in clients {
        client.await.expect("no client fails");
    }
    ended.commands = cluster
        .redis
        .try_ask("INFO commandstats")
        .unwrap_or_default();
    ended
}

fn spawn_clients(plan: &Plan, load: &Arc<Load>, random: &Random) -> Vec<JoinHandle<()>> {
    let spawn = |client| {
        let mut own = random.clone();
        for _ in 0..=client {
            own.next();
        }
        // Not a neighbour's numbers, shifted by one.
        let own = Random::seeded(own.next());
        tokio::spawn(load.clone().run(client, own))
    };
    (0..plan.clients).map(spawn).collect()
}

/// Faults, one after the other, until there were enough operations.
async fn strike(
    plan: &Plan,
    cluster: &mut Cluster,
    load: &Load,
    random: &mut Random,
    ended: &mut Ended,
) {
    let begin = Instant::now();
    let mut total = Counted::default();
    let mut deck: Vec<Fault> = Vec::new();
    let mut rounds = 0;
    ended.missed.extend(cluster.until_hits().await.err());
    while load.operations.load(Relaxed) < plan.operations || rounds == 0 || !deck.is_empty() {
        let at = Instant::now();
        if deck.is_empty() {
            deck.clone_from(&plan.faults);
            rounds += 1;
        }
        if deck.is_empty() {
            tokio::time::sleep(CALM).await;
        } else {
            let fault = deck.swap_remove(index(random, deck.len()));
            total.add(cluster).await;
            eprintln!("{:>7.2} s {fault:?}", begin.elapsed().as_secs_f64());
            ended
                .missed
                .extend(fault.strike(cluster, load, random).await.err());
            ended.struck.push(fault);
            // Sometimes the next one comes before all is well again.
            if deck.is_empty() || random.below(3) > 0 {
                ended.missed.extend(cluster.until_hits().await.err());
                tokio::time::sleep(CALM).await;
            }
        }
        total.add(cluster).await;
        ended.sum = total.sum;
        tokio::time::sleep(plan.every.saturating_sub(at.elapsed())).await;
    }
}

impl Ended {
    /// How often each fault struck.
    fn tally(&self) -> String {
        let count = |fault: &Fault| self.struck.iter().filter(|it| *it == fault).count();
        let each = FAULTS
            .iter()
            .map(|fault| format!("{fault:?} {}", count(fault)));
        each.collect::<Vec<_>>().join(", ")
    }
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
