//! What the cache asks of a store: whether a body may be used *now*, and who writes what.
//!
//! A store decides nothing about rows, policies or SQL; it keeps bodies, the stamps of what they depend on, and which
//! of these is in doubt. [`Cache`](super::Cache) is its only caller. A store must never serve a body whose stamps are
//! not those of this moment, nor while one of them is in doubt.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::id::Id;

/// What a body is made of, and what a write touches: equal dependencies are the same thing.
///
/// ```
/// use crud_core::{Uuid, cache::Dep};
///
/// let row = Dep::Row("courses".into(), 7.into());
/// assert_eq!((row.table(), row.to_string()), (Some("courses"), "courses:r:7".to_owned()));
/// assert_ne!(row, Dep::List("courses".into()));
/// assert_eq!(Dep::Everything.table(), None);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dep {
    /// Whatever there is. Every body depends on it, without naming it in its list of dependencies. Marked when it
    /// cannot be told what a write touches (raw SQL, a change of the schema, a writer outside of the process).
    Everything,
    /// A table. Every body made of rows of it names it. Marked when the rows are not known: bulk writes, cascades,
    /// statements that are not the framework's own.
    Table(Table),
    /// A row, by table and id.
    Row(Table, Id),
    /// All lists and counts of a table that are not pinned to one value of its partition column. Every write of a row
    /// of the table marks it.
    List(Table),
    /// The lists and counts of a table in which the partition column has this value. Every write of a row that has it,
    /// before or after, marks it; or the table.
    Part(Table, Id),
}

/// The name of a table, as SQL has it without quotes.
///
/// ```
/// use crud_core::cache::{Dep, Table};
///
/// let table: Table = "courses".into();
/// assert_eq!(Dep::List(table).table(), Some("courses"));
/// ```
pub type Table = Cow<'static, str>;

impl Dep {
    /// The table, if it is about one.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Everything => None,
            Self::Table(t) | Self::Row(t, _) | Self::List(t) | Self::Part(t, _) => Some(t),
        }
    }
}

/// Whether a table is the framework's own, such as that of jobs. No cached value is made of them, whatever version of
/// an application runs beside this one; so writes of them are not marked.
pub(crate) fn is_own(table: &str) -> bool {
    table.starts_with("crud_")
}

/// The dependency as one word without spaces, unlike any other's: a key for a store outside of the process.
impl fmt::Display for Dep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::Table(table) => write!(f, "{table}:t"),
            // A text is encoded: it may have spaces, and whatever else.
            Self::Row(table, id) => write!(f, "{table}:r:{}", id.in_path()),
            Self::List(table) => write!(f, "{table}:l"),
            Self::Part(table, value) => write!(f, "{table}:p:{}", value.in_path()),
        }
    }
}

/// The name of a body: everything that the body is a function of, apart from the database's content.
///
/// The whole text is compared on a hit; a fingerprint alone is never trusted.
///
/// ```
/// use crud_core::cache::Entry;
///
/// let entry = Entry { of: "courses", key: "row 7 of courses".into() };
/// assert_eq!(entry.fingerprint(), entry.clone().fingerprint());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// Who it belongs to, for metrics: an endpoint, or the name of a custom cached value.
    pub of: &'static str,
    /// The canonical key: the kind of entry, the schema it was made under, and an id or a whole statement with its
    /// bound values.
    pub key: Bytes,
}

impl Entry {
    /// BLAKE3 of the key: short, and the same in every process.
    pub fn fingerprint(&self) -> [u8; 32] {
        blake3::hash(&self.key).into()
    }
}

/// The stamps of a list of dependencies at one moment, in the list's order; how many words each takes is the store's
/// affair. A stamp never repeats, whatever is restarted.
///
/// ```
/// use crud_core::cache::Stamps;
///
/// let (before, after) = (Stamps([7, 8].into()), Stamps([7, 9].into()));
/// assert_ne!(before, after);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stamps(pub Arc<[u64]>);

