//! `serve`: migrates, fills a fresh database, and answers requests until it is told to end.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Router, routing::get};
use crud_core::{
    Db,
    db::Load,
    jobs::WorkerConfig,
    serve::{EdgeConfig, ServeConfig, Shutdown, edge, serve},
    telemetry::{ReadyCheck, health_routes, metrics_text},
};
use lms_server::{
    Lms,
    accounts::NewAccount,
    config::{Config, Demo, Tokens},
    demo, jobs,
    progress::say,
    roles::Role,
};
use tokio::net::TcpListener;

use super::{configured, connected};

/// Ends the process when draining takes longer.
const DEADLINE: Duration = Duration::from_secs(15);

pub(crate) async fn run() -> Result<()> {
    let config = configured()?;
    if config.otlp_endpoint.is_some() {
        say("OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces are not exported yet");
    }
    let lms = connected(&config).await?;
    lms.migrate().await?;
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

fn router(lms: &Lms, config: &Config, shutdown: &Shutdown) -> Router {
    let db = lms.app.db().clone();
    let check: ReadyCheck = Arc::new(move || {
        let db = db.clone();
        Box::pin(async move { answers(&db).await })
    });
    let router = lms
        .router()
        .merge(health_routes(shutdown.clone(), check))
        .route("/metrics", get(metrics_text));
    let config = EdgeConfig {
        cors_origins: config.cors_origins.clone(),
        ..EdgeConfig::default()
    };
    edge(router, &config)
}

async fn answers(db: &Db) -> bool {
    let one: Result<Vec<i32>, _> = db
        .fetch(diesel::select(
            diesel::dsl::sql::<diesel::sql_types::Integer>("1"),
        ))
        .await;
    one.is_ok()
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
