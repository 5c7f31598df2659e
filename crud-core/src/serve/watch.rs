//! The watch over all connections: one task that looks at what each is doing and ends those whose
//! client sends a head too slowly or nothing for too long. A timer in each connection would cost
//! every request an entry in the timer wheel; this costs it a few stores.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::Waker,
    time::Duration,
};

use futures_util::task::AtomicWaker;

/// How often the connections are looked at; deadlines are kept to within this.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// A client that has sent nothing yet gets no longer than this once the server is shutting down.
const CLOSING_PATIENCE: u32 = 4;

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    /// Ticks since the server started.
    now: AtomicU32,
    next: AtomicU64,
    closing: AtomicBool,
    open: Mutex<HashMap<u64, Arc<Watched>>>,
}

/// What one connection is doing.
pub(super) struct Watched {
    /// The tick at which the head being waited for began: at the accept, or with its first byte.
    /// `NOTHING` while no byte of a request has come.
    head_since: AtomicU32,
    /// The tick at which bytes last went in or out.
    active: AtomicU32,
    /// Whether a request is being answered.
    busy: AtomicBool,
    close: AtomicBool,
    kill: AtomicBool,
    waker: AtomicWaker,
}

const NOTHING: u32 = u32::MAX;

/// How patient the watch is, in ticks.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    head: u32,
    idle: u32,
}

impl Patience {
    pub(super) fn new(head: Duration, idle: Duration) -> Self {
        let ticks = |time: Duration| {
            let ticks = time.as_millis().div_ceil(TICK.as_millis());
            u32::try_from(ticks).unwrap_or(u32::MAX)
        };
        Self {
            head: ticks(head),
            idle: ticks(idle),
        }
    }
}

impl Connections {
    /// The current tick.
    pub(super) fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// Watches a new connection until the entry is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        let now = self.now();
        let watched = Arc::new(Watched {
            head_since: AtomicU32::new(now),
            active: AtomicU32::new(now),
            busy: AtomicBool::new(false),
            close: AtomicBool::new(false),
            kill: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let number = self.next.fetch_add(1, Relaxed);
        self.open().insert(number, Arc::clone(&watched));
        // After the insertion, so that either this or `close_all` sees the other.
        if self.closing.load(Relaxed) {
            watched.close();
        }
        Entry {
            number,
            watched,
            connections: Arc::clone(self),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Watched>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after all connections, for ever.
    pub(super) async fn watch(&self, patience: Patience) {
        loop {
            tokio::time::sleep(TICK).await;
            let now = self.now.fetch_add(1, Relaxed).wrapping_add(1);
            let closing = self.closing.load(Relaxed);
            for watched in self.open().values() {
                watched.check(now, patience, closing);
            }
        }
    }

    /// Has every connection end after the request it is answering.
    pub(super) fn close_all(&self) {
        self.closing.store(true, Relaxed);
        for watched in self.open().values() {
            watched.close();
        }
    }

    /// Ends every connection now. How many there were.
    pub(super) fn kill_all(&self) -> usize {
        let open = self.open();
        for watched in open.values() {
            watched.kill();
        }
        open.len()
    }
}

/// What the watch wants of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing.
    GoOn,
    /// To end after the request it is answering.
    Close,
    /// To end now.
    End,
}

/// A connection's place in the watch.
pub(super) struct Entry {
    number: u64,
    pub(super) watched: Arc<Watched>,
    connections: Arc<Connections>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
    }
}

impl Watched {
    /// Bytes went in (`reading`) or out. Between two requests the first byte in begins a head.
    pub(super) fn moved(&self, now: u32, reading: bool) {
        self.active.store(now, Relaxed);
        let idle = self.head_since.load(Relaxed) == NOTHING && !self.busy.load(Relaxed);
        if reading && idle {
            self.head_since.store(now, Relaxed);
        }
    }

    /// A head is complete: the request is being answered.
    pub(super) fn begin_answer(&self) {
        self.busy.store(true, Relaxed);
        self.head_since.store(NOTHING, Relaxed);
    }

    /// The answer's head is ready.
    pub(super) fn end_answer(&self) {
        self.busy.store(false, Relaxed);
    }

    /// What the connection should do; it is woken when that changes.
    pub(super) fn order(&self, waker: &Waker) -> Order {
        self.waker.register(waker);
        if self.kill.load(Relaxed) {
            Order::End
        } else if self.close.load(Relaxed) {
            Order::Close
        } else {
            Order::GoOn
        }
    }

    fn check(&self, now: u32, patience: Patience, closing: bool) {
        if self.busy.load(Relaxed) {
            return;
        }
        let head_since = self.head_since.load(Relaxed);
        if head_since == NOTHING {
            if now.saturating_sub(self.active.load(Relaxed)) > patience.idle {
                self.close();
            }
            return;
        }
        let head = if closing {
            CLOSING_PATIENCE
        } else {
            patience.head
        };
        if now.saturating_sub(head_since) > head {
            self.kill();
        }
    }

    fn close(&self) {
        self.close.store(true, Relaxed);
        self.waker.wake();
    }

    fn kill(&self) {
        self.kill.store(true, Relaxed);
        self.waker.wake();
    }
}
