use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;

fn key() -> Bytes {
    Bytes::from_static(b"key")
}

fn stamps(n: u64) -> Stamps {
    Stamps([n].into())
}

/// A load that waits until it may end, and counts.
fn load(loads: &Arc<AtomicUsize>, gate: &Arc<Notify>) -> impl FnOnce() -> BoxFuture<'static, Done> {
    let (loads, gate) = (Arc::clone(loads), Arc::clone(gate));
    || {
        Box::pin(async move {
            let n = loads.fetch_add(1, Ordering::SeqCst);
            gate.notified().await;
            Ok(Bytes::from(n.to_string()))
        })
    }
}

/// The same in a lane.
fn queued(
    loads: &Arc<AtomicUsize>,
    gate: &Arc<Notify>,
) -> impl FnOnce(bool) -> BoxFuture<'static, Done> {
    let load = load(loads, gate);
    |_| load()
}

/// Kills: flights by key alone.
#[tokio::test]
async fn a_load_is_shared_by_those_who_saw_the_same_stamps_only() {
    let flights = Arc::new(Flights::new());
    let (loads, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let one = flights.clean(&key(), &stamps(1), load(&loads, &gate));
    let same = flights.clean(&key(), &stamps(1), load(&loads, &gate));
    tokio::task::yield_now().await;
    let later = flights.clean(&key(), &stamps(2), load(&loads, &gate));
    tokio::task::yield_now().await;
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    gate.notify_waiters();
    assert_eq!(one.await.unwrap(), same.await.unwrap());
    assert_eq!(later.await.unwrap(), "1");
    assert!(flights.shard(&key()).clean.is_empty());
}

/// Kills: joining a bypass load that has started.
#[tokio::test]
async fn in_bypass_only_a_load_that_has_not_started_is_joined() {
    let flights = Arc::new(Flights::new());
    let (loads, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let running = flights.next(&key(), queued(&loads, &gate));
    tokio::task::yield_now().await;
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    let waiting: Vec<_> = (0..100)
        .map(|_| flights.next(&key(), queued(&loads, &gate)))
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    gate.notify_waiters();
    assert_eq!(running.await.unwrap(), "0");
    while loads.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    gate.notify_waiters();
    for flight in waiting {
        assert_eq!(flight.await.unwrap(), "1");
    }
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    assert!(flights.shard(&key()).bypass.is_empty());
}

#[tokio::test]
async fn a_load_outlives_who_began_it_and_a_panic_harms_nobody_later() {
    let flights = Arc::new(Flights::new());
    let (loads, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let first = flights.clean(&key(), &stamps(1), load(&loads, &gate));
    let second = flights.clean(&key(), &stamps(1), load(&loads, &gate));
    drop(first);
    tokio::task::yield_now().await;
    gate.notify_waiters();
    assert_eq!(second.await.unwrap(), "0");
    let panics = || -> BoxFuture<'static, Done> { Box::pin(async { panic!("on purpose") }) };
    let lost = flights.clean(&key(), &stamps(1), panics).await;
    assert!(matches!(lost, Err(Failed::Lost)));
    let fine = flights
        .clean(&key(), &stamps(1), || Box::pin(async { Ok(Bytes::new()) }))
        .await;
    assert!(fine.is_ok());
}
