//! Migrations: the application's SQL files, applied in order and recorded in `schema_migrations`.
//!
//! Each migration is one transaction that first takes the migration lock (PostgreSQL: an advisory lock; SQLite: the
//! write lock of the file) and then looks again at what is applied. So several instances may start at once, and a
//! migration that fails leaves those before it applied and nothing of itself.

use std::time::Duration;

use diesel::sql_types::{BigInt, Text};

use super::config::DbKind;
use super::error::{DbError, DbResult};
use super::executor::{Access, Executor, Load};
use super::fragment::Stmt;
use super::sql_types::Timestamptz;
use super::types::Timestamp;
use super::{Db, Tx};

/// One migration, embedded by the application.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::db::{Migration, Migrations};
///
/// const RATING: Migration = Migration {
///     version: 2,
///     name: "0002_rating",
///     up: "ALTER TABLE courses ADD COLUMN rating INTEGER",
///     down: "ALTER TABLE courses DROP COLUMN rating",
/// };
/// let done = app().await.db().migrate(&Migrations { postgres: &[RATING], sqlite: &[RATING] }).await?;
/// assert_eq!(done, [(2, "0002_rating".to_owned())]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Orders the migrations; unique within a list.
    pub version: i64,
    /// For people.
    pub name: &'static str,
    /// SQL that makes the change.
    pub up: &'static str,
    /// SQL that takes it back.
    pub down: &'static str,
}

/// The migrations of both databases, each list in ascending order of version.
///
/// ```
/// use crud_core::{Db, DbConfig, db::{Migration, Migrations}};
///
/// const NOTES: Migration = Migration {
///     version: 1,
///     name: "0001_notes",
///     up: "CREATE TABLE notes (id INTEGER PRIMARY KEY)",
///     down: "DROP TABLE notes",
/// };
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), crud_core::db::DbError> {
/// let migrations = Migrations { postgres: &[NOTES], sqlite: &[NOTES] };
/// let db = Db::connect(&DbConfig::new("sqlite::memory:")).await?;
/// assert_eq!(db.migrate(&migrations).await?.len(), 1);
/// assert_eq!(db.revert(&migrations, 1).await?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// For PostgreSQL.
    pub postgres: &'static [Migration],
    /// For SQLite.
    pub sqlite: &'static [Migration],
}

/// Makes `MIGRATIONS` of the files `<folder>/<database>/<name>/up.sql` and `down.sql`.
///
/// The databases are `postgres` and `sqlite`. The folder is named from the file of the call, as `include_str!` has it; the files are in the binary.
///
/// ```standalone_crate
/// mod migrations {
///     crud_core::migrations! { "../../../migrations";
///         1 "0001_users",
///     }
/// }
/// assert_eq!(migrations::MIGRATIONS.sqlite[0].name, "0001_users");
/// ```
#[macro_export]
macro_rules! migrations {
    ($folder:literal; $($version:literal $name:literal),+ $(,)?) => {
        /// The schema's whole history.
        pub const MIGRATIONS: $crate::db::Migrations = $crate::db::Migrations {
            postgres: &[$($crate::migrations!(@one $folder "postgres" $version $name)),+],
            sqlite: &[$($crate::migrations!(@one $folder "sqlite" $version $name)),+],
        };
    };
    (@one $folder:literal $database:literal $version:literal $name:literal) => {
        $crate::db::Migration {
            version: $version,
            name: $name,
            up: include_str!(concat!($folder, "/", $database, "/", $name, "/up.sql")),
            down: include_str!(concat!($folder, "/", $database, "/", $name, "/down.sql")),
        }
    };
}

/// How long to wait for another instance that is migrating.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// The key of PostgreSQL's advisory lock: "crudmigr".
const LOCK_KEY: &str = "7166478263893616498";

/// What the framework's own statements need of PostgreSQL; made anew with every migration run.
const FUNCTIONS: &str = include_str!("functions.sql");

const CREATE_TABLE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, name text NOT NULL, \
     checksum text NOT NULL, applied_at timestamptz NOT NULL)",
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
     checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
];

impl Db {
    /// Applies what is not yet applied. Gives the versions and names it applied itself.
    ///
    /// # Errors
    /// [`DbError::Migration`] if an applied migration was changed or is unknown to this program, if a new one comes
    /// before an applied one, or if the SQL of one fails.
    pub async fn migrate(&self, migrations: &Migrations) -> DbResult<Vec<(i64, String)>> {
        let list = self.list(migrations)?;
        let mut done = Vec::new();
        loop {
            let tx = self.begin_migrating().await?;
            let applied = applied(&tx).await?;
            check(list, &applied)?;
            let Some(next) = list.get(applied.len()) else {
                tx.commit().await?;
                return Ok(done);
            };
            run(&tx, next, next.up, "applied").await?;
            record(&tx, next).await?;
            tx.commit().await.map_err(|e| failed(next, "applied", e))?;
            tracing::info!(
                version = next.version,
                name = next.name,
                "migration applied"
            );
            done.push((next.version, next.name.to_owned()));
        }
    }

    /// Takes back the last `steps` migrations. Gives the versions and names it took back.
    pub async fn revert(
        &self,
        migrations: &Migrations,
        steps: usize,
    ) -> DbResult<Vec<(i64, String)>> {
        let list = self.list(migrations)?;
        let mut done = Vec::new();
        while done.len() < steps {
            let tx = self.begin_migrating().await?;
            let applied = applied(&tx).await?;
            check(list, &applied)?;
            let Some(last) = applied.len().checked_sub(1).and_then(|n| list.get(n)) else {
                tx.commit().await?;
                break;
            };
            run(&tx, last, last.down, "taken back").await?;
            let forget = Stmt::new().sql("DELETE FROM schema_migrations WHERE version = ");
            tx.execute(forget.bind::<BigInt, _>(last.version)).await?;
            tx.commit()
                .await
                .map_err(|e| failed(last, "taken back", e))?;
            tracing::info!(
                version = last.version,
                name = last.name,
                "migration taken back"
            );
            done.push((last.version, last.name.to_owned()));
        }
        Ok(done)
    }

