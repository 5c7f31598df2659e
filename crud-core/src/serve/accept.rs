//! The accept loop, and the orderly end: stop accepting, let the requests in flight finish, leave.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use futures_util::FutureExt as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::{
    connection::serve_connection,
    shutdown::Shutdown,
    watch::{Connections, Patience},
};
use crate::telemetry;

/// The limits of the server.
///
/// ```
/// use crud_core::serve::ServeConfig;
/// use std::time::Duration;
///
/// let config = ServeConfig { drain: Duration::from_secs(30), ..ServeConfig::default() };
/// assert_eq!(config.max_connections, 10_000);
/// ```
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// How long a client may refuse to take what is sent to it (Linux only).
    pub write_timeout: Duration,
    /// How long requests in flight may go on once connections are no longer accepted.
    pub drain: Duration,
    /// The most connections at once; further ones wait in the kernel's queue.
    pub max_connections: u32,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            max_connections: 10_000,
        }
    }
}

/// How long to wait when the process has no file descriptor left for another connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `shutdown` begins and the requests in flight are answered, or
/// the drain time is over. How many connections were cut off at the end.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::serve::{ServeConfig, Shutdown, serve};
///
/// async fn run(app: &App) -> std::io::Result<usize> {
///     let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
///     Ok(serve(listener, app.router(), ServeConfig::default(), Shutdown::new()).await)
/// }
/// ```
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: ServeConfig,
    shutdown: Shutdown,
) -> usize {
    let connections = Arc::new(Connections::default());
    let slots = Arc::new(Semaphore::new(config.max_connections as usize));
    let watch = {
        let connections = Arc::clone(&connections);
        let patience = Patience::new(config.header_timeout, config.idle_timeout);
        tokio::spawn(async move { connections.watch(patience).await })
    };
    let upkeep = telemetry::spawn_upkeep();

    let open = |stream: TcpStream, slot: OwnedSemaphorePermit| {
        prepare(&stream, &config);
        let (connections, router) = (Arc::clone(&connections), router.clone());
        tokio::spawn(async move {
            serve_connection(stream, router, connections).await;
            drop(slot);
        });
    };
    let accepting = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await;
            let slot = slot.expect("the semaphore is never closed");
            open(accept(&listener).await, slot);
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown.stop_accepting() => {}
    }
    // Who has connected already gets an answer.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never()
        && let Ok(slot) = Arc::clone(&slots).try_acquire_owned()
    {
        open(stream, slot);
    }
    drop(listener);

    connections.close_all();
    let all_closed = slots.acquire_many(config.max_connections);
    let cut = match time::timeout(config.drain, all_closed).await {
        Ok(_) => 0,
        Err(_) => connections.kill_all(),
    };
    if cut > 0 {
        tracing::warn!(connections = cut, "cut off at the end of the drain time");
    }
    watch.abort();
    upkeep.abort();
    cut
}

/// The next connection. Errors of one connection are that client's; being out of descriptors passes
/// when others close.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut told = false;
    loop {
        let error = match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => error,
        };
        let clients_own = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
        );
        if clients_own {
            continue;
        }
        if !told {
            tracing::error!(%error, "can't accept connections; trying on");
            told = true;
        }
        time::sleep(EXHAUSTED).await;
    }
}

/// Small answers leave at once; a client that takes nothing is given up.
fn prepare(stream: &TcpStream, config: &ServeConfig) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't set TCP_NODELAY");
    }
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        if let Err(error) = socket.set_tcp_user_timeout(Some(config.write_timeout)) {
            tracing::debug!(%error, "can't set TCP_USER_TIMEOUT");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = config;
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
