//! One entity behind everything that a real server has around it, as a contestant of the comparison
//! with other frameworks. `README.md` says how to run it; nothing else of the project needs it.

mod course;

use std::{fmt::Debug, str::FromStr, sync::Arc};

use anyhow::{Context as _, Result, bail};
use crud_core::{
    App, Db, DbConfig, Registry,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    cache::{Cache, DEFAULT_BYTES, Memory, control::Permitted},
    db::{DbKind, Executor as _},
    serve::{EdgeConfig, ServeConfig, Shutdown, edge, serve},
    telemetry::{self, ReadyCheck, TelemetryConfig, health_routes},
};
use tokio::{net::TcpListener, runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections and reader threads: as many as the hand-written servers have.
const POOL_SIZE: usize = 16;
const SQLITE_READERS: usize = 4;
/// What servers of one PostgreSQL agree upon about the cache.
const CONTROL: &str = include_str!("../../../migrations/postgres/0020_cache/up.sql");

fn main() -> Result<()> {
    let mut runtime = runtime::Builder::new_multi_thread();
    runtime.worker_threads(parsed("WORKERS")?).enable_all();
    let command = std::env::args().nth(1).unwrap_or_default();
    runtime.build()?.block_on(async {
        match command.as_str() {
            "pg" => answer(variable("DATABASE_URL")?, Caching::Off).await,
            "pg-cached" => answer(variable("DATABASE_URL")?, Caching::InProcess).await,
            "pg-redis" => answer(variable("DATABASE_URL")?, Caching::Redis).await,
            "sqlite" => answer(sqlite_url()?, Caching::Off).await,
            "sqlite-cached" => answer(sqlite_url()?, Caching::InProcess).await,
            "convert" => convert().await,
            other => bail!(
                "`{other}` is no command: expected pg, pg-cached, pg-redis, sqlite, sqlite-cached or convert"
            ),
        }
    })
}

/// Where bodies are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caching {
    Off,
    InProcess,
    Redis,
}

impl Caching {
    async fn cache(self, db: &Db) -> Result<Cache> {
        let memory = || Memory::new(DEFAULT_BYTES);
        let tables = || vec!["courses".to_owned()];
        if db.kind() == DbKind::Sqlite || self == Self::Off {
            return Ok(match self {
                Self::Off => Cache::off(),
                Self::InProcess | Self::Redis => Cache::new(memory()),
            });
        }
        // Left there by an earlier server of the same contest, perhaps.
        let _ = db.batch(CONTROL).await;
        let permitted = match self {
            Self::Redis => {
                let url = variable("REDIS_URL")?;
                Permitted::in_redis(db, tables(), &url, DEFAULT_BYTES).await
            }
            Self::Off | Self::InProcess => {
                Permitted::in_process(db, tables(), Arc::new(memory())).await
            }
        };
        Ok(Cache::new(permitted.map_err(anyhow::Error::msg)?))
    }
}

/// Serves the courses of a database.
async fn answer(url: String, caching: Caching) -> Result<()> {
    telemetry::init(&TelemetryConfig {
        filter: "warn".to_owned(),
        ..TelemetryConfig::default()
    })?;
    let config = DbConfig {
        pool_size: POOL_SIZE,
        sqlite_readers: SQLITE_READERS,
        marks_writes: caching != Caching::Off,
        ..DbConfig::new(url)
    };
    let db = Db::connect(&config).await?;
    let jwt = Jwt::new(JwtConfig::new(variable("JWT_SECRET")?))?;
    let registry = Registry::new().entity::<course::Course>();
    let cache = caching.cache(&db).await?;
    let app = App::with_cache(db, registry, Auth::new(jwt, TokenAuthenticator), cache);
    let listener = TcpListener::bind(("127.0.0.1", parsed("PORT")?)).await?;
    let shutdown = Shutdown::new();
    shutdown.on_signals(std::time::Duration::from_secs(5))?;
    let ready: ReadyCheck = Arc::new(|| Box::pin(async { true }));
    let router = app.router().merge(health_routes(shutdown.clone(), ready));
    let router = edge(router, &EdgeConfig::default());
    serve(listener, router, ServeConfig::default(), shutdown).await;
    Ok(())
}

/// Brings the seeded SQLite file into our storage form.
async fn convert() -> Result<()> {
    let db = Db::connect(&DbConfig::new(sqlite_url()?)).await?;
    Ok(db.batch(include_str!("convert.sql")).await?)
}

fn sqlite_url() -> Result<String> {
    Ok(format!("sqlite://{}", variable("SQLITE_PATH")?))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the comparison configures its servers so"
)]
fn variable(name: &str) -> Result<String> {
    std::env::var(name)
        .with_context(|| format!("{name} is not set: start this from the comparison"))
}

fn parsed<V>(name: &str) -> Result<V>
where
    V: FromStr<Err: std::error::Error + Send + Sync + 'static> + Debug,
{
    let text = variable(name)?;
    text.parse()
        .with_context(|| format!("{name} is `{text}`, which is no number"))
}