    /// The migrations that are not yet applied. Fails as [`Db::migrate`] does.
    ///
    /// ```
    /// use crud_core::{Db, DbConfig, db::{Migration, Migrations}};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # const UP: &str = "CREATE TABLE notes (id INTEGER)";
    /// # const NOTES: Migration = Migration { version: 1, name: "0001_notes", up: UP, down: "DROP TABLE notes" };
    /// # const MIGRATIONS: Migrations = Migrations { postgres: &[NOTES], sqlite: &[NOTES] };
    /// let db = Db::connect(&DbConfig::new("sqlite::memory:")).await?;
    /// for (version, name) in db.pending(&MIGRATIONS).await? {
    ///     println!("{version} ({name}) is not applied yet");
    /// }
    /// db.migrate(&MIGRATIONS).await?;
    /// assert!(db.pending(&MIGRATIONS).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn pending(&self, migrations: &Migrations) -> DbResult<Vec<(i64, String)>> {
        let list = self.list(migrations)?;
        let tx = self.begin_migrating().await?;
        let applied = applied(&tx).await?;
        tx.commit().await?;
        check(list, &applied)?;
        Ok(list[applied.len()..]
            .iter()
            .map(|m| (m.version, m.name.to_owned()))
            .collect())
    }

    fn list(&self, migrations: &Migrations) -> DbResult<&'static [Migration]> {
        let list = match self.kind() {
            DbKind::Postgres => migrations.postgres,
            DbKind::Sqlite => migrations.sqlite,
        };
        match list
            .windows(2)
            .find(|pair| pair[0].version >= pair[1].version)
        {
            None => Ok(list),
            Some(pair) => Err(DbError::Migration(format!(
                "migration {} ({}) is listed after {} ({}): versions must ascend",
                pair[1].version, pair[1].name, pair[0].version, pair[0].name
            ))),
        }
    }

    /// A transaction that holds the migration lock, with the table made.
    async fn begin_migrating(&self) -> DbResult<Tx> {
        let tx = self.begin_patiently().await?;
        if self.kind() == DbKind::Postgres {
            let wait = LOCK_WAIT.as_millis();
            tx.batch(&format!(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {wait}; \
                 SELECT pg_advisory_xact_lock({LOCK_KEY})"
            ))
            .await?;
            tx.batch(FUNCTIONS).await?;
        }
        tx.batch(CREATE_TABLE[usize::from(self.kind() == DbKind::Sqlite)])
            .await?;
        Ok(tx)
    }

    /// Another process may hold SQLite's lock for longer than one wait.
    async fn begin_patiently(&self) -> DbResult<Tx> {
        let start = std::time::Instant::now();
        loop {
            match self.begin().await {
                Err(DbError::Serialization | DbError::Busy(_)) if start.elapsed() < LOCK_WAIT => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                done => return done,
            }
        }
    }
}

struct Applied {
    version: i64,
    name: String,
    checksum: String,
}

async fn applied(tx: &Tx) -> DbResult<Vec<Applied>> {
    let query =
        Stmt::new().sql("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
    let rows = tx
        .load::<(i64, String, String), (BigInt, Text, Text)>(Access::Read, query.uncached())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(version, name, checksum)| Applied {
            version,
            name,
            checksum,
        })
        .collect())
}

/// What is applied must be the beginning of the list, unchanged.
fn check(list: &[Migration], applied: &[Applied]) -> DbResult<()> {
    for (n, done) in applied.iter().enumerate() {
        let Applied {
            version,
            name,
            checksum: recorded,
        } = done;
        let problem = match list.get(n) {
            Some(known) if known.version == *version && checksum(known.up) == *recorded => continue,
            Some(known) if known.version == *version => {
                format!(
                    "migration {version} ({name}) was changed after it was applied: restore it and add a new one"
                )
            }
            Some(known) if list.iter().any(|m| m.version == *version) => format!(
                "migration {} ({}) comes before {version} ({name}), which is applied already: give it a higher version",
                known.version, known.name
            ),
            _ => format!(
                "migration {version} ({name}) is applied in the database but unknown to this program: it is too old for the database"
            ),
        };
        return Err(DbError::Migration(problem));
    }
    Ok(())
}

async fn run(tx: &Tx, migration: &Migration, sql: &str, verb: &str) -> DbResult<()> {
    tx.batch(sql).await.map_err(|e| failed(migration, verb, e))
}

async fn record(tx: &Tx, migration: &Migration) -> DbResult<()> {
    let row = Stmt::new()
        .sql("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (")
        .bind::<BigInt, _>(migration.version)
        .sql(", ")
        .bind::<Text, _>(migration.name)
        .sql(", ")
        .bind::<Text, _>(checksum(migration.up))
        .sql(", ")
        .bind::<Timestamptz, _>(Timestamp::now())
        .sql(")");
    tx.execute(row).await.map(|_| ())
}

fn failed(migration: &Migration, verb: &str, error: DbError) -> DbError {
    DbError::Migration(format!(
        "migration {} ({}) cannot be {verb}: {error}",
        migration.version, migration.name
    ))
}

/// FNV-1a of the text without carriage returns: the same on every platform, checkout and Rust version.
fn checksum(sql: &str) -> String {
    let hash = sql
        .bytes()
        .filter(|byte| *byte != b'\r')
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
