//! `serve`: migrates, fills a fresh database, and answers requests until it is told to end.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::{Router, routing::get};
use crud_core::{
    Db,
    cache::Cache,
    jobs::WorkerConfig,
    serve::{EdgeConfig, ServeConfig, Shutdown, edge, serve},
    telemetry::{health_routes, metrics_text},
};
use lms_server::{
    Lms, MIGRATIONS,
    accounts::NewAccount,
    config::{Config, Demo, RedisUrl, Tokens},
    demo, entities, jobs,
    progress::say,
    roles::Role,
};
use tokio::net::TcpListener;

use super::{configured, database, lms};

/// Ends the process when draining takes longer.
const DEADLINE: Duration = Duration::from_secs(15);

pub(crate) async fn run() -> Result<()> {
    let config = configured()?;
    if config.otlp_endpoint.is_some() {
        say("OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces are not exported yet");
    }
    let db = database(&config, true).await?;
    if config.database.is_postgres() {
        // To other servers, who may run already, a migration is a write from outside.
        let outside = database(&config, false).await?;
        outside.migrate(&MIGRATIONS).await?;
    } else {
        db.migrate(&MIGRATIONS).await?;
    }
    let cache = cache(&db, &config).await?;
    let lms = lms(&config, db, cache)?;
    fill(&lms, &config).await?;
    trust(&lms, &config.tokens).await?;
    let listener = TcpListener::bind(config.bind)
        .await
        .with_context(|| format!("LMS_BIND={}: cannot listen there", config.bind))?;
    let shutdown = Shutdown::new();
    shutdown.on_signals(DEADLINE)?;
    let address = listener.local_addr()?;
    say(&format!("API   http://{address}/api/v1"));
    say(&format!("Docs  http://{address}/docs"));
    let router = router(&lms, &config, &shutdown);
    let worker = jobs::worker(
        &lms,
        WorkerConfig {
            poll: config.jobs.poll,
            lease: config.jobs.lease,
            ..WorkerConfig::default()
        },
    );
    tokio::join!(
        serve(listener, router, ServeConfig::default(), shutdown.clone()),
        worker.run(shutdown),
    );
    if let Some(cache) = lms.app.db().cache() {
        cache.leave().await;
    }
    Ok(())
}

/// Takes the tokens of another issuer, whose keys are looked at again for as long as the server runs.
async fn trust(lms: &Lms, tokens: &Tokens) -> Result<()> {
    let (Some(source), Some(issuer)) = (&tokens.keys, &tokens.keys_issuer) else {
        return Ok(());
    };
    let keys = source.fetch().await;
    let keys = keys.with_context(|| format!("LMS_JWKS={source}: no keys"))?;
    lms.app.auth().jwt().trust(keys.issued_by(issuer));
    let (auth, source, issuer) = (lms.app.auth().clone(), source.clone(), issuer.clone());
    tokio::spawn(async move { source.keep(auth.jwt(), Some(&issuer)).await });
    Ok(())
}

/// The cache that this server may have.
async fn cache(db: &Db, config: &Config) -> Result<Cache> {
    if !config.database.is_postgres() && config.redis.is_some() {
        say("REDIS_URL is set, but SQLite is served by one process, which caches by itself");
    }
    let redis = match config.redis.as_ref().map(RedisUrl::urls) {
        Some([url]) => Some(url.as_str()),
        Some(_) if config.database.is_postgres() => {
            bail!("REDIS_URL names several servers: a cluster is not supported yet")
        }
        _ => None,
    };
    let tables = entities::registry().tables();
    let cache = Cache::connect(db, &tables, redis, config.cache_bytes).await;
    cache.map_err(anyhow::Error::msg)
}

fn router(lms: &Lms, config: &Config, shutdown: &Shutdown) -> Router {
    let router = lms
        .router()
        .merge(health_routes(shutdown.clone(), lms.app.ready()))
        .route("/metrics", get(metrics_text));
    let config = EdgeConfig {
        cors_origins: config.cors_origins.clone(),
        ..EdgeConfig::default()
    };
    edge(router, &config)
}

/// Makes the first administrator, and the demo on a fresh embedded database.
async fn fill(lms: &Lms, config: &Config) -> Result<()> {
    if !demo::is_fresh(lms).await? {
        return Ok(());
    }
    let wanted = match config.demo {
        Demo::On => true,
        Demo::Off => false,
        Demo::WhenFresh => !config.database.is_postgres(),
    };
    if wanted {
        demo::load(lms).await?;
        for (role, email, _) in demo::ACCOUNTS {
            say(&format!(
                "Demo  {role}: {email}, password {}",
                demo::PASSWORD
            ));
        }
    }
    if let Some(admin) = &config.admin {
        let new = NewAccount {
            email: admin.email.clone(),
            full_name: "Administrator".to_owned(),
            password: admin.password.reveal().to_owned(),
            role: Role::Admin,
        };
        lms.add_account(new).await?;
        say(&format!("Admin {}", admin.email));
    }
    Ok(())
}