/// What a store says to a reader.
///
/// ```
/// use crud_core::cache::{Dep, Entry, Memory, Read, Store as _};
/// use std::time::Duration;
///
/// # #[tokio::main]
/// # async fn main() {
/// let (store, deps) = (Memory::new(1 << 20), [Dep::Table("courses".into())]);
/// let entry = Entry { of: "courses", key: "the sum of prices".into() };
/// let Read::Lead(stamps) = store.read(&entry, &deps).await else { panic!("there is a body") };
/// // The database is asked now.
/// assert!(store.fill(&entry, &deps, &stamps, "100".into(), Duration::from_secs(60)).await);
/// assert!(matches!(store.read(&entry, &deps).await, Read::Hit(body) if body == "100"));
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum Read {
    /// The body is current: its stamps are those of this moment, and nothing is in doubt.
    Hit(Bytes),
    /// There is none. The stamps were read just now, *before* the reader asks the database, and nothing is in doubt:
    /// the reader loads, and [fills](Store::fill) under them.
    Lead(Stamps),
    /// As [`Lead`](Self::Lead), but another process is loading the same body: the reader asks again a few
    /// milliseconds later, and after that loads like a leader.
    Wait(Stamps),
    /// Ask the database, and do not fill.
    Bypass(Doubt),
}

/// Why a reader must ask the database.
///
/// ```
/// use crud_core::cache::{Dep, Doubt, Entry, Memory, Read, Store as _};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, deps) = (Memory::new(1 << 20), [Dep::Table("courses".into())]);
/// let entry = Entry { of: "courses", key: "the sum of prices".into() };
/// let token = store.mark(deps.clone().into()).await?;
/// assert!(matches!(store.read(&entry, &deps).await, Read::Bypass(Doubt::Marked)));
/// store.post(token).await;
/// assert!(matches!(store.read(&entry, &deps).await, Read::Lead(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// A write of what the body depends on may be becoming visible at this moment.
    Marked,
    /// The store is off, fenced, or cannot be asked.
    Away,
}

/// What a write holds between mark and post. Whoever loses it leaves everything in it in doubt until
/// [`IN_DOUBT`] has passed.
///
/// ```
/// use crud_core::cache::{Dep, Memory, Store as _};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Memory::new(1 << 20);
/// let token = store.mark([Dep::Table("courses".into())].into()).await?;
/// assert_eq!(token.deps[0].table(), Some("courses"));
/// // The write is committed.
/// store.post(token).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Token {
    /// What is marked, each once.
    pub deps: Arc<[Dep]>,
    /// The store's own name for the write.
    pub id: u128,
}

/// What a database must find true of itself when a statement begins that was marked before: then no epoch but the one
/// of the mark has begun, and the next will wait for the statement.
///
/// ```
/// use crud_core::cache::Fence;
///
/// let fence = Fence { epoch: "1f".into(), before: 1_795_000_000.5 };
/// assert_eq!(&*fence.epoch, "1f");
/// ```
#[derive(Clone, Debug)]
pub struct Fence {
    /// The epoch of the mark.
    pub epoch: Arc<str>,
    /// The latest moment by the database's clock, in seconds since 1970: the doubt must outlast the statement.
    pub before: f64,
}

/// How long a write whose outcome is unknown stays in doubt: longer than a transaction can be open without a word
/// (5 s idle, then the statement timeout).
///
/// ```
/// use crud_core::cache::{Dep, Doubt, Entry, IN_DOUBT, Memory, Read, Store as _};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, deps) = (Memory::new(1 << 20), [Dep::Table("courses".into())]);
/// let token = store.mark(deps.clone().into()).await?;
/// // Nobody knows whether the write was committed.
/// store.abandon(token);
/// let entry = Entry { of: "courses", key: "the sum of prices".into() };
/// assert!(matches!(store.read(&entry, &deps).await, Read::Bypass(Doubt::Marked)));
/// println!("until {} s have passed", IN_DOUBT.as_secs());
/// # Ok(())
/// # }
/// ```
pub const IN_DOUBT: Duration = Duration::from_secs(15);

