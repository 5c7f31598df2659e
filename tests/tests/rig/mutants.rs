//! The rig's own proof: servers whose protocol lacks a part, of which each must be caught within five minutes.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crud_core::cache::MUTANTS;

use super::{Plan, faults::Fault, run, setting};
use crate::commands::build;

/// The time that there is for each.
const LIMIT: Duration = Duration::from_secs(300);

/// The faults that a mutant is about. Those that are not here break without any.
const FAULTS: &[(&str, &[Fault])] = &[
    ("NoDoubt", &[Fault::Held]),
    ("ShortDoubt", &[Fault::Held]),
    ("NoFence", &[Fault::RedisOlder]),
    ("NoEpochKey", &[Fault::Stalled]),
    ("NoQuarantine", &[Fault::Stalled]),
    ("NoSwitch", &[Fault::Cut, Fault::Silent]),
    ("NoPermitWait", &[Fault::Cut]),
    ("NoIdleLimit", &[Fault::Hung]),
];

/// The longest that a message of a database is late. Loads that are confused with each other are so only if one outlasts
/// a whole write and the wait for whoever loads in another process.
fn jitter(mutant: &str) -> Duration {
    Duration::from_millis(if mutant == "KeyOnlyFlight" { 150 } else { 20 })
}

/// Kills: a rig that finds nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; see the README"]
async fn every_mutant_of_the_protocol_is_caught_within_five_minutes() {
    let only: String = setting("RIG_MUTANT", String::new());
    let folder = tempfile::tempdir().expect("a folder");
    let program = mutable(folder.path());
    let mut survived = Vec::new();
    for mutant in MUTANTS.iter().filter(|it| only.is_empty() || **it == only) {
        let faults = FAULTS.iter().find(|(name, _)| name == mutant);
        let plan = Plan {
            program: program.clone(),
            mutant: Some(mutant),
            operations: usize::MAX,
            limit: LIMIT,
            clients: 8,
            courses: 2,
            writing: 15,
            faults: faults.map_or(Vec::new(), |(_, faults)| faults.to_vec()),
            every: Duration::ZERO,
            jitter: jitter(mutant),
        };
        let ended = run(&plan).await;
        let wrong = ended.load.oracle().wrong.first().cloned();
        let first = wrong.as_deref().and_then(|wrong| wrong.lines().next());
        let operations = ended
            .load
            .operations
            .load(std::sync::atomic::Ordering::Relaxed);
        eprintln!(
            "| {mutant} | {:.1} s | {operations} | {} |",
            ended.took.as_secs_f64(),
            first.unwrap_or("NOT CAUGHT"),
        );
        if first.is_none() {
            survived.push(*mutant);
        }
    }
    assert!(survived.is_empty(), "not caught: {survived:?}");
}

/// A server of which [`Plan::mutant`] can take a part away, in a folder: the next build is one without.
fn mutable(folder: &Path) -> PathBuf {
    let built = build(&["--features", "mutants"]);
    let copy = folder.join("server");
    std::fs::copy(built, &copy).expect("it was built");
    copy
}
