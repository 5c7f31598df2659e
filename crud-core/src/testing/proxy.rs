//! A loopback port in front of another, that can be cut, slowed down, silenced and joined again: one side's view of a
//! network that fails. It can also hold back what a race needs to be held back.
//!
//! Tests put it between one process and a server. It must forward bytes as they are while it is joined.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Random;

/// A running proxy; dropping it ends it and its connections.
///
/// ```
/// use crud_core::testing::Proxy;
/// use tokio::{io::AsyncReadExt as _, net::{TcpListener, TcpStream}};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TcpListener::bind("127.0.0.1:0").await?;
/// let proxy = Proxy::to(server.local_addr()?.port()).await?;
/// let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await?;
/// proxy.cut();
/// // The client finds the connection ended, in one way or the other.
/// assert!(client.read_u8().await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    way: Arc<watch::Sender<Way>>,
    delays: Arc<watch::Sender<Delays>>,
    held: Arc<AtomicUsize>,
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

/// What is held back on a way that is joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Delays {
    /// One piece in eight, for a random time up to this.
    jitter: Duration,
    hold: Option<Hold>,
}

/// Questions that are held back.
///
/// ```
/// use crud_core::testing::{Hold, OwnPostgres, Proxy};
/// use std::time::Duration;
///
/// /// The first two commits come a second late, and so do their answers.
/// async fn late(postgres: &OwnPostgres) -> std::io::Result<Proxy> {
///     let proxy = Proxy::to(postgres.port()).await?;
///     let second = Duration::from_secs(1);
///     proxy.hold(Hold { words: "COMMIT", times: 2, by: second, answer_by: second });
///     Ok(proxy)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The bytes by which they are known.
    pub words: &'static str,
    /// How many at most.
    pub times: usize,
    /// For how long.
    pub by: Duration,
    /// How much later than it was given the answer comes.
    pub answer_by: Duration,
}

/// What each connection of a proxy looks at.
#[derive(Clone)]
struct State {
    way: watch::Receiver<Way>,
    delays: watch::Receiver<Delays>,
    held: Arc<AtomicUsize>,
    /// How much later the next answer on this connection comes.
    late: Arc<Mutex<Duration>>,
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
        let delays = Arc::new(watch::Sender::new(Delays::default()));
        let held = Arc::new(AtomicUsize::new(0));
        let state = State {
            way: way.subscribe(),
            delays: delays.subscribe(),
            held: Arc::clone(&held),
            late: Arc::default(),
        };
        let task = tokio::spawn(async move {
            let mut connections = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connections += 1;
                let state = State {
                    late: Arc::default(),
                    ..state.clone()
                };
                tokio::spawn(forward(stream, to, state, connections));
            }
        });
        Ok(Self {
            port,
            way,
            delays,
            held,
            task,
        })
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

    /// From now on keeps one piece in eight back, of questions and answers, for a random time up to this.
    pub fn jitter(&self, up_to: Duration) {
        self.delays.send_modify(|delays| delays.jitter = up_to);
    }

    /// From now on keeps such questions back; others on the same connection wait.
    pub fn hold(&self, hold: Hold) {
        self.held.store(0, Ordering::SeqCst);
        self.delays.send_modify(|delays| delays.hold = Some(hold));
    }

    /// Holds no more. What is held back is not let go before its time.
    pub fn hold_nothing(&self) {
        self.delays.send_modify(|delays| delays.hold = None);
    }

    /// How many questions were held back since [`Proxy::hold`].
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.way.send_replace(Way::Cut);
        self.task.abort();
    }
}

async fn forward(near: TcpStream, to: u16, state: State, connection: u64) {
    let mut way = state.way.clone();
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
    tokio::select! {
        _ = copy(near_read, far_write, state.clone(), Random::seeded(connection), false) => {}
        _ = copy(far_read, near_write, state, Random::seeded(!connection), true) => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

/// Forwards one direction until it ends.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: State,
    mut random: Random,
    answers: bool,
) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        let mut delay = state.jitter(&mut random);
        delay += match answers {
            true => state.of_answer(),
            false => state.of_question(&piece[..length]),
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        // What is held back arrives when the network is well again, as it does after a retransmission.
        let heard = state.way.wait_for(|way| *way != Way::Silent).await;
        heard.map_err(io::Error::other)?;
        to.write_all(&piece[..length]).await?;
    }
}

impl State {
    fn jitter(&self, random: &mut Random) -> Duration {
        let jitter = self.delays.borrow().jitter;
        let most = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
        match most > 0 && random.below(8) == 0 {
            true => Duration::from_micros(random.below(most)),
            false => Duration::ZERO,
        }
    }

    fn of_answer(&self) -> Duration {
        let slow = match *self.way.borrow() {
            Way::Slow(by) => by,
            Way::Joined | Way::Silent | Way::Cut => Duration::ZERO,
        };
        slow + std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of_question(&self, piece: &[u8]) -> Duration {
        let hold = self.delays.borrow().hold;
        let Some(hold) = hold.filter(|hold| contains(piece, hold.words.as_bytes())) else {
            return Duration::ZERO;
        };
        if self.held.fetch_add(1, Ordering::SeqCst) >= hold.times {
            self.held.fetch_sub(1, Ordering::SeqCst);
            return Duration::ZERO;
        }
        *self.late.lock().unwrap_or_else(PoisonError::into_inner) = hold.answer_by;
        hold.by
    }
}

fn contains(piece: &[u8], words: &[u8]) -> bool {
    piece.windows(words.len()).any(|window| window == words)
}
