//! A private PostgreSQL for tests: one server per test process, one database per test.
//!
//! Tests call it. It must never connect to a PostgreSQL that was there before.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::runtime;
use tokio::sync::Mutex;

use super::server::{Server, ServerError, data_folder, search_path};

/// The same order of text on every machine: by code point. macOS knows that order only as `C`.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "--locale=en_US.UTF-8 --lc-collate=C"
} else {
    "--locale=C.UTF-8"
};

/// Nothing here needs to survive a crash, so nothing waits for the disk. When `initdb` fails, `postgres`
/// fails after it and the log tells both. Autovacuum would hold templates that are being copied.
const START: &str = r#"
"$2/initdb" --pgdata=DATA --username=postgres --auth=trust --encoding=UTF8 LOCALE --no-sync >log 2>&1
"$2/postgres" -D DATA -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$1" \
    -c max_connections=400 -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB -c autovacuum=off -c jit=off >>log 2>&1 &
"#;

/// A running private PostgreSQL.
///
/// ```
/// use crud_core::{Db, DbConfig, testing::Postgres};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let build = async |url: &str| {
///     Db::connect(&DbConfig::new(url)).await?.batch("CREATE TABLE notes (id bigint PRIMARY KEY)").await
/// };
/// let postgres = Postgres::shared()?;
/// let one = postgres.database_from("notes", build).await?;
/// let other = postgres.database_from("notes", build).await?;
/// assert_ne!(one.url(), other.url());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    /// The templates that are complete. Locked while one is built, so each is built once.
    templates: Mutex<HashSet<String>>,
    next: AtomicUsize,
    /// The end of a CREATE DATABASE.
    strategy: &'static str,
    dropped: Sender<String>,
}

impl Postgres {
    /// The server of this process, started by the first call.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; every later call says the same.
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: LazyLock<Result<Postgres, ServerError>> = LazyLock::new(Postgres::start);
        SHARED.as_ref().map_err(Clone::clone)
    }

    fn start() -> Result<Self, ServerError> {
        let programs =
            find_programs().ok_or_else(|| ServerError::missing("PostgreSQL", "initdb"))?;
        let start = START.replace("LOCALE", LOCALE).replace("DATA", "data");
        let server = Server::start("PostgreSQL", &programs, &start)?;
        let (dropped, names) = channel();
        let url = database_url(server.port(), "postgres");
        thread::spawn(move || drop_databases(&url, &names));
        Ok(Self {
            server,
            templates: Mutex::default(),
            next: AtomicUsize::new(0),
            strategy: copy_strategy(&programs),
            dropped,
        })
    }

    /// A new empty database.
    ///
    /// # Errors
    /// When the server refuses, with its words.
    pub async fn database(&self) -> Result<Database, ServerError> {
        self.create("template1").await
    }

    /// A new database that is a copy of the template `key`.
    ///
    /// The first call for a key makes the template: it hands `build` the address of an empty database to
    /// migrate and fill. When `build` fails, the next call tries again.
    ///
    /// # Errors
    /// When `build` fails or the server refuses, with their words.
    pub async fn database_from<E: std::fmt::Display>(
        &self,
        key: &str,
        build: impl AsyncFnOnce(&str) -> Result<(), E>,
    ) -> Result<Database, ServerError> {
        let template = format!("template_{key}");
        let mut templates = self.templates.lock().await;
        if !templates.contains(&template) {
            let name = quoted(&template);
            self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                .await?;
            self.execute(&format!("CREATE DATABASE {name}")).await?;
            build(&database_url(self.port(), &template))
                .await
                .map_err(|error| {
                    ServerError::new(format!("template `{key}` cannot be built: {error}"))
                })?;
            // A database with connections cannot be copied, and pools close theirs late.
            self.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
                .await?;
            self.execute(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                template.replace('\'', "''")
            ))
            .await?;
            templates.insert(template.clone());
        }
        drop(templates);
        self.create(&template).await
    }

    /// The loopback port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    async fn create(&self, template: &str) -> Result<Database, ServerError> {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let template = quoted(template);
        let strategy = self.strategy;
        self.execute(&format!(
            "CREATE DATABASE {name} TEMPLATE {template}{strategy}"
        ))
        .await?;
        Ok(Database {
            url: database_url(self.port(), &name),
            name,
            dropped: self.dropped.clone(),
        })
    }

    async fn execute(&self, sql: &str) -> Result<(), ServerError> {
        execute(&database_url(self.port(), "postgres"), sql).await
    }
}

