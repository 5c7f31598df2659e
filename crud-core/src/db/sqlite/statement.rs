//! Running one statement on a SQLite connection, within the statement timeout.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::connection::{DefaultLoadingMode, LoadConnection, SimpleConnection};

use crate::db::clock::Clock;
use crate::db::error::{DbError, DbResult};
use crate::db::error_sqlite::from_sqlite;
use crate::db::executor::Sink;
use crate::db::fragment::Stmt;

/// How often the clock is looked at, in rows or calls of our function.
const CLOCK_EVERY: u32 = 256;

thread_local! {
    /// When the statement of this thread must end, and how many ticks went by since the last look.
    static CLOCK: Cell<(Option<Instant>, u32)> = const { Cell::new((None, 0)) };
}

/// Starts the statement timeout of this thread.
pub(super) fn start_clock(timeout: Duration) {
    CLOCK.set((Instant::now().checked_add(timeout), 0));
}

/// True once the statement timeout is over. Cheap: looks at the clock once in many calls.
pub(super) fn is_over() -> bool {
    let (deadline, ticks) = CLOCK.get();
    if ticks < CLOCK_EVERY {
        CLOCK.set((deadline, ticks + 1));
        return false;
    }
    CLOCK.set((deadline, 0));
    let over = deadline.is_some_and(|deadline| Instant::now() > deadline);
    if over {
        // Stays over for the rest of the statement.
        CLOCK.set((deadline, CLOCK_EVERY));
    }
    over
}

pub(super) fn load(
    conn: &mut SqliteConnection,
    stmt: Stmt,
    mut sink: Box<dyn Sink>,
) -> DbResult<Box<dyn Sink>> {
    let _clock = Clock::start();
    for row in LoadConnection::<DefaultLoadingMode>::load(conn, stmt).map_err(from_sqlite)? {
        if is_over() {
            return Err(DbError::Timeout);
        }
        sink.sqlite(&row.map_err(from_sqlite)?)
            .map_err(DbError::Decode)?;
    }
    Ok(sink)
}

pub(super) fn execute(conn: &mut SqliteConnection, stmt: Stmt) -> DbResult<usize> {
    let _clock = Clock::start();
    diesel::RunQueryDsl::execute(stmt, conn).map_err(from_sqlite)
}

pub(super) fn batch(conn: &mut SqliteConnection, sql: &str) -> DbResult<()> {
    conn.batch_execute(sql).map_err(from_sqlite)
}
