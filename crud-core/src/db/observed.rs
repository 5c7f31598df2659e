//! How every write reaches the cache: marked before it can be seen, posted after.
//!
//! [`Db`](super::Db) and [`Tx`](super::Tx) call it for each statement that writes. A statement of the operations says
//! itself what it touches ([`Stmt::touching`]); any other is recognised by its text and touches its whole table, so
//! that nobody can forget to say it. What the database does of its own is added by `follow_ups`.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use futures_util::FutureExt;

use super::{
    Access, Backend, Db, DbError, DbKind, DbResult, Dialect, Stmt, follow_ups::FollowUps,
    fragment::Effect, sqlite::SqliteDb,
};
use crate::cache::{Cache, DEFAULT_BYTES, Dep, Marked, is_own, written};

/// The cache of a database, and what is known of the database for it.
#[derive(Default)]
pub(super) struct Observed {
    pub(super) cache: OnceLock<Arc<Cache>>,
    follow_ups: Mutex<Option<Arc<FollowUps>>>,
}

/// Who writes, and with what in mind: all that a write needs for the cache.
#[derive(Clone)]
pub(super) struct Observer {
    pub(super) cache: Arc<Cache>,
    observed: Arc<Observed>,
    follow_ups: Arc<FollowUps>,
}

impl Observed {
    fn cached_follow_ups(&self) -> std::sync::MutexGuard<'_, Option<Arc<FollowUps>>> {
        self.follow_ups
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer {
    /// What a statement touches; nothing, if it only reads.
    pub(super) fn touched(&self, kind: DbKind, access: Access, stmt: &Stmt) -> DbResult<Vec<Dep>> {
        match (stmt.effect(), access) {
            (Some(effect), _) => {
                let deletes = matches!(effect, Effect::Delete(..));
                Ok(kept(self.follow_ups.of_rows(effect.deps(), deletes)))
            }
            (None, Access::Read) => Ok(Vec::new()),
            (None, Access::Write) => {
                let sql = text(kind, stmt)?;
                Ok(self.touched_by_text(&sql))
            }
        }
    }

    /// What plain SQL touches.
    pub(super) fn touched_by_text(&self, sql: &str) -> Vec<Dep> {
        kept(self.follow_ups.of_text(written(sql)))
    }

    /// Marks what is about to change.
    pub(super) async fn mark(&self, deps: Arc<[Dep]>) -> DbResult<Settling> {
        let changes_schema = deps.contains(&Dep::Everything);
        match self.cache.mark(deps).await {
            Ok(marked) => Ok(Settling {
                marked,
                forget: changes_schema.then(|| Arc::clone(&self.observed)),
            }),
            Err(error) => Err(DbError::Unavailable(error.to_string())),
        }
    }
}

/// Without the framework's own tables.
fn kept(mut deps: Vec<Dep>) -> Vec<Dep> {
    deps.retain(|dep| !dep.table().is_some_and(is_own));
    deps
}

/// A write that is marked.
pub(super) struct Settling {
    marked: Option<Marked>,
    /// Raw SQL may have changed the schema.
    forget: Option<Arc<Observed>>,
}

impl Settling {
    /// Ends the doubt if the outcome is known; else it ends by itself, later.
    pub(super) async fn settle(self, is_known: bool) {
        if let Some(observed) = self.forget {
            *observed.cached_follow_ups() = None;
        }
        if let Some(marked) = self.marked
            && is_known
        {
            marked.post().await;
        }
    }
}

/// Whether a statement that ran by itself is certainly over: done, or refused.
pub(super) fn is_settled<R>(result: &DbResult<R>) -> bool {
    match result {
        Ok(_)
        | Err(DbError::Timeout | DbError::Busy(_) | DbError::Misuse(_) | DbError::Config(_)) => {
            true
        }
        Err(error) => was_refused(error),
    }
}

/// Whether a COMMIT is certainly over.
pub(super) fn is_ended(result: &DbResult<()>) -> bool {
    result.as_ref().err().is_none_or(was_refused)
}

fn was_refused(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Unique { .. }
            | DbError::ForeignKey { .. }
            | DbError::NotNull { .. }
            | DbError::Check { .. }
            | DbError::Value(_)
            | DbError::Serialization
            | DbError::LockNotAvailable
            | DbError::TransactionFailed(_)
    )
}

/// The statement's text; its values are placeholders.
pub(crate) fn text(kind: DbKind, stmt: &Stmt) -> DbResult<String> {
    let text = match kind {
        DbKind::Postgres => diesel::pg::Pg::render(stmt),
        DbKind::Sqlite => diesel::sqlite::Sqlite::render(stmt),
    };
    text.map_err(|error| DbError::Other(Box::new(error)))
}