/// A PostgreSQL for one test alone, which can be restarted; dropping it stops it and removes its data.
///
/// ```
/// use crud_core::{Db, DbConfig, testing::OwnPostgres};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut postgres = OwnPostgres::start()?;
/// let db = Db::connect(&DbConfig::new(postgres.url())).await?;
/// db.batch("CREATE TABLE notes (id bigint PRIMARY KEY)").await?;
/// postgres.restart()?;
/// assert!(postgres.url().ends_with("/postgres"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OwnPostgres {
    server: Option<Server>,
    programs: PathBuf,
    port: u16,
    data: PathBuf,
}

impl OwnPostgres {
    /// Starts one with an empty database `postgres`.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self, ServerError> {
        let programs =
            find_programs().ok_or_else(|| ServerError::missing("PostgreSQL", "initdb"))?;
        let data = data_folder()
            .map_err(|e| ServerError::new(format!("no folder for PostgreSQL: {e}")))?;
        let place = format!("'{}'", data.display());
        let start = START.replace("LOCALE", LOCALE).replace("DATA", &place);
        let server = Server::start("PostgreSQL", &programs, &start)?;
        Ok(Self {
            port: server.port(),
            server: Some(server),
            programs,
            data,
        })
    }

    /// Stops it in the fast way, with its transactions undone and its connections cut, and starts it again on its
    /// port. Returns when it accepts connections.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.server = None;
        let (_, run) = START
            .trim_start()
            .split_once('\n')
            .expect("the second line starts it");
        let start = run
            .replace("DATA", &format!("'{}'", self.data.display()))
            .replace("\"$3\"", &self.port.to_string());
        let server = Server::start("PostgreSQL", &self.programs, &format!("\n{start}"))?;
        self.server = Some(server);
        Ok(())
    }

    /// The address of its database, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// The same by another port, such as a [`Proxy`](super::Proxy)'s.
    #[must_use]
    pub fn url_by(&self, port: u16) -> String {
        database_url(port, "postgres")
    }

    /// The loopback port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.server = None;
        // Whatever stays goes with the process.
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// A database of one test; dropping it removes it from the server, connected pools or not.
///
/// ```
/// use crud_core::{Db, DbConfig, testing::Postgres};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let database = Postgres::shared()?.database().await?;
/// let db = Db::connect(&DbConfig::new(database.url())).await?;
/// assert!(db.answers().await);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    dropped: Sender<String>,
}

impl Database {
    /// Its address, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The receiver ends only with the process, and the server with it.
        let _ = self.dropped.send(std::mem::take(&mut self.name));
    }
}

/// Removes databases in the background, so that no test waits for it.
fn drop_databases(url: &str, names: &Receiver<String>) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime without threads needs only a few file descriptors");
    for name in names {
        // A database that stays takes some room until the server ends.
        let _ = runtime.block_on(execute(url, &format!("DROP DATABASE {name} WITH (FORCE)")));
    }
}

async fn execute(url: &str, sql: &str) -> Result<(), ServerError> {
    let failed = |error: &dyn std::fmt::Display| {
        ServerError::new(format!("PostgreSQL for tests refuses `{sql}`: {error}"))
    };
    let mut connection = AsyncPgConnection::establish(url)
        .await
        .map_err(|error| failed(&error))?;
    connection
        .batch_execute(sql)
        .await
        .map_err(|error| failed(&error))
}

fn database_url(port: u16, name: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{name}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The folder with `initdb` and `postgres`: the highest version where systems and Homebrew put them, else `PATH`.
fn find_programs() -> Option<PathBuf> {
    let has_programs =
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let installed = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]
        .into_iter()
        .filter_map(|parent| fs::read_dir(parent).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((version(&path)?, path.join("bin"))))
        .filter(|(_, folder)| has_programs(folder))
        .max_by_key(|(version, _)| *version)
        .map(|(_, folder)| folder);
    installed.or_else(|| search_path().into_iter().find(has_programs))
}

/// 15 for `15` (Debian) and for `postgresql@15` (Homebrew).
fn version(folder: &Path) -> Option<u32> {
    let name = folder.file_name()?.to_str()?;
    name.strip_prefix("postgresql@")
        .unwrap_or(name)
        .parse()
        .ok()
}

/// Copying the files takes a third of the time that writing them through the log takes. Before version 15
/// there is no other way, and no word for it.
fn copy_strategy(programs: &Path) -> &'static str {
    let major = || -> Option<u32> {
        let output = Command::new(programs.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let words = String::from_utf8(output.stdout).ok()?;
        words
            .split_whitespace()
            .find_map(|word| word.split('.').next()?.parse().ok())
    };
    if major().is_some_and(|major| major >= 15) {
        " STRATEGY FILE_COPY"
    } else {
        ""
    }
}
