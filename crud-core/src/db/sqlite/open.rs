//! Opening a SQLite connection: the file, the pragmas, our SQL function.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::{Connection, SqliteConnection};

use super::{Settings, functions};
use crate::db::error::{DbError, DbResult};

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
}

/// Opens a connection; `cached` counts the statements it keeps prepared.
pub(super) fn open(
    settings: &Settings,
    role: Role,
    cached: Arc<AtomicUsize>,
) -> DbResult<SqliteConnection> {
    let path = match &settings.path {
        None => ":memory:",
        Some(path) => {
            if role == Role::Writer
                && let Some(parent) = path.parent()
            {
                std::fs::create_dir_all(parent).map_err(|e| {
                    DbError::Config(format!(
                        "the directory {} cannot be made: {e}",
                        parent.display()
                    ))
                })?;
            }
            path.to_str()
                .ok_or_else(|| DbError::Config("the SQLite path is not UTF-8".into()))?
        }
    };
    let failed = |e: &dyn std::fmt::Display| {
        DbError::Config(format!("the SQLite database {path} cannot be opened: {e}"))
    };
    let mut conn = SqliteConnection::establish(path).map_err(|e| failed(&e))?;
    conn.batch_execute(
        "PRAGMA busy_timeout=5000; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000; PRAGMA mmap_size=268435456; \
         PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;",
    )
    .map_err(|e| failed(&e))?;
    let of_role = match role {
        Role::Writer => {
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;"
        }
        Role::Reader => "PRAGMA query_only=ON;",
    };
    conn.batch_execute(of_role).map_err(|e| failed(&e))?;
    functions::register(&mut conn).map_err(|e| failed(&e))?;
    conn.set_instrumentation(CountCached(cached));
    Ok(conn)
}

/// Counts statements as they enter Diesel's cache, which has no bound of its own.
struct CountCached(Arc<AtomicUsize>);

impl Instrumentation for CountCached {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::CacheQuery { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
