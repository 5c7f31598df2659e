//! Whether somebody outside of this process wrote to the file, for the cache.
//!
//! SQLite's `data_version`, asked on the writer's connection, changes only when *another* connection commits. It is
//! asked when a transaction begins, and at most every 250 ms while somebody reads from the cache; while a transaction
//! of ours holds the write lock nobody else can commit.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use futures_util::future::{BoxFuture, Shared};

use crate::db::error::DbResult;
use crate::db::error_sqlite::from_sqlite;

/// How old an answer may be.
const FRESH: Duration = Duration::from_millis(250);

/// What is known of other writers.
pub(in crate::db) struct Outside {
    start: Instant,
    /// Milliseconds after `start`, plus one; 0: never.
    asked: AtomicU64,
    version: AtomicI64,
    /// How often a change was found.
    changes: AtomicU64,
    /// How many of these the cache has heard of.
    told: AtomicU64,
    /// Whether a transaction of ours holds the lock.
    locked: AtomicBool,
    /// The question that is under way, or was last.
    asking: Mutex<Option<Question>>,
}

/// Whether what the cache keeps may be used.
pub(in crate::db) type Question = Shared<BoxFuture<'static, bool>>;

impl Outside {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            asked: AtomicU64::new(0),
            version: AtomicI64::new(0),
            changes: AtomicU64::new(0),
            told: AtomicU64::new(0),
            locked: AtomicBool::new(false),
            asking: Mutex::new(None),
        }
    }

    /// Whether the answer is fresh, and the cache knows it.
    pub(in crate::db) fn is_known(&self) -> bool {
        self.is_fresh() && self.untold().is_none()
    }

    /// The question that is under way, for others to wait for.
    pub(in crate::db) fn asking(&self) -> MutexGuard<'_, Option<Question>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the answer is fresh.
    fn is_fresh(&self) -> bool {
        // In this order: whoever sees the time also sees what was found then.
        let asked = self.asked.load(SeqCst);
        self.locked.load(SeqCst) || (asked > 0 && self.now().saturating_sub(asked) < FRESH_MILLIS)
    }

    /// How many changes there were that the cache has not heard of, and how many there were.
    pub(in crate::db) fn untold(&self) -> Option<u64> {
        let changes = self.changes.load(SeqCst);
        (changes != self.told.load(SeqCst)).then_some(changes)
    }

    /// The cache has heard of so many.
    pub(in crate::db) fn tell(&self, changes: u64) {
        self.told.store(changes, SeqCst);
    }

    /// What SQLite says before anything was read, which is no change.
    pub(super) fn begin(&self, conn: &mut SqliteConnection) -> DbResult<()> {
        self.ask(conn)?;
        self.told.store(self.changes.load(SeqCst), SeqCst);
        Ok(())
    }

    /// Asks SQLite, on the writer's connection.
    pub(super) fn ask(&self, conn: &mut SqliteConnection) -> DbResult<()> {
        // Said before the question: what is committed after it counts as unknown.
        let now = self.now();
        let query = diesel::select(sql::<BigInt>(
            "(SELECT data_version FROM pragma_data_version)",
        ));
        let version = diesel::RunQueryDsl::get_result::<i64>(query, conn).map_err(from_sqlite)?;
        if self.version.swap(version, SeqCst) != version {
            self.changes.fetch_add(1, SeqCst);
        }
        self.asked.store(now, SeqCst);
        Ok(())
    }

    /// A transaction of ours holds the lock until the guard goes.
    pub(super) fn lock(&self) -> Locked<'_> {
        self.locked.store(true, SeqCst);
        Locked(self)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX) + 1
    }
}

const FRESH_MILLIS: u64 = FRESH.as_millis() as u64;

pub(super) struct Locked<'a>(&'a Outside);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.locked.store(false, SeqCst);
    }
}
