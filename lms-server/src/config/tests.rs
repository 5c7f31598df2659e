use super::*;

fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_env(&|name| {
        let found = vars.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The one fault of an environment.
fn fault(vars: &[(&str, &str)]) -> String {
    let error = config(vars).expect_err("the environment is refused");
    assert_eq!(error.faults().len(), 1, "{error}");
    error.to_string()
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn an_empty_environment_means_the_defaults() {
    let config = config(&[]).unwrap();
    assert_eq!(config.database.url(), "sqlite://data/lms.db");
    assert_eq!(config.redis, None);
    assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
    let kept = JwtSecret::Kept("data/lms.db.jwt-secret".into());
    assert_eq!(config.jwt_secret, kept);
    assert_eq!(config.admin, None);
    assert_eq!(config.demo, Demo::WhenFresh);
    assert_eq!(config.smtp, None);
    assert_eq!(config.log_format, LogFormat::Text);
    assert_eq!(config.log_filter, "info");
    assert_eq!(config.otlp_endpoint, None);
    assert!(config.cors_origins.is_empty());
}

#[test]
fn a_blank_variable_counts_as_unset() {
    let blank = config(&[
        ("DATABASE_URL", " "),
        ("LMS_BIND", ""),
        ("LMS_JWT_SECRET", ""),
    ]);
    assert_eq!(blank.unwrap().database.url(), "sqlite://data/lms.db");
}

#[test]
fn all_faults_are_reported_at_once() {
    let error = config(&[
        ("LMS_BIND", "here"),
        ("LMS_DEMO", "maybe"),
        ("LOG_FORMAT", "xml"),
    ]);
    let error = error.unwrap_err();
    assert_eq!(error.faults().len(), 3, "{error}");
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn database_url_names_sqlite_or_postgres() {
    for url in [
        "sqlite://lms.db",
        "sqlite:///var/lib/lms.db",
        "sqlite::memory:",
    ] {
        let config = config(&[("DATABASE_URL", url)]).unwrap();
        assert_eq!(config.database.url(), url);
    }
    for url in [
        "postgres://u:p@h/db",
        "postgresql://h:5432",
        "postgres:///db?host=/run/pg",
    ] {
        let config = config(&[("DATABASE_URL", url), ("LMS_JWT_SECRET", SECRET)]).unwrap();
        assert!(config.database.is_postgres());
        assert_eq!(config.database.url(), url);
    }
    for url in [
        "mysql://h/db",
        "lms.db",
        "sqlite://",
        "sqlite://data/",
        "postgres://",
        "postgres:///db",
    ] {
        let fault = fault(&[("DATABASE_URL", url)]);
        assert!(fault.starts_with("DATABASE_URL is `"), "{fault}");
        assert!(
            fault.contains("sqlite://PATH, sqlite::memory: or postgres://"),
            "{fault}"
        );
    }
}

#[test]
fn postgres_parts_build_a_url_when_there_is_none() {
    let built = |vars: &[(&str, &str)]| {
        let vars: Vec<_> = vars
            .iter()
            .copied()
            .chain([("LMS_JWT_SECRET", SECRET)])
            .collect();
        config(&vars).unwrap().database.url()
    };
    let all = [
        ("POSTGRES_HOST", "db"),
        ("POSTGRES_PORT", "6000"),
        ("POSTGRES_USER", "lms"),
        ("POSTGRES_PASSWORD", "p@ss/w:rd ü"),
        ("POSTGRES_DB", "courses"),
    ];
    assert_eq!(
        built(&all),
        "postgres://lms:p%40ss%2Fw%3Ard%20%C3%BC@db:6000/courses"
    );
    assert_eq!(built(&all[..1]), "postgres://postgres@db:5432/postgres");
    assert_eq!(built(&all[2..3]), "postgres://lms@localhost:5432/lms");
    assert_eq!(
        built(&[("POSTGRES_HOST", "::1")]),
        "postgres://postgres@[::1]:5432/postgres"
    );
    let url_wins = [("DATABASE_URL", "sqlite::memory:"), ("POSTGRES_HOST", "db")];
    assert_eq!(built(&url_wins), "sqlite::memory:");
    let port = fault(&[("POSTGRES_PORT", "70000"), ("LMS_JWT_SECRET", SECRET)]);
    assert_eq!(
        port,
        "POSTGRES_PORT is `70000`; accepted is a port, 1 to 65535."
    );
    let host = fault(&[("POSTGRES_HOST", "a:b@c"), ("LMS_JWT_SECRET", SECRET)]);
    assert!(host.starts_with("POSTGRES_HOST is `***@c`"), "{host}");
}

#[test]
fn redis_url_names_one_server_or_a_cluster() {
    let urls = |vars: &[(&str, &str)]| config(vars).unwrap().redis.unwrap().urls().join(" ");
    assert_eq!(
        urls(&[("REDIS_URL", "redis://h:6379/1")]),
        "redis://h:6379/1"
    );
    assert_eq!(
        urls(&[("REDIS_URL", "rediss://:pw@a:1, b:2,rediss://c:3")]),
        "rediss://:pw@a:1 rediss://b:2 rediss://c:3"
    );
    assert_eq!(
        urls(&[("REDIS_HOST", "cache"), ("REDIS_PASSWORD", "a b")]),
        "redis://:a%20b@cache:6379"
    );
    assert_eq!(urls(&[("REDIS_PORT", "7000")]), "redis://localhost:7000");
    for url in ["http://h", "redis://", "redis://a,,b", "h:6379"] {
        assert!(fault(&[("REDIS_URL", url)]).starts_with("REDIS_URL is `"));
    }
}

#[test]
fn lms_bind_is_an_address_and_a_port() {
    let bound = |bind: &str| {
        let config = config(&[("LMS_BIND", bind), ("LMS_JWT_SECRET", SECRET)]);
        config.unwrap().bind.to_string()
    };
    assert_eq!(bound("0.0.0.0:80"), "0.0.0.0:80");
    assert_eq!(bound("[::1]:0"), "[::1]:0");
    assert_eq!(bound("localhost:9000"), "127.0.0.1:9000");
    for bind in [
        "8000",
        ":8000",
        "127.0.0.1",
        "example.org:80",
        "127.0.0.1:70000",
    ] {
        let fault = fault(&[("LMS_BIND", bind)]);
        assert!(
            fault.starts_with(&format!("LMS_BIND is `{bind}`")),
            "{fault}"
        );
    }
}

#[test]
fn the_jwt_secret_is_required_where_others_can_reach_the_server() {
    let public = fault(&[("LMS_BIND", "0.0.0.0:8000")]);
    assert!(public.starts_with("LMS_JWT_SECRET is ``; accepted is a secret of at least 32 bytes"));
    assert!(
        public.contains("LMS_BIND is not a loopback address"),
        "{public}"
    );
    let postgres = fault(&[("DATABASE_URL", "postgres://h/db")]);
    assert!(
        postgres.contains("the database is PostgreSQL"),
        "{postgres}"
    );
    let given = config(&[("LMS_BIND", "0.0.0.0:8000"), ("LMS_JWT_SECRET", SECRET)]).unwrap();
    assert_eq!(given.jwt_secret, JwtSecret::Given(Secret::new(SECRET)));
    let memory = config(&[("DATABASE_URL", "sqlite::memory:")]).unwrap();
    assert_eq!(memory.jwt_secret, JwtSecret::Fresh);
}

#[test]
fn a_short_jwt_secret_is_refused_unseen() {
    let short = &SECRET[..31];
    let fault = fault(&[("LMS_JWT_SECRET", short)]);
    assert!(
        fault.contains("31 bytes") && fault.contains("at least 32"),
        "{fault}"
    );
    assert!(!fault.contains(short));
}

#[test]
fn the_first_admin_has_an_email_and_a_password() {
    let admin = [
        ("LMS_ADMIN_EMAIL", "a@b.org"),
        ("LMS_ADMIN_PASSWORD", " long enough "),
    ];
    let found = config(&admin).unwrap().admin.unwrap();
    assert_eq!(found.email, "a@b.org");
    assert_eq!(found.password.reveal(), " long enough ");
    assert!(fault(&admin[..1]).starts_with("LMS_ADMIN_PASSWORD is ``"));
    assert!(fault(&admin[1..]).starts_with("LMS_ADMIN_EMAIL is ``"));
    for email in ["nobody", "@b", "a@", "a@b@c", "a b@c"] {
        let fault = fault(&[("LMS_ADMIN_EMAIL", email), admin[1]]);
        assert!(
            fault.starts_with(&format!("LMS_ADMIN_EMAIL is `{email}`")),
            "{fault}"
        );
    }
    for password in ["hunter2", &"p".repeat(129)] {
        let fault = fault(&[admin[0], ("LMS_ADMIN_PASSWORD", password)]);
        assert!(fault.starts_with("LMS_ADMIN_PASSWORD is `***`"), "{fault}");
    }
}

#[test]
fn the_small_switches_take_their_words_only() {
    let with = |name: &'static str, value: &'static str| config(&[(name, value)]).unwrap();
    assert_eq!(with("LMS_DEMO", "1").demo, Demo::On);
    assert_eq!(with("LMS_DEMO", "0").demo, Demo::Off);
    assert_eq!(
        fault(&[("LMS_DEMO", "yes")]),
        "LMS_DEMO is `yes`; accepted is 1 or 0."
    );
    assert_eq!(with("LOG_FORMAT", "json").log_format, LogFormat::Json);
    let format = fault(&[("LOG_FORMAT", "JSON!")]);
    assert_eq!(format, "LOG_FORMAT is `JSON!`; accepted is text or json.");
    assert_eq!(
        with("RUST_LOG", "warn,http=off").log_filter,
        "warn,http=off"
    );
    assert!(fault(&[("RUST_LOG", "http=loud")]).starts_with("RUST_LOG is `http=loud`"));
}

#[test]
fn service_urls_have_the_right_scheme_and_a_host() {
    let smtp = config(&[("SMTP_URL", "smtps://u:p@mail:465")]).unwrap();
    assert_eq!(smtp.smtp.unwrap().reveal(), "smtps://u:p@mail:465");
    let otlp = config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")]).unwrap();
    assert!(otlp.otlp_endpoint.is_some());
    let smtp = fault(&[("SMTP_URL", "http://u:hidden@mail")]);
    assert!(smtp.starts_with("SMTP_URL is `http://***@mail`"), "{smtp}");
    let otlp = fault(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://h?key=hidden")]);
    assert!(
        otlp.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT is `grpc://h?***`"),
        "{otlp}"
    );
    assert!(config(&[("SMTP_URL", "smtp://:25")]).is_err());
}

#[test]
fn cors_origins_are_exact() {
    let list = "https://app.example.org, http://localhost:3000";
    assert_eq!(
        config(&[("LMS_CORS_ORIGINS", list)])
            .unwrap()
            .cors_origins
            .len(),
        2
    );
    for origin in [
        "*",
        "https://*.example.org",
        "null",
        "https://a.org/",
        "a.org",
    ] {
        let fault = fault(&[("LMS_CORS_ORIGINS", origin)]);
        assert!(
            fault.starts_with(&format!("LMS_CORS_ORIGINS is `{origin}`")),
            "{fault}"
        );
    }
}

#[test]
fn secrets_are_never_shown() {
    let canary = "canary-canary-canary-canary-canary";
    let postgres = format!("postgres://u:{canary}@h/db?password={canary}");
    let redis = format!("redis://:{canary}@h");
    let smtp = format!("smtp://u:{canary}@h");
    let mut vars = vec![
        ("DATABASE_URL", postgres.as_str()),
        ("REDIS_URL", &redis),
        ("SMTP_URL", &smtp),
        ("LMS_JWT_SECRET", canary),
        ("LMS_ADMIN_EMAIL", "a@b.org"),
        ("LMS_ADMIN_PASSWORD", canary),
    ];
    let shown = format!("{:?}", config(&vars).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("postgres://***@h/db?***"), "{shown}");
    let wrong = [
        format!("postgress://u:{canary}@h/db"),
        format!("u:{canary}@h/db"),
        format!("postgres://u:{canary}?x/y@z@h /db"),
    ];
    for url in &wrong {
        vars[0].1 = url;
        let error = config(&vars).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn a_kept_secret_is_made_once_and_readable_by_its_owner_only() {
    let folder = Folder::new("kept");
    let path = folder.0.join("deep/lms.db.jwt-secret");
    let kept = JwtSecret::Kept(path.clone());
    let made = kept.resolve().unwrap();
    assert!(made.reveal().len() >= 32);
    assert_eq!(kept.resolve().unwrap(), made);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = kept.resolve().unwrap_err().to_string();
        assert!(error.contains("its mode is 644"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::write(&path, "short").unwrap();
    let error = kept.resolve().unwrap_err().to_string();
    assert!(error.contains("has 5 bytes"), "{error}");
}

#[test]
fn processes_that_start_together_keep_one_secret() {
    let folder = Folder::new("race");
    let kept = JwtSecret::Kept(folder.0.join("lms.db.jwt-secret"));
    let made: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8).map(|_| scope.spawn(|| kept.resolve())).collect();
        let joined = starting.into_iter().map(|start| start.join().unwrap());
        joined.collect::<Result<_, _>>().unwrap()
    });
    assert!(made.iter().all(|secret| *secret == made[0]));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
}

/// A folder of this test's own, removed at its end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lms-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn keys_of_another_issuer_are_a_file_or_an_https_address_with_the_issuer() {
    let issuer = ("LMS_JWKS_ISSUER", "https://id.example");
    for good in ["keys.json", "https://id.example/keys"] {
        let config = config(&[("LMS_JWKS", good), issuer]).unwrap();
        let source = config.tokens.keys.expect("a source");
        assert_eq!(source.to_string(), good);
    }
    let said = fault(&[("LMS_JWKS", "http://id.example/keys"), issuer]);
    assert!(
        said.contains("LMS_JWKS is `http://id.example/keys`"),
        "{said}"
    );
    let said = fault(&[("LMS_JWKS", "keys.json")]);
    assert!(said.starts_with("LMS_JWKS_ISSUER is ``"), "{said}");
}

#[test]
fn the_cache_is_measured_in_mebibytes() {
    let bytes = |given: &[(&str, &str)]| config(given).unwrap().cache_bytes;
    assert_eq!(bytes(&[]), 64 << 20);
    assert_eq!(bytes(&[("LMS_CACHE_MB", "0")]), 0);
    assert_eq!(bytes(&[("LMS_CACHE_MB", "8")]), 8 << 20);
    for wrong in ["much", "-1", "1.5", "1048577"] {
        let told = fault(&[("LMS_CACHE_MB", wrong)]);
        let expected = format!("LMS_CACHE_MB is `{wrong}`; accepted is a number of MiB from 0");
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[test]
fn the_times_of_jobs_are_seconds() {
    let times = config(&[("LMS_JOBS_POLL", "0.25"), ("LMS_JOBS_LEASE", "60")]);
    let times = times.unwrap().jobs;
    assert_eq!((times.poll.as_millis(), times.lease.as_secs()), (250, 60));
    let default = config(&[]).unwrap().jobs;
    assert_eq!((default.poll.as_secs(), default.lease.as_secs()), (1, 30));
    for wrong in ["soon", "0", "-1", "NaN", "inf", "3601"] {
        let told = fault(&[("LMS_JOBS_LEASE", wrong)]);
        let expected = format!("LMS_JOBS_LEASE is `{wrong}`; accepted is a number of seconds");
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[test]
fn mails_are_from_an_address() {
    let from = config(&[("LMS_MAIL_FROM", "School <mail@school.example>")]);
    assert_eq!(
        from.unwrap().mail_from.0.to_string(),
        "School <mail@school.example>"
    );
    let told = fault(&[("LMS_MAIL_FROM", "school")]);
    assert!(told.starts_with("LMS_MAIL_FROM is `school`"), "{told}");
}