impl Db {
    /// Has this database's writes reach a cache, and gives the cache that they reach: the first that was attached,
    /// for every clone of the database.
    pub fn attach(&self, cache: Cache) -> &Arc<Cache> {
        self.0.observed.cache.get_or_init(|| Arc::new(cache))
    }

    /// [Attaches](Self::attach) the cache that every other `Db` of this process on the same address has, or a new one
    /// in the process: two would not hear of each other's writes.
    pub fn attach_shared(&self) -> &Arc<Cache> {
        static SHARED: LazyLock<Mutex<HashMap<String, Weak<Cache>>>> =
            LazyLock::new(Mutex::default);
        self.0.observed.cache.get_or_init(|| {
            let new = || Arc::new(Cache::in_process(DEFAULT_BYTES));
            let Some(url) = &self.0.url else { return new() };
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = shared.get(url).and_then(Weak::upgrade) {
                return known;
            }
            shared.retain(|_, cache| cache.strong_count() > 0);
            let cache = new();
            shared.insert(url.clone(), Arc::downgrade(&cache));
            cache
        })
    }

    /// The cache that this database's writes reach.
    pub fn cache(&self) -> Option<&Arc<Cache>> {
        self.0.observed.cache.get()
    }

    /// The cache, unless this task is inside a transaction.
    pub(crate) fn readable_cache(&self) -> Option<&Arc<Cache>> {
        let cache = self.cache().filter(|cache| cache.is_read())?;
        (!super::transaction::is_inside(self.id())).then_some(cache)
    }

    /// Whether the cache certainly knows of all writes: of those of another process to the SQLite file, until 250 ms
    /// ago.
    pub(crate) fn is_known_current(&self) -> bool {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.is_in_memory() || sqlite.outside().is_known(),
            Backend::Pg(_) => true,
        }
    }

    /// The same, found out if it is not known.
    pub(crate) async fn is_current(&self) -> bool {
        match (&self.0.backend, self.cache()) {
            (Backend::Sqlite(sqlite), Some(cache)) => {
                self.is_known_current() || ask_outside(sqlite, cache).await
            }
            (Backend::Sqlite(_) | Backend::Pg(_), _) => true,
        }
    }

    /// Whether there is a cache that writes must reach.
    pub(crate) fn is_observed(&self) -> bool {
        self.cache().is_some_and(|cache| cache.is_on())
    }

    /// What a write needs for the cache; `None` if there is none.
    pub(super) async fn observer(&self) -> DbResult<Option<Observer>> {
        let Some(cache) = self.cache().filter(|cache| cache.is_on()) else {
            return Ok(None);
        };
        let observed = &self.0.observed;
        let known = observed.cached_follow_ups().clone();
        let follow_ups = match known {
            Some(known) => known,
            None => {
                let read = Arc::new(self.follow_ups().await?);
                *observed.cached_follow_ups() = Some(Arc::clone(&read));
                read
            }
        };
        Ok(Some(Observer {
            cache: Arc::clone(cache),
            observed: Arc::clone(observed),
            follow_ups,
        }))
    }
}

/// Finds out whether another process wrote, and has the cache forget everything if so. `false`: not to be found out
/// in a moment, because the writer is busy. All who ask at the same time share one question.
async fn ask_outside(sqlite: &SqliteDb, cache: &Arc<Cache>) -> bool {
    let question = {
        let mut asking = sqlite.outside().asking();
        let pending = asking.as_ref().filter(|question| question.peek().is_none());
        let question = pending.cloned().unwrap_or_else(|| {
            let (sqlite, cache) = (sqlite.clone(), Arc::clone(cache));
            let asked = tokio::spawn(async move {
                if sqlite.ask_outside().await.is_err() {
                    return false;
                }
                let outside = sqlite.outside();
                let Some(changes) = outside.untold() else {
                    return true;
                };
                if cache.forget().await.is_err() {
                    return false;
                }
                outside.tell(changes);
                true
            });
            asked.map(|known| known.unwrap_or(false)).boxed().shared()
        });
        *asking = Some(question.clone());
        question
    };
    let heard = tokio::time::timeout(PATIENCE, question).await;
    heard.unwrap_or(false)
}

/// How long a reader waits to hear whether another process wrote, before it asks the database itself.
const PATIENCE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a mark for every job that is written; a statement that is not understood and marks nothing.
    #[test]
    fn the_frameworks_own_tables_are_not_marked() {
        let marked = |sql| kept(FollowUps::default().of_text(written(sql)));
        for own in [
            "UPDATE crud_jobs SET state = 'done'",
            "DELETE FROM \"crud_idempotency\"",
        ] {
            assert!(marked(own).is_empty(), "{own}");
        }
        let both = "INSERT INTO crud_jobs VALUES (1); UPDATE courses SET title = ''";
        assert_eq!(marked(both), [Dep::Table("courses".into())]);
        assert_eq!(marked("SELECT 1; DO $$ crud_jobs $$"), [Dep::Everything]);
    }
}
