//! What the protocol keeps in every order of its steps, and what breaks when a part of it is taken away.
//!
//! `cargo test -p cache-model -- --nocapture` prints the states; `-- --ignored --nocapture` explores the large ones,
//! which take minutes and some GB.

use std::time::Instant;

use cache_model::row::{Flight, Protocol, Row, Sharing};
use cache_model::split::{EpochFrom, Split};
use cache_model::switch::Switch;
use cache_model::{NOT_MONOTONIC, STALE_AFTER_ACK, STALE_FOR_EVER};
use stateright::{Checker, Model};

const P1: &str = STALE_AFTER_ACK;
const P2: &str = NOT_MONOTONIC;
const P3: &str = STALE_FOR_EVER;

/// Explores every state, or as many as it takes to break each property, and compares what broke.
#[expect(
    clippy::print_stdout,
    reason = "the figures are for whoever asks for them by --nocapture"
)]
fn check<M>(name: &str, model: M, broken: &[&'static str])
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + std::fmt::Debug + Send + Sync + Clone + PartialEq + 'static,
    M::Action: std::fmt::Debug + Clone + PartialEq,
{
    let start = Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    let found = checker.discoveries();
    println!(
        "{name}: {} states, {:.1} s",
        checker.unique_state_count(),
        start.elapsed().as_secs_f32()
    );
    for (property, path) in &found {
        let steps: Vec<_> = path.clone().into_actions();
        println!(
            "  broken in {} steps: {property}\n    {steps:?}",
            steps.len()
        );
    }
    let mut found: Vec<_> = found.into_keys().collect();
    found.sort_unstable();
    assert_eq!(found, broken, "{name}");
}

/// A test for each line: its name, its model, and what it breaks.
macro_rules! checks {
    ($($(#[$meta:meta])* $name:ident: $model:expr => [$($broken:expr),*];)*) => {$(
        #[test]
        $(#[$meta])*
        fn $name() {
            check(stringify!($name), $model, &[$($broken),*]);
        }
    )*};
}

mod what_is_built_holds {
    use super::*;

    checks! {
        without_faults: Row::full() => [];
        with_three_readers_in_flights: Row {
            readers: 3, reads: 1, flight: Flight::KeyAndStamp, crash: true, expiry: true, ..Row::full()
        } => [];
        when_writers_die_and_tokens_expire: Row { crash: true, expiry: true, ..Row::full() } => [];
        when_it_acknowledges_after_the_post: Row { ack_after_post: true, crash: true, expiry: true, ..Row::full() } => [];
        with_every_fault_and_one_writer: Row { writers: 1, ..Row::full() }.with_all_faults() => [];
        with_every_fault_and_two_writers: Row { reads: 1, ..Row::full() }.with_all_faults() => [];
        when_a_writer_shares_the_mark_of_another: Row {
            crash: true, expiry: true, sharing: Sharing::OfEpoch, ..Row::full()
        } => [];
        when_three_writers_share_marks: Row {
            writers: 3, reads: 1, sharing: Sharing::OfEpoch, ..Row::full()
        } => [];
        when_marks_are_shared_with_every_fault: Row {
            reads: 1, sharing: Sharing::OfEpoch, ..Row::full()
        }.with_all_faults() => [];
        when_a_writer_is_cut_from_redis: Switch::full() => [];
        when_a_writer_is_cut_from_three_instances: Switch { readers: 3, reads: 1, ..Switch::full() } => [];
        when_a_statement_by_itself_is_fenced: Switch { plain: true, ..Switch::full() } => [];
        when_a_statement_by_itself_is_fenced_and_three_read: Switch {
            plain: true, readers: 3, reads: 1, ..Switch::full()
        } => [];
        // One look, after the request began, is enough.
        when_the_permit_is_looked_at_once: Switch { checks_again: false, readers: 3, reads: 1, ..Switch::full() } => [];
        when_redis_has_two_masters: Split::full() => [];
        when_the_transaction_reads_the_epoch: Split { epoch_from: EpochFrom::Transaction, ..Split::full() } => [];
        #[ignore = "large"]
        with_every_fault_and_two_writers_who_are_read_twice: Row::full().with_all_faults() => [];
        #[ignore = "large"]
        with_every_fault_and_three_readers: Row {
            readers: 3, reads: 1, flight: Flight::KeyAndStamp, ..Row::full()
        }.with_all_faults() => [];
        #[ignore = "large"]
        with_three_writers: Row { writers: 3, reads: 1, crash: true, expiry: true, ..Row::full() } => [];
        #[ignore = "large"]
        when_a_writer_is_cut_from_three_instances_who_read_twice: Switch { readers: 3, ..Switch::full() } => [];
        #[ignore = "large"]
        when_redis_has_two_masters_and_is_read_twice: Split { reads: 2, ..Split::full() } => [];
        #[ignore = "large"]
        when_redis_has_two_masters_and_is_read_three_times: Split { reads: 3, ..Split::full() } => [];
    }
}

mod what_others_do_breaks {
    use super::*;

    checks! {
        delete_after_the_commit: Row::of(Protocol::DeleteAfter) => [P1, P2, P3];
        delete_before_the_commit: Row::of(Protocol::DeleteBefore) => [P1, P2, P3];
        delete_twice: Row::of(Protocol::DoubleDelete) => [P1, P2, P3];
        a_stamp_taken_when_storing: Row::of(Protocol::StampAtStore) => [P1, P2, P3];
        a_lease: Row::of(Protocol::Lease) => [P2];
        a_lease_and_a_crash: Row { crash: true, ..Row::of(Protocol::Lease) } => [P2, P3];
        counters_and_an_empty_redis: Row { counter: true, flush: true, ..Row::of(Protocol::Bump) } => [P1, P2, P3];
        random_stamps_and_old_data: Row { old_data: true, ..Row::of(Protocol::Bump) } => [P1, P2, P3];
    }
}

mod a_part_taken_away_breaks {
    use super::*;

    checks! {
        no_mark: Row::of(Protocol::Bump) => [P2];
        no_mark_and_a_crash: Row { crash: true, ..Row::of(Protocol::Bump) } => [P2, P3];
        no_compare_at_the_fill: Row { fill_cas: false, ..Row::full() } => [P1, P2, P3];
        flights_by_key_only: Row { readers: 3, reads: 1, flight: Flight::Key, ..Row::full() } => [P1, P2];
        counters_for_stamps: Row { counter: true, flush: true, ..Row::full() } => [P1, P2, P3];
        no_fence: Row { old_data: true, fence: false, ..Row::full() } => [P1, P2, P3];
        no_quarantine: Row { flush: true, quarantine: false, ..Row::full() } => [P1, P2];
        no_quarantine_and_a_crash: Row { flush: true, quarantine: false, crash: true, ..Row::full() } => [P1, P2, P3];
        no_quarantine_though_acknowledged_after_the_post: Row {
            flush: true, quarantine: false, ack_after_post: true, ..Row::full()
        } => [P2];
        a_shared_mark_ended_by_the_first: Row { sharing: Sharing::EndedByFirst, ..Row::full() } => [P1, P2];
        a_shared_mark_of_an_epoch_that_is_over: Row {
            sharing: Sharing::OfAnyEpoch, flush: true, ..Row::full()
        } => [P1, P2, P3];
        no_end_of_idle_transactions: Row { crash: true, expiry: true, guard: false, ..Row::full() } => [P1, P2, P3];
        permits_not_awaited_by_a_writer: Switch { waits: false, reads: 1, ..Switch::full() } => [P1];
        no_quarantine_when_switched_on: Switch { quarantine: false, second_writer: false, ..Switch::full() } => [P1, P2];
        no_fence_of_a_statement_by_itself: Switch { plain: true, fence: false, ..Switch::full() } => [P1, P2];
        permits_not_awaited_at_a_failover: Split { permits_awaited: false, reads: 2, ..Split::full() } => [P1, P2];
        no_quarantine_at_a_failover: Split { quarantine: false, reads: 2, ..Split::full() } => [P1, P2];
        the_permit_looked_at_before_begin: Split {
            epoch_from: EpochFrom::PermitBeforeBegin, reads: 2, ..Split::full()
        } => [P1, P2];
    }
}
