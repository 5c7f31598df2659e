//! A connection to PostgreSQL that is driven by whoever waits for it.
//!
//! tokio-postgres parts a connection into a client, which asks, and a half that moves bytes between client and socket,
//! and would have that half run on a task of its own: two changes of task, often of thread, for each statement. Here
//! the task that waits for a statement moves its bytes too. Between statements nobody listens to the socket;
//! [`PgConn::is_broken`] looks once before the next.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};

use futures_util::TryStreamExt;
use tokio::sync::Mutex;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, NoTls};

use super::error::{DbError, DbResult};
use super::error_postgres::from_postgres;
use super::executor::Sink;
use super::fragment::Stmt;
use super::postgres_row::{PgRow, oids};
use super::prepared::Prepared;

/// A connection. It runs one statement at a time: a second one waits for the first.
pub(super) struct PgConn {
    client: Client,
    inner: Mutex<Inner>,
}

struct Inner {
    wire: Wire,
    prepared: Prepared,
}

impl PgConn {
    /// Connects, and runs `setup`.
    pub(super) async fn open(url: &str, setup: &str) -> DbResult<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .map_err(from_postgres)?;
        let mut wire = Wire {
            connection,
            ended: false,
        };
        wire.drive(async { client.batch_execute(setup).await.map_err(from_postgres) })
            .await?;
        let prepared = Prepared::default();
        Ok(Self {
            client,
            inner: Mutex::new(Inner { wire, prepared }),
        })
    }

    /// Feeds the rows of `stmt` to `sink`, if there is one; says how many rows the statement touched.
    pub(super) async fn load(&self, stmt: &Stmt, mut sink: Option<&mut dyn Sink>) -> DbResult<u64> {
        let Inner { wire, prepared } = &mut *self.inner.lock().await;
        let work = async {
            let (rows, types) = prepared.send(&self.client, stmt).await?;
            let mut rows = pin!(rows);
            let mut types = types;
            while let Some(row) = rows.try_next().await.map_err(from_postgres)? {
                if let Some(sink) = &mut sink {
                    let types = types.get_or_insert_with(|| oids(row.columns())).clone();
                    sink.pg(&PgRow::new(row, types)).map_err(DbError::Decode)?;
                }
            }
            Ok(rows.rows_affected().unwrap_or_default())
        };
        wire.drive(work).await
    }

    /// Runs several statements of plain SQL.
    pub(super) async fn batch(&self, sql: &str) -> DbResult<()> {
        let mut inner = self.inner.lock().await;
        let work = async { self.client.batch_execute(sql).await.map_err(from_postgres) };
        inner.wire.drive(work).await
    }

    /// Whether the server has closed the connection, as far as this machine knows: no round trip.
    pub(super) fn is_broken(&mut self) -> bool {
        let wire = &mut self.inner.get_mut().wire;
        let ended = wire.exchange(&mut Context::from_waker(Waker::noop()));
        ended.is_ready() || self.client.is_closed()
    }
}

/// The half of a connection that has the socket.
struct Wire {
    connection: tokio_postgres::Connection<tokio_postgres::Socket, NoTlsStream>,
    ended: bool,
}

impl Wire {
    /// Moves bytes until `work` is done, or the connection is. It must wait for this connection alone: nothing else
    /// wakes it.
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
                done @ Poll::Ready(_) => done,
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
                    return Poll::Ready(from_postgres(error));
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(DbError::Unavailable("the connection is closed".into()))
    }
}
