//! A private SMTP server for tests: takes mails over real sockets and keeps them, and can be unwilling or away.
//!
//! It speaks what a client needs to deliver (RFC 5321 without extensions) and sends nothing anywhere.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What a server does with mails.
///
/// ```
/// use crud_core::testing::{Mood, Smtp};
/// use tokio::{io::{AsyncReadExt as _, AsyncWriteExt as _}, net::TcpStream};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let smtp = Smtp::start().await?;
/// smtp.set_mood(Mood::Busy);
/// # let mut client = TcpStream::connect(smtp.url().trim_start_matches("smtp://")).await?;
/// # client.write_all(b"EHLO me\r\nMAIL FROM:<a@x.org>\r\n").await?;
/// // Somebody sends a mail, and is put off.
/// smtp.wait_for_refused(1).await;
/// assert!(smtp.mails().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes them.
    Willing,
    /// Puts clients off: 451.
    Busy,
    /// Wants none of them: 550.
    Unwilling,
    /// Takes a mail and never says so.
    Silent,
}

/// A mail that was taken.
///
/// ```
/// use crud_core::testing::Received;
///
/// let to = vec!["ada@example.org".to_owned()];
/// let mail = Received { to, text: "Subject: Welcome\r\n\r\nHello Ada".to_owned() };
/// assert_eq!(mail.header("subject"), "Welcome");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Whom it is for.
    pub to: Vec<String>,
    /// Head and body, as they came.
    pub text: String,
}

impl Received {
    /// A header's value; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let mut values = head.split("\r\n").filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        values.next().unwrap_or_default()
    }
}

/// A running SMTP server; dropping it ends it.
///
/// ```
/// use crud_core::testing::Smtp;
/// use tokio::{io::{AsyncReadExt as _, AsyncWriteExt as _}, net::TcpStream};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let smtp = Smtp::start().await?;
/// // The application sends its mails to `smtp.url()`.
/// # let mut client = TcpStream::connect(smtp.url().trim_start_matches("smtp://")).await?;
/// # let lines = "EHLO me\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\nSubject: Hi\r\n\r\nHi\r\n.\r\n";
/// # client.write_all(lines.as_bytes()).await?;
/// let mails = smtp.wait_for(1).await;
/// assert_eq!((&*mails[0].to[0], mails[0].header("Subject")), ("b@x.org", "Hi"));
/// # Ok(())
/// # }
/// ```
pub struct Smtp {
    inbox: Arc<Inbox>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Inbox {
    mails: watch::Sender<Vec<Received>>,
    mood: Mutex<Mood>,
    /// How many mails were refused.
    refused: watch::Sender<usize>,
}

impl Smtp {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let inbox = Arc::new(Inbox {
            mails: watch::Sender::new(Vec::new()),
            mood: Mutex::new(Mood::Willing),
            refused: watch::Sender::new(0),
        });
        let address = listener.local_addr()?;
        let accepting = Some(tokio::spawn(accept(listener, Arc::clone(&inbox))));
        Ok(Self {
            inbox,
            address,
            accepting,
        })
    }

    /// Its address, `smtp://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Goes away: connections end, and none is accepted.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // Cancelled, which is what was asked for.
            let _ = accepting.await;
        }
    }

    /// Comes back on the same port.
    ///
    /// # Errors
    /// When somebody else has taken it meanwhile.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        self.accepting = Some(tokio::spawn(accept(listener, Arc::clone(&self.inbox))));
        Ok(())
    }

    /// Changes what it does with mails from now on.
    pub fn set_mood(&self, mood: Mood) {
        *self
            .inbox
            .mood
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// All mails so far, in the order of their arrival.
    #[must_use]
    pub fn mails(&self) -> Vec<Received> {
        self.inbox.mails.borrow().clone()
    }

    /// Waits until there are so many mails; gives all of them.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut mails = self.inbox.mails.subscribe();
        // The sender is `self`, so waiting can't fail.
        let _ = mails.wait_for(|mails| mails.len() >= count).await;
        self.mails()
    }

    /// Waits until so many mails were refused or put off.
    pub async fn wait_for_refused(&self, count: usize) {
        let mut refused = self.inbox.refused.subscribe();
        let _ = refused.wait_for(|refused| *refused >= count).await;
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(listener: TcpListener, inbox: Arc<Inbox>) {
    // A set, because it ends its tasks when it is dropped.
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let inbox = Arc::clone(&inbox);
        // A client that goes away ends its conversation, and nothing else.
        open.spawn(async move { converse(stream, &inbox).await.unwrap_or_default() });
        while open.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, inbox: &Inbox) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut to = Vec::new();
    stream.write_all(b"220 tests\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match &*verb {
            "EHLO" | "HELO" | "NOOP" => "250 tests",
            "MAIL" => {
                to.clear();
                inbox.mailing()
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                to.push(address.to_owned());
                "250 ok"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let text = data(&mut stream).await?;
                let to = std::mem::take(&mut to);
                inbox
                    .mails
                    .send_modify(|mails| mails.push(Received { to, text }));
                if inbox.mood() == Mood::Silent {
                    std::future::pending::<()>().await;
                }
                "250 taken"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 what?",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

/// A mail up to the line with a single dot.
async fn data(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

impl Inbox {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mailing(&self) -> &'static str {
        let answer = match self.mood() {
            Mood::Willing | Mood::Silent => return "250 ok",
            Mood::Busy => "451 try again later",
            Mood::Unwilling => "550 go away",
        };
        self.refused.send_modify(|refused| *refused += 1);
        answer
    }
}
