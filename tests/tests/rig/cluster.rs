//! Three servers, each a process with proxies of its own between itself and Redis and PostgreSQL, which are theirs
//! alone; and what can befall them.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::http::Method;
use crud_core::{
    Db, DbConfig,
    auth::{Jwt, JwtConfig},
    testing::{OwnPostgres, Proxy, Redis},
};
use lms_server::{Lms, accounts::NewAccount, roles::Role};
use tests::PASSWORD;

use super::{Plan, http::Http};
use crate::commands::BINARY;

pub(crate) const SERVERS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the server when the test, or its process, ends: the pipe closes.
const RUN: &str =
    r#""$0" </dev/null & server=$!; cat >/dev/null; kill -9 "$server"; wait "$server""#;

struct Server {
    port: u16,
    proxy: Proxy,
    database: Proxy,
    process: Option<Child>,
}

/// What the counters of a server say.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    pub(crate) hits: f64,
    pub(crate) misses: f64,
    pub(crate) marked: f64,
    pub(crate) away: f64,
    pub(crate) refused: f64,
    pub(crate) fenced: f64,
    pub(crate) unmarked: f64,
}

pub(crate) struct Cluster {
    pub(crate) postgres: OwnPostgres,
    pub(crate) redis: Redis,
    servers: Vec<Server>,
    /// An instructor's token.
    pub(crate) token: String,
    plan: Plan,
}

impl Cluster {
    pub(crate) async fn start(plan: &Plan) -> Self {
        let postgres = OwnPostgres::start().expect("PostgreSQL is installed");
        let redis = Redis::start_durable().expect("Redis is installed");
        let token = instructor(&postgres.url()).await;
        let mut servers = Vec::new();
        for _ in 0..SERVERS {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let proxy = Proxy::to(redis.port()).await.expect("a free port");
            // Readers wait 25 ms for Redis.
            proxy.jitter(plan.jitter.min(Duration::from_millis(6)));
            let database = Proxy::to(postgres.port()).await.expect("a free port");
            database.jitter(plan.jitter);
            servers.push(Server {
                port: free.local_addr().expect("it is bound").port(),
                proxy,
                database,
                process: None,
            });
        }
        let mut cluster = Self {
            postgres,
            redis,
            servers,
            token,
            plan: plan.clone(),
        };
        for server in 0..SERVERS {
            cluster.run(server);
        }
        for server in 0..SERVERS {
            cluster.until_ready(server).await;
        }
        cluster
    }

    /// Starts a server.
    pub(crate) fn run(&mut self, server: usize) {
        let server = &mut self.servers[server];
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", RUN])
            .arg(&self.plan.program)
            .env_clear();
        command
            .env("DATABASE_URL", self.postgres.url_by(server.database.port()))
            .envs(self.plan.mutant.map(|mutant| ("CRUD_MUTANT", mutant)))
            .env(
                "REDIS_URL",
                format!("redis://127.0.0.1:{}", server.proxy.port()),
            )
            .env("LMS_BIND", format!("127.0.0.1:{}", server.port))
            .env("LMS_JWT_SECRET", "a secret of tests, 32 bytes long")
            .env("LMS_DEMO", "0")
            .env("RUST_LOG", "error")
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::piped());
        if std::env::var_os("RIG_LOGS").is_none() {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        } else {
            command.env("RUST_LOG", "off,crud_core::cache=info");
        }
        server.process = Some(command.spawn().expect("there is a shell"));
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self, server: usize) {
        if let Some(mut process) = self.servers[server].process.take() {
            drop(process.stdin.take());
            process.wait().expect("the shell ends");
        }
    }

    pub(crate) fn port(&self, server: usize) -> u16 {
        self.servers[server].port
    }

    pub(crate) fn proxy(&self, server: usize) -> &Proxy {
        &self.servers[server].proxy
    }

    /// What is between a server and PostgreSQL.
    pub(crate) fn database(&self, server: usize) -> &Proxy {
        &self.servers[server].database
    }

    async fn ask(&self, server: usize, path: &str) -> Option<super::http::Answer> {
        let mut http = Http::new(self.port(server));
        http.send(Method::GET, path, None, None).await
    }

    pub(crate) async fn until_ready(&self, server: usize) {
        let begin = Instant::now();
        while self
            .ask(server, "/health/ready")
            .await
            .is_none_or(|it| it.status != 200)
        {
            assert!(begin.elapsed() < PATIENCE, "server {server} is not ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What a server counts, since it was started.
    pub(crate) async fn counts(&self, server: usize) -> Counts {
        let answer = self.ask(server, "/metrics").await;
        let text = answer.and_then(|it| it.body.as_str().map(str::to_owned));
        let text = text.unwrap_or_default();
        let sum = |name: &str, label: &str| -> f64 {
            let of = |line: &&str| line.starts_with(name) && line.contains(label);
            let number = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
            text.lines().filter(of).filter_map(number).sum()
        };
        Counts {
            hits: sum("cache_reads_total", "outcome=\"hit\""),
            misses: sum("cache_reads_total", "outcome=\"miss\""),
            marked: sum("cache_reads_total", "outcome=\"bypass_marked\""),
            away: sum("cache_reads_total", "outcome=\"bypass_away\""),
            refused: sum("cache_fills_refused_total", ""),
            fenced: sum("cache_fenced_total", ""),
            unmarked: sum("cache_writes_unmarked_total", ""),
        }
    }

    pub(crate) async fn all_counts(&self) -> [Counts; SERVERS] {
        let mut all = [Counts::default(); SERVERS];
        for (server, counts) in all.iter_mut().enumerate() {
            *counts = self.counts(server).await;
        }
        all
    }

    /// How long it takes until every server has hits again.
    ///
    /// # Errors
    /// A sentence, when one has none in time.
    pub(crate) async fn until_hits(&self) -> Result<Duration, String> {
        let begin = Instant::now();
        let before = self.all_counts().await;
        for (server, before) in before.iter().enumerate() {
            loop {
                let now = self.counts(server).await;
                if now.hits > before.hits {
                    break;
                }
                let waited = begin.elapsed();
                if waited > PATIENCE {
                    return Err(format!("server {server} caches nothing: {now:?}"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(begin.elapsed())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for server in 0..SERVERS {
            self.kill(server);
        }
    }
}

/// The server; `RIG_SERVER` names another, such as a mutant.
pub(crate) fn program() -> PathBuf {
    let given = std::env::var_os("RIG_SERVER").map(PathBuf::from);
    given.unwrap_or_else(|| BINARY.clone())
}

/// Makes the tables and one instructor; gives their token.
async fn instructor(url: &str) -> String {
    let db = Db::connect(&DbConfig::new(url)).await.expect("it is there");
    let lms = Lms::new(db.clone(), tests::jwt());
    lms.migrate().await.expect("it is empty");
    let new = NewAccount {
        email: "instructor@test.example".to_owned(),
        full_name: "An instructor".to_owned(),
        password: PASSWORD.to_owned(),
        role: Role::Instructor,
    };
    let user = lms.add_account(new).await.expect("nobody is there");
    let config = JwtConfig {
        access_ttl: Duration::from_secs(24 * 60 * 60),
        ..JwtConfig::new(*b"a secret of tests, 32 bytes long")
    };
    let jwt = Jwt::new(config).expect("it is long enough");
    jwt.issue(user.id, Role::Instructor.as_str()).0
}
