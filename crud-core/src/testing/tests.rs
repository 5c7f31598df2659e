//! The private servers themselves under test.

use std::convert::Infallible;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use super::server::temporary_folder;
use super::{Postgres, Redis};

const CREATE: &str = "CREATE TABLE things (id bigint)";

async fn execute(url: &str, sql: &str) -> diesel::QueryResult<()> {
    let mut connection = AsyncPgConnection::establish(url).await.unwrap();
    connection.batch_execute(sql).await
}

/// For the end of a server, which nobody announces.
fn patient() -> impl FnMut() {
    let deadline = Instant::now() + Duration::from_secs(20);
    move || {
        assert!(Instant::now() < deadline, "it takes more than 20 seconds");
        thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn each_database_is_new_and_empty() {
    let postgres = Postgres::shared().unwrap();
    let mut databases = Vec::new();
    for _ in 0..3 {
        let database = postgres.database().await.unwrap();
        execute(database.url(), CREATE).await.unwrap();
        databases.push(database);
    }
}

#[tokio::test]
async fn a_template_is_built_once_and_copied() {
    let postgres = Postgres::shared().unwrap();
    let builds = AtomicUsize::new(0);
    let build = async |url: &str| {
        builds.fetch_add(1, Ordering::Relaxed);
        execute(url, CREATE).await
    };
    let (first, second) = tokio::join!(
        postgres.database_from("built \"once\"", &build),
        postgres.database_from("built \"once\"", &build),
    );
    for database in [first.unwrap(), second.unwrap()] {
        execute(database.url(), "DROP TABLE things").await.unwrap();
    }
    assert_eq!(builds.into_inner(), 1);
}

#[tokio::test]
async fn a_template_with_an_open_connection_is_copied() {
    let postgres = Postgres::shared().unwrap();
    let mut open = None;
    let database = postgres
        .database_from("open", async |url: &str| {
            open = Some(AsyncPgConnection::establish(url).await.unwrap());
            Ok::<_, Infallible>(())
        })
        .await;
    assert!(database.is_ok(), "{database:?}");
}

#[tokio::test]
async fn a_failed_template_is_built_again() {
    let postgres = Postgres::shared().unwrap();
    let error = postgres
        .database_from("failing", async |url: &str| execute(url, "nonsense").await)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("template `failing` cannot be built: "),
        "{error}"
    );

    let database = postgres
        .database_from("failing", async |url: &str| execute(url, CREATE).await)
        .await;
    assert!(database.is_ok(), "{database:?}");
}

#[tokio::test]
async fn a_dropped_database_goes_although_it_is_in_use() {
    let postgres = Postgres::shared().unwrap();
    let database = postgres.database().await.unwrap();
    let url = database.url().to_owned();
    let mut connection = AsyncPgConnection::establish(&url).await.unwrap();

    drop(database);
    let mut wait = patient();
    while connection.batch_execute("SELECT 1").await.is_ok() {
        wait();
    }
    while AsyncPgConnection::establish(&url).await.is_ok() {
        wait();
    }
}

#[test]
fn redis_answers_and_ends_with_its_guard() {
    let redis = Redis::start().unwrap();
    let url = redis.url();
    let address = url.strip_prefix("redis://").unwrap();

    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");

    drop(redis);
    assert!(TcpStream::connect(address).is_err());
}

/// Runs itself in a second process, which starts the servers, and kills that.
#[test]
fn servers_end_with_a_killed_process() {
    const CHILD: &str = "CRUD_CORE_TESTING_CHILD";
    if env::var_os(CHILD).is_some() {
        let postgres = Postgres::shared().unwrap();
        let redis = Redis::start().unwrap();
        eprintln!("started {} {}", postgres.port(), redis.port());
        loop {
            thread::park();
        }
    }

    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "testing::tests::servers_end_with_a_killed_process",
        ])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ports: Vec<u16> = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .find_map(|line| {
            let line = line.unwrap();
            let ports = line.strip_prefix("started ")?.split(' ');
            Some(ports.map(|port| port.parse().unwrap()).collect())
        })
        .expect("the child starts both servers");
    let prefix = format!("crud-core-{}-", child.id());
    let folders = || {
        let entries = temporary_folder().read_dir().unwrap();
        entries
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with(&prefix)
            })
            .count()
    };
    assert_eq!(folders(), 2);
    assert!(
        ports
            .iter()
            .all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    );

    child.kill().unwrap();
    child.wait().unwrap();
    let mut wait = patient();
    while folders() > 0 {
        wait();
    }
    assert!(
        ports
            .iter()
            .all(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
    );
}
