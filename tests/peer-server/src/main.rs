//! One entity behind everything that a real server has around it, as a contestant of the comparison
//! with other frameworks. `README.md` says how to run it; nothing else of the project needs it.

mod course;

use std::{fmt::Debug, str::FromStr, sync::Arc};

use anyhow::{Context as _, Result, bail};
use crud_core::{
    App, Db, DbConfig, Registry,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    serve::{EdgeConfig, ServeConfig, Shutdown, edge, serve},
    telemetry::{self, ReadyCheck, TelemetryConfig, health_routes},
};
use tokio::{net::TcpListener, runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections and reader threads: as many as the hand-written servers have.
const POOL_SIZE: usize = 16;
const SQLITE_READERS: usize = 4;

fn main() -> Result<()> {
    let mut runtime = runtime::Builder::new_multi_thread();
    runtime.worker_threads(parsed("WORKERS")?).enable_all();
    let command = std::env::args().nth(1).unwrap_or_default();
    runtime.build()?.block_on(async {
        match command.as_str() {
            "pg" => answer(variable("DATABASE_URL")?).await,
            "sqlite" => answer(sqlite_url()?).await,
            "convert" => convert().await,
            other => bail!("`{other}` is no command: expected pg, sqlite or convert"),
        }
    })
}

/// Serves the courses of a database.
async fn answer(url: String) -> Result<()> {
    telemetry::init(&TelemetryConfig {
        filter: "warn".to_owned(),
        ..TelemetryConfig::default()
    })?;
    let config = DbConfig {
        pool_size: POOL_SIZE,
        sqlite_readers: SQLITE_READERS,
        ..DbConfig::new(url)
    };
    let db = Db::connect(&config).await?;
    let jwt = Jwt::new(JwtConfig::new(variable("JWT_SECRET")?))?;
    let registry = Registry::new().entity::<course::Course>();
    let app = App::new(db, registry, Auth::new(jwt, TokenAuthenticator));
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
