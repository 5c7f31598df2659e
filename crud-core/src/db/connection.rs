//! A connection to PostgreSQL that is driven by whoever waits for it.
//!
//! tokio-postgres parts a connection into a client, which asks, and a half that moves bytes between client and socket,
//! and would have that half run on a task of its own: two changes of task, often of thread, for each statement. Here
//! the task that waits for a statement moves its bytes too. Between statements nobody listens to the socket;
//! [`PgConn::is_broken`] looks once before the next.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};

use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::sync::Mutex;
use tokio_postgres::NoTls;
use tokio_postgres::tls::NoTlsStream;

use super::MAX_CACHED_STATEMENTS;
use super::error::{DbError, DbResult};
use super::error_postgres::{from_connecting, from_postgres, from_wire};

/// A connection, with the number of statements it keeps prepared.
pub(super) struct PgConn {
    client: AsyncPgConnection,
    wire: Mutex<Wire>,
    cached: Arc<AtomicUsize>,
}

impl PgConn {
    /// Connects, and runs `setup`.
    pub(super) async fn open(url: &str, setup: &str) -> DbResult<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .map_err(from_wire)?;
        let mut wire = Wire {
            connection,
            ended: false,
        };
        let cached = Arc::new(AtomicUsize::new(0));
        let opening = async {
            let mut client = AsyncPgConnection::try_from(client)
                .await
                .map_err(from_connecting)?;
            client.batch_execute(setup).await.map_err(from_postgres)?;
            client.set_instrumentation(CountCached(cached.clone()));
            Ok(client)
        };
        Ok(Self {
            client: wire.drive(opening).await?,
            wire: Mutex::new(wire),
            cached,
        })
    }

    /// Runs `work`, which must wait for this connection alone and is not woken by anything else. One at a time:
    /// a second one waits for the first.
    pub(super) async fn run<'c, R, F>(
        &'c self,
        work: impl FnOnce(&'c AsyncPgConnection) -> F,
    ) -> DbResult<R>
    where
        F: Future<Output = DbResult<R>>,
    {
        let mut wire = self.wire.lock().await;
        wire.drive(work(&self.client)).await
    }

    /// Whether the server has closed the connection, as far as this machine knows: no round trip.
    pub(super) fn is_broken(&mut self) -> bool {
        let wire = self.wire.get_mut();
        let ended = wire.exchange(&mut Context::from_waker(Waker::noop()));
        ended.is_ready() || self.client.is_broken()
    }

    /// Forgets the prepared statements if they have become too many: Diesel's cache has no bound of its own.
    pub(super) fn bound_statements(&mut self) {
        if self.cached.load(Ordering::Relaxed) > MAX_CACHED_STATEMENTS {
            self.cached.store(0, Ordering::Relaxed);
            self.client
                .set_prepared_statement_cache_size(CacheSize::Disabled);
            self.client
                .set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
    }
}

/// The half of a connection that has the socket.
struct Wire {
    connection: tokio_postgres::Connection<tokio_postgres::Socket, NoTlsStream>,
    ended: bool,
}

impl Wire {
    /// Moves bytes until `work` is done, or the connection is.
    async fn drive<R>(&mut self, work: impl Future<Output = DbResult<R>>) -> DbResult<R> {
        let mut work = pin!(work);
        let mut asked = false;
        poll_fn(|cx| {
            // Work goes on only when bytes have moved, and is looked at then: waking it too would poll this task twice.
            let mut no_wakeup = Context::from_waker(Waker::noop());
            if !asked {
                asked = true;
                if let Poll::Ready(done) = work.as_mut().poll(&mut no_wakeup) {
                    return Poll::Ready(done);
                }
            }
            let ended = self.exchange(cx);
            match work.as_mut().poll(&mut no_wakeup) {
                Poll::Pending => ended.map(Err),
                done => done,
            }
        })
        .await
    }

    /// Writes what was asked and reads what has arrived. Ready when the connection has ended, with the reason.
    fn exchange(&mut self, cx: &mut Context<'_>) -> Poll<DbError> {
        while !self.ended {
            match ready!(self.connection.poll_message(cx)) {
                // A notice, or a notification that nobody asked for.
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(from_wire(error));
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(DbError::Unavailable("the connection is closed".into()))
    }
}

/// Counts statements as they enter Diesel's cache.
pub(super) struct CountCached(pub(super) Arc<AtomicUsize>);

impl Instrumentation for CountCached {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::CacheQuery { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
