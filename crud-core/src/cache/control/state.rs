//! The row of the switch as an answer says it, and the statements that ask and change it.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};

/// An answer to [`LOOK`].
#[derive(QueryableByName, Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// `on`, `quarantine` or `off`.
    #[diesel(sql_type = Text)]
    pub(super) mode: String,
    /// The epoch, hexadecimal; of no use while it is off.
    #[diesel(sql_type = Text)]
    pub(super) epoch: String,
    /// The process whose own the epoch is; nothing: it is in Redis.
    #[diesel(sql_type = Text)]
    pub(super) owner: String,
    /// Counts the changes of this row.
    #[diesel(sql_type = BigInt)]
    pub(super) change: i64,
    /// The database's clock, in seconds since 1970.
    #[diesel(sql_type = Double)]
    pub(super) clock: f64,
    /// Seconds since the last change.
    #[diesel(sql_type = Double)]
    pub(super) age: f64,
    /// The server's timeline when the epoch began, and now: they differ after a failover.
    #[diesel(sql_type = Bool)]
    pub(super) same_server: bool,
    /// How many other processes live.
    #[diesel(sql_type = BigInt)]
    pub(super) others: i64,
    /// How many of them have no Redis and have not taken themselves out of service.
    #[diesel(sql_type = BigInt)]
    pub(super) unwell: i64,
    /// How many of them have Redis.
    #[diesel(sql_type = BigInt)]
    pub(super) well: i64,
    /// For how many seconds the oldest write from outside waits to be told to the cache.
    #[diesel(sql_type = Nullable<Double>)]
    pub(super) overdue: Option<f64>,
}

impl Answer {
    pub(super) fn is_off(&self) -> bool {
        self.mode != "on" && self.mode != "quarantine"
    }
}

/// The timeline as text; nothing on a standby, which no epoch can have begun on.
macro_rules! timeline {
    () => {
        "CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END"
    };
}

/// Asks for everything at once. `$1`: this process.
pub(super) const LOOK: &str = concat!(
    "SELECT s.mode, s.epoch, s.owner, s.change, extract(epoch FROM clock_timestamp())::float8 AS clock, ",
    "extract(epoch FROM clock_timestamp() - s.since)::float8 AS age, ",
    "(s.timeline = '' OR s.timeline = ",
    timeline!(),
    ") AND NOT pg_is_in_recovery() AS same_server, ",
    "i.others, i.unwell, i.well, ",
    "(SELECT extract(epoch FROM clock_timestamp() - min(o.at))::float8 FROM crud_cache_outbox AS o) AS overdue ",
    "FROM crud_cache_state AS s, LATERAL (SELECT count(*) AS others, ",
    "count(*) FILTER (WHERE NOT (well OR retired)) AS unwell, count(*) FILTER (WHERE well) AS well ",
    "FROM crud_cache_instances WHERE id <> $1 AND seen > clock_timestamp() - interval '3 s') AS i"
);

/// Says that this process lives. `$1` its id, `$2` whether it has Redis, `$3` whether it is out of service.
pub(super) const ALIVE: &str = "INSERT INTO crud_cache_instances (id, seen, well, retired) \
     VALUES ($1, clock_timestamp(), $2, $3) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, \
     well = excluded.well, retired = excluded.retired";

/// Says that it does not any more, nor do those who have been silent for a minute. `$1` its id.
pub(super) const GONE: &str = "DELETE FROM crud_cache_instances WHERE id = $1 \
     OR seen < clock_timestamp() - interval '1 min'";

/// Switches off.
pub(super) const OFF: &str = "UPDATE crud_cache_state SET mode = 'off', since = clock_timestamp(), \
     change = change + 1 WHERE mode <> 'off'";

/// Begins an epoch, unless the switch was touched. `$1` its name, `$2` its owner, `$3` the change it was seen at.
pub(super) const QUARANTINE: &str = concat!(
    "UPDATE crud_cache_state SET mode = 'quarantine', since = clock_timestamp(), change = change + 1, epoch = $1, ",
    "owner = $2, timeline = ",
    timeline!(),
    " WHERE mode = 'off' AND change = $3"
);

/// Ends the quarantine of an epoch, unless the switch was touched. `$1` the epoch, `$2` the change it was seen at.
pub(super) const ON: &str = "UPDATE crud_cache_state SET mode = 'on', since = clock_timestamp(), change = change + 1 \
     WHERE mode = 'quarantine' AND epoch = $1 AND change = $2";

/// A transaction that is open.
#[derive(QueryableByName)]
pub(super) struct Open {
    #[diesel(sql_type = Text)]
    pub(super) transaction: String,
}

/// The transactions of the application `$1` that are open. Every transaction has a lock on its own name from BEGIN on,
/// and everyone may see it.
pub(super) const OPEN: &str = "SELECT l.virtualtransaction AS transaction FROM pg_locks AS l \
     JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.locktype = 'virtualxid' AND l.granted \
     AND a.datname = current_database() AND a.pid <> pg_backend_pid() \
     AND a.application_name = left($1, 63)";
