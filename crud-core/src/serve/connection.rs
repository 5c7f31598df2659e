//! One connection: HTTP/1 over a socket, telling the watch what passes through it.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, response::Response};
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

use super::watch::{Connections, Order, Watched};

/// Serves requests on `stream` until either side, or the watch, is done with it.
pub(super) async fn serve_connection(
    stream: TcpStream,
    router: Router,
    connections: Arc<Connections>,
) {
    let entry = connections.enter();
    let watched = &entry.watched;
    let io = WatchedIo {
        io: TokioIo::new(stream),
        connections: Arc::clone(&connections),
        watched: Arc::clone(watched),
    };
    let service = RouterService {
        router,
        watched: Arc::clone(watched),
    };
    // hyper's own timer would be armed for each request; the watch keeps the time.
    let http = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(io, service)
        .with_upgrades();
    let connection = Connection {
        http,
        watched: Arc::clone(watched),
        closing: false,
    };
    connection.await;
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
        match this.watched.order(cx.waker()) {
            Order::End => return Poll::Ready(()),
            Order::Close if !*this.closing => {
                *this.closing = true;
                this.http.as_mut().graceful_shutdown();
            }
            Order::Close | Order::GoOn => {}
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
            self.watched.moved(self.connections.now(), reading);
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
        self.watched.begin_answer();
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
            this.watched.end_answer();
        }
        answer
    }
}
