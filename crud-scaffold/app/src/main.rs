//! The commands. Without one, it serves.

use std::{env, error::Error, path::Path, time::Duration};

use crud_core::{
    App, Cache, Db, DbConfig, Uuid,
    auth::{Auth, Jwt, JwtConfig, TokenAuthenticator},
    cache::DEFAULT_BYTES,
    serve::Shutdown,
    telemetry::{self, TelemetryConfig},
};
use crud_scaffold::Layout;
use tokio::net::TcpListener;

use new_app::{MIGRATIONS, entities::registry, router};

/// A variable of the environment, or its default.
fn setting(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn serve(db: Db, jwt: Jwt) -> Result<(), Box<dyn Error>> {
    db.migrate(&MIGRATIONS).await?;
    let redis = env::var("REDIS_URL").ok();
    let cache = Cache::connect(&db, &registry().tables(), redis.as_deref(), DEFAULT_BYTES).await?;
    let app = App::with_cache(db, registry(), Auth::new(jwt, TokenAuthenticator), cache);
    let listener = TcpListener::bind(setting("BIND", "127.0.0.1:8000")).await?;
    let shutdown = Shutdown::new();
    shutdown.on_signals(Duration::from_secs(15))?;
    app.serve(listener, router(&app), shutdown).await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["new-migration", name] = arguments[..] {
        let (here, registry) = (Path::new("."), registry());
        let plan =
            crud_scaffold::write_migration(here, Layout::CRATE, name, &MIGRATIONS, &registry)
                .await?;
        println!("{plan}");
        return Ok(());
    }
    let secret = env::var("JWT_SECRET")
        .map_err(|_| "JWT_SECRET is not set: at least 32 bytes that nobody knows")?;
    let jwt = Jwt::new(JwtConfig::new(secret))?;
    if let ["token", role] = arguments[..] {
        let developer: Uuid = "00000000-0000-0000-0000-000000000001".parse()?;
        println!("{}", jwt.issue(developer, role).0);
        return Ok(());
    }
    telemetry::init(&TelemetryConfig::default())?;
    let url = setting("DATABASE_URL", "sqlite://new-app.db");
    let db = Db::connect(&DbConfig::new(url)).await?;
    match arguments[..] {
        [] | ["serve"] => serve(db, jwt).await,
        ["migrate"] => Ok(db.migrate(&MIGRATIONS).await.map(drop)?),
        _ => Err("the commands are serve, migrate, new-migration NAME and token ROLE".into()),
    }
}
