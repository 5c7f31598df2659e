//! One connection: HTTP/1 over a socket, with a record of what it is doing, so that one task can
//! watch over all of them. A timer in each would cost every request a timer-wheel entry; this costs
//! it a few stores.

use std::{
    collections::HashMap,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use futures_util::task::AtomicWaker;
use hyper::{
    Request,
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
    server::conn::http1,
    service::Service,
};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tower::Service as _;

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
struct Watched {
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
    /// Serves requests on `stream` until either side is done with it.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream, router: Router) {
        let now = self.now.load(Relaxed);
        let watched = Arc::new(Watched {
            head_since: AtomicU32::new(now),
            active: AtomicU32::new(now),
            busy: AtomicBool::new(false),
            close: AtomicBool::new(false),
            kill: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let _entry = self.enter(&watched);
        let io = WatchedIo {
            io: TokioIo::new(stream),
            connections: Arc::clone(&self),
            watched: Arc::clone(&watched),
        };
        let service = RouterService {
            router,
            watched: Arc::clone(&watched),
        };
        let http = http1::Builder::new()
            .header_read_timeout(None)
            .serve_connection(io, service)
            .with_upgrades();
        let connection = Connection {
            http,
            watched,
            closing: false,
        };
        connection.await;
    }

    fn enter(self: &Arc<Self>, watched: &Arc<Watched>) -> Entry {
        let number = self.next.fetch_add(1, Relaxed);
        self.open().insert(number, Arc::clone(watched));
        // After the insertion, so that either this or `close_all` sees the other.
        if self.closing.load(Relaxed) {
            watched.close();
        }
        Entry {
            number,
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

struct Entry {
    number: u64,
    connections: Arc<Connections>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
    }
}

impl Watched {
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

pin_project! {
    struct Connection {
        #[pin]
        http: http1::UpgradeableConnection<WatchedIo, RouterService>,
        watched: Arc<Watched>,
        closing: bool,
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        this.watched.waker.register(cx.waker());
        if this.watched.kill.load(Relaxed) {
            return Poll::Ready(());
        }
        if !*this.closing && this.watched.close.load(Relaxed) {
            *this.closing = true;
            this.http.as_mut().graceful_shutdown();
        }
        match this.http.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "a connection broke");
                Poll::Ready(())
            }
        }
    }
}

/// The socket, telling the watch what passes through it.
struct WatchedIo {
    io: TokioIo<TcpStream>,
    connections: Arc<Connections>,
    watched: Arc<Watched>,
}

impl WatchedIo {
    fn moved<T>(&self, result: Poll<io::Result<T>>, reading: bool) -> Poll<io::Result<T>> {
        if matches!(result, Poll::Ready(Ok(_))) {
            let now = self.connections.now.load(Relaxed);
            self.watched.active.store(now, Relaxed);
            let idle = self.watched.head_since.load(Relaxed) == NOTHING;
            if reading && idle && !self.watched.busy.load(Relaxed) {
                self.watched.head_since.store(now, Relaxed);
            }
        }
        result
    }
}

impl Read for WatchedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        self.moved(result, true)
    }
}

impl Write for WatchedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.moved(result, false)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.moved(result, false)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Hands requests to the router.
struct RouterService {
    router: Router,
    watched: Arc<Watched>,
}

type Routed = <Router as tower::Service<Request<Body>>>::Future;

impl Service<Request<Incoming>> for RouterService {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.watched.busy.store(true, Relaxed);
        self.watched.head_since.store(NOTHING, Relaxed);
        // A router is always ready.
        let answer = self.router.clone().call(request.map(Body::new));
        Answer {
            answer,
            watched: Arc::clone(&self.watched),
        }
    }
}

pin_project! {
    struct Answer {
        #[pin]
        answer: Routed,
        watched: Arc<Watched>,
    }
}

impl Future for Answer {
    type Output = Result<Response, std::convert::Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = this.answer.poll(cx);
        if answer.is_ready() {
            this.watched.busy.store(false, Relaxed);
        }
        answer
    }
}