/// Why a store could not mark. The write must not commit.
///
/// ```
/// use crud_core::cache::Unmarked;
///
/// let told = Unmarked("Redis does not answer".to_owned()).to_string();
/// assert_eq!(told, "the cache cannot be told of the write: Redis does not answer");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the cache cannot be told of the write: {0}")]
pub struct Unmarked(pub String);

/// Where stamps and bodies are kept.
///
/// The rules that make it correct, whoever writes it:
/// 1. [`mark`](Self::mark) gives each dependency a new stamp and puts it in doubt, in one step; it returns only once
///    no reader can hit or fill under the old stamps any more. It is called before COMMIT, after BEGIN.
/// 2. [`post`](Self::post) gives each a new stamp again and takes this write's doubt away, in one step.
/// 3. [`read`](Self::read) hits only if every stamp of the body is equal to the present one and no dependency is in
///    doubt, now.
/// 4. [`fill`](Self::fill) stores only under the stamps that `read` gave, and only if they are still the present ones
///    and clean.
/// 5. [`Dep::Everything`] is a dependency of every body though no list names it.
///
/// ```
/// use crud_core::cache::{Dep, Entry, Memory, Read, Store as _};
/// use std::{sync::Arc, time::Duration};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Memory::new(1 << 20);
/// let deps: Arc<[Dep]> = Arc::new([Dep::Table("courses".into())]);
/// let entry = Entry { of: "courses", key: "the sum of prices".into() };
/// let Read::Lead(stamps) = store.read(&entry, &deps).await else { panic!("there is a body") };
/// // Somebody writes while this reader asks the database: what it has found may not be kept.
/// store.post(store.mark(Arc::clone(&deps)).await?).await;
/// assert!(!store.fill(&entry, &deps, &stamps, "100".into(), Duration::from_secs(60)).await);
/// # Ok(())
/// # }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Whether there is a body that may be used now. Never fails: what goes wrong is [`Doubt::Away`].
    fn read<'a>(&'a self, entry: &'a Entry, deps: &'a [Dep]) -> BoxFuture<'a, Read>;

    /// A body under exactly these stamps, which [`read`](Self::read) gave a moment ago, if it has been filled since.
    /// For who was told to lead and finds that somebody else just did. A store that cannot tell at once says `None`.
    fn peek(&self, _entry: &Entry, _stamps: &Stamps) -> Option<Bytes> {
        None
    }

    /// Stores a body that was loaded after `read` gave these stamps for these dependencies. `false`: refused, because
    /// something was written meanwhile. Never fails.
    fn fill<'a>(
        &'a self,
        entry: &'a Entry,
        deps: &'a [Dep],
        stamps: &'a Stamps,
        body: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, bool>;

    /// Puts in doubt what a write is about to change.
    ///
    /// # Errors
    /// If that cannot be done for all: the write must roll back.
    fn mark(&self, deps: Arc<[Dep]>) -> BoxFuture<'_, Result<Token, Unmarked>>;

    /// [Marks](Self::mark) for one statement that will run by itself, outside of a transaction, and may take effect only
    /// if the database finds the fence true. `None`: not now, or never ([`needs_fence`](Self::needs_fence)); then the
    /// write needs a transaction, and a mark after its BEGIN.
    fn mark_fenced(&self, _deps: Arc<[Dep]>) -> BoxFuture<'_, Option<(Token, Fence)>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether a mark is good for a statement outside of a transaction only behind a fence, because the store checks
    /// permits.
    fn needs_fence(&self) -> bool {
        false
    }

    /// Ends the doubt, after the write was committed or certainly was not. Never fails: what cannot be told stays in
    /// doubt until [`IN_DOUBT`] has passed.
    fn post(&self, token: Token) -> BoxFuture<'_, ()>;

    /// The write's outcome is unknown: everything it marked stays in doubt until [`IN_DOUBT`] has passed.
    fn abandon(&self, token: Token);

    /// Whether this process should be sent requests, as far as the store is concerned.
    fn is_ready(&self) -> bool {
        true
    }

    /// Tells the other processes that this one has ended.
    fn leave(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
