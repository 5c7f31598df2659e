//! A loopback port in front of another, that can be cut, slowed down, silenced and joined again: one side's view of a
//! network that fails.
//!
//! Tests put it between one process and a server. It must forward bytes as they are while it is joined.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running proxy; dropping it ends it and its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    way: Arc<watch::Sender<Way>>,
    task: JoinHandle<()>,
}

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Joined,
    /// Each piece of an answer comes so much later.
    Slow(Duration),
    /// Nothing comes through, and no connection ends.
    Silent,
    Cut,
}

impl Proxy {
    /// Forwards a free loopback port to `to`, another one.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let way = Arc::new(watch::Sender::new(Way::Joined));
        let state = way.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, to, state.subscribe()));
            }
        });
        Ok(Self { port, way, task })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, and every new one at once.
    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Keeps every piece of an answer back for so long.
    pub fn slow(&self, by: Duration) {
        self.way.send_replace(Way::Slow(by));
    }

    /// Keeps every connection, and lets nothing through: what a lost cable looks like.
    pub fn silence(&self) {
        self.way.send_replace(Way::Silent);
    }

    /// Forwards again.
    pub fn join(&self) {
        self.way.send_replace(Way::Joined);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.way.send_replace(Way::Cut);
        self.task.abort();
    }
}

async fn forward(near: TcpStream, to: u16, mut way: watch::Receiver<Way>) {
    if *way.borrow() == Way::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
        return;
    };
    // Small answers must not wait for more.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let (there, back) = (way.clone(), way.clone());
    tokio::select! {
        _ = copy(near_read, far_write, there, false) => {}
        _ = copy(far_read, near_write, back, true) => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

/// Forwards one direction until it ends.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
    answers: bool,
) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        let now = *way.borrow();
        if let Way::Slow(by) = now
            && answers
        {
            tokio::time::sleep(by).await;
        }
        // What is held back arrives when the network is well again, as it does after a retransmission.
        let heard = way.wait_for(|way| *way != Way::Silent).await;
        heard.map_err(io::Error::other)?;
        to.write_all(&piece[..length]).await?;
    }
}
