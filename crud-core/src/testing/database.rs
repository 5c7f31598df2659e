//! A database for one test, on either backend: a copy of a template that is migrated and filled once.
//!
//! Tests call it with a key and a way to fill the template. It must never hand the same database to two
//! tests, and nothing of it stays behind when the test process ends.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::postgres::{Database, Postgres};
use super::server::{ServerError, new_folder, remove_at_exit};
use crate::db::{Db, DbConfig, DbKind};

/// For statements and connections: a machine under the load of all tests is slow, not broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database that belongs to one test; dropping it removes it.
///
/// ```
/// use crud_core::{Db, db::DbKind, testing::TestDb};
///
/// # #[tokio::main]
/// # async fn main() {
/// let build = async |db: &Db| db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT").await;
/// let one = TestDb::from_template(DbKind::Sqlite, "notes", build).await.unwrap();
/// let other = TestDb::from_template(DbKind::Sqlite, "notes", build).await.unwrap();
/// assert_ne!(one.url(), other.url());
/// # }
/// ```
pub struct TestDb {
    db: Db,
    place: Place,
}

enum Place {
    Postgres(Database),
    Sqlite(SqliteFile),
}

impl TestDb {
    /// A new database that is a copy of the template `key`.
    ///
    /// The first call for a key and a kind makes the template: it hands `build` an empty database to
    /// migrate and fill. When `build` fails, the next call tries again.
    ///
    /// # Errors
    /// When `build` fails, or the database cannot be made, with the words of either.
    pub async fn from_template<E: Display>(
        kind: DbKind,
        key: &str,
        build: impl AsyncFnOnce(&Db) -> Result<(), E>,
    ) -> Result<Self, ServerError> {
        let place = match kind {
            DbKind::Sqlite => Place::Sqlite(SqliteFile::copied(key, build).await?),
            DbKind::Postgres => {
                let build = async move |url: &str| filled(url, build).await;
                Place::Postgres(Postgres::shared()?.database_from(key, build).await?)
            }
        };
        let db = connect(&place.url()).await?;
        Ok(Self { db, place })
    }

    /// The database.
    #[must_use]
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Its address, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        self.place.url()
    }
}

impl Place {
    fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url().to_owned(),
            Self::Sqlite(file) => file.url(),
        }
    }
}

/// Few connections, because many tests run at once, and much patience.
async fn connect(url: &str) -> Result<Db, ServerError> {
    let config = DbConfig {
        pool_size: 3,
        sqlite_readers: 2,
        wait_timeout: PATIENCE,
        create_timeout: PATIENCE,
        recycle_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        ..DbConfig::new(url)
    };
    let connected = Db::connect(&config).await;
    connected.map_err(|e| ServerError::new(format!("the database of a test cannot be opened: {e}")))
}

async fn filled<E: Display>(
    url: &str,
    build: impl AsyncFnOnce(&Db) -> Result<(), E>,
) -> Result<(), ServerError> {
    let db = connect(url).await?;
    build(&db)
        .await
        .map_err(|e| ServerError::new(e.to_string()))
}

/// A database file, and what SQLite puts beside it.
struct SqliteFile {
    path: PathBuf,
}

impl SqliteFile {
    /// A name that no other test has, in a folder that ends with the process.
    fn new() -> Result<Self, ServerError> {
        static FOLDER: LazyLock<Result<PathBuf, ServerError>> = LazyLock::new(|| {
            let made = new_folder().and_then(|folder| {
                remove_at_exit(&folder)?;
                Ok(folder)
            });
            made.map_err(|e| ServerError::new(format!("no folder for SQLite files: {e}")))
        });
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let folder = FOLDER.as_ref().map_err(Clone::clone)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("test_{number}.db"));
        Ok(Self { path })
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.path.display())
    }

    /// A copy of a template, whose bytes are kept in memory.
    async fn copied<E: Display>(
        key: &str,
        build: impl AsyncFnOnce(&Db) -> Result<(), E>,
    ) -> Result<Self, ServerError> {
        type Templates = Mutex<HashMap<String, Bytes>>;
        static TEMPLATES: LazyLock<Templates> = LazyLock::new(Mutex::default);
        // Locked while one is built, so each is built once.
        let mut templates = TEMPLATES.lock().await;
        let bytes = match templates.get(key) {
            Some(bytes) => bytes.clone(),
            None => {
                let bytes = Self::template(build).await.map_err(|error| {
                    ServerError::new(format!("template `{key}` cannot be built: {error}"))
                })?;
                templates.insert(key.to_owned(), bytes.clone());
                bytes
            }
        };
        drop(templates);
        let file = Self::new()?;
        fs::write(&file.path, bytes).map_err(|e| ServerError::new(e.to_string()))?;
        Ok(file)
    }

    async fn template<E: Display>(
        build: impl AsyncFnOnce(&Db) -> Result<(), E>,
    ) -> Result<Bytes, ServerError> {
        let failed = |error: &dyn Display| ServerError::new(error.to_string());
        let (built, whole) = (Self::new()?, Self::new()?);
        let db = connect(&built.url()).await?;
        build(&db).await.map_err(|e| failed(&e))?;
        // One file with everything in it: the write-ahead log is no part of a plain copy.
        let copy = format!("VACUUM INTO '{}'", whole.path.display());
        db.batch(&copy).await.map_err(|e| failed(&e))?;
        Ok(fs::read(&whole.path).map_err(|e| failed(&e))?.into())
    }
}

impl Drop for SqliteFile {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            // Some are not there; and whatever stays goes with the folder.
            let _ = fs::remove_file(path);
        }
    }
}
