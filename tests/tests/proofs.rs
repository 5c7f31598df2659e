//! Exactly once, and all or nothing, at length: writers who contend, servers that are killed, answers that get lost,
//! faults at each place.
//!
//! `ONCE_INCREMENTS`, `ONCE_POSTS` and `ONCE_BULKS` (the step from one index to the next) make the runs longer;
//! `TEST_SEED` repeats the choices of one.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, TcpListener},
    process::{Child, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use crud_core::{
    auth::{Jwt, JwtConfig},
    testing::{Client, Random, on_both},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use lms_server::roles::Role;
use serde_json::{Value, json};
use tests::TestApp;
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    commands::command,
    once::KEY,
    rig::setting,
    steps::{NOBODY, count, lesson, made, published, texts},
};

/// Adds one, until it is done. A server that is too busy says so, and is asked again: that it did nothing is seen by the sum.
async fn increment(by: &Client, path: &str, refused: &AtomicU64) -> i64 {
    loop {
        let row = by.get(path).await;
        if row.status == 503 {
            let _ = row.is_problem(503, "unavailable");
            continue;
        }
        let row = row.is(200);
        let next = row["order"].as_i64().expect("a number") + 1;
        let call = by
            .request(Method::PATCH, path)
            .header(header::IF_MATCH, row.etag());
        let reply = call.json(json!({"order": next})).send().await;
        if reply.status == 200 {
            assert_eq!(reply["order"], next);
            return reply["version"].as_i64().expect("a number");
        }
        if reply.status == 503 {
            let _ = reply.is_problem(503, "unavailable");
            continue;
        }
        reply.is_problem(412, "precondition_failed");
        refused.fetch_add(1, Relaxed);
    }
}

on_both! {
    async fn contended_increments_are_all_there_and_counted_one_by_one(app: TestApp) {
        let (wanted, writers) = (setting("ONCE_INCREMENTS", 300_usize), 4);
        let course = published(&app.instructor(), "Course").await;
        let path = lesson(&app.instructor(), &course, 0).await;
        let (refused, left) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(wanted)));
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..writers {
            let by = app.anonymous().signed_in(app.admin().id(), token(&app));
            let path = path.clone();
            let (refused, left) = (refused.clone(), left.clone());
            tasks.spawn(async move {
                let mut versions = Vec::new();
                let take = || left.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok();
                while take() {
                    versions.push(increment(&by, &path, &refused).await);
                }
                versions
            });
        }
        let mut versions: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        versions.sort_unstable();
        let all: Vec<_> = (1..).take(wanted).collect();
        assert_eq!(versions, all, "a version is skipped or comes twice");
        let row = app.instructor().get(&path).await.is(200);
        assert_eq!((&row["order"], &row["version"]), (&json!(wanted), &json!(wanted)));
        eprintln!("{:?}: {wanted} increments by {writers} in {:.1?}, {} refused", app.kind, begin.elapsed(),
            refused.load(Relaxed));
    }

    async fn posts_whose_answers_are_lost_are_done_once_whoever_is_killed(app: TestApp) {
        let wanted = setting("ONCE_POSTS", 200_usize);
        let mut random = Random::new();
        let server = Arc::new(Mutex::new(Server::start(&app)));
        let port = server.lock().expect("nobody fails").port;
        until_ready(port).await;
        let sent = Arc::new(Sent {
            port: server.lock().expect("nobody fails").port,
            token: token(&app),
            next: AtomicUsize::new(0),
            wanted,
            counted: Counted::default(),
        });
        let begin = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..6 {
            let own = Random::seeded(random.next());
            clients.spawn(sent.clone().run(own));
        }
        let (mut kills, mut answers, mut due) = (0, HashMap::new(), 10);
        while let Some(some) = {
            let tick = tokio::time::timeout(Duration::from_millis(5), clients.join_next());
            tick.await.unwrap_or(Some(Ok(HashMap::new())))
        } {
            answers.extend(some.expect("no client fails"));
            if sent.next.load(Relaxed) < due {
                continue;
            }
            due += 20 + index(&mut random, wanted / 50 + 40);
            let port = {
                let mut server = server.lock().expect("nobody fails");
                server.kill();
                server.run(&app);
                server.port
            };
            kills += 1;
            until_ready(port).await;
        }
        let counted = &sent.counted;
        eprintln!(
            "{:?}: {wanted} POSTs in {:.1?}: {kills} kills, {} answers dropped, {} requests cut off, {} without an \
             answer, {} unavailable, {} replayed", app.kind, begin.elapsed(), counted.dropped.load(Relaxed),
            counted.cut.load(Relaxed), counted.lost.load(Relaxed), counted.unavailable.load(Relaxed),
            counted.replayed.load(Relaxed),
        );
        assert!(counted.dropped.load(Relaxed) + counted.cut.load(Relaxed) >= wanted / 4 && kills > 0);
        assert_eq!((answers.len(), count(&app, "organizations").await), (wanted, i64::try_from(wanted).expect("few")));
        let twice = texts(&app, "SELECT name FROM organizations GROUP BY name HAVING count(*) > 1").await;
        assert_eq!(twice, Vec::<String>::new());
        // Each answer is of the row that is there.
        let mut next = Some("/organizations?page_size=100".to_owned());
        while let Some(path) = next {
            let page = app.admin().get(&path).await.is(200);
            for row in page.items() {
                assert_eq!(answers.get(row["name"].as_str().expect("a name")).map(String::as_str), row["id"].as_str());
            }
            next = page.link("next");
        }
    }

    async fn a_bulk_of_500_with_a_fault_anywhere_does_nothing(app: TestApp) {
        let by = app.anonymous().signed_in(app.admin().id(), token(&app));
        let step = setting("ONCE_BULKS", 25_usize);
        made(&by, "/users", json!({"email": "taken@new.example", "full_name": "Taken"})).await;
        let user = |n: usize| json!({"email": format!("{n}@new.example"), "full_name": "New"});
        let new: Vec<_> = (0..500).map(user).collect();
        let rows: Vec<_> = (0..500).map(|n| json!({"name": format!("{n}")})).collect();
        let rows = by.post("/organizations/bulk", json!(rows)).await.is(201);
        let ids: Vec<_> = rows.json.as_array().expect("a list").iter().map(|row| row["id"].clone()).collect();
        let changes: Vec<_> = ids.iter().map(|id| json!({"id": id, "version": 0, "name": "Changed"})).collect();
        let users = count(&app, "users").await;
        for index in (0..500).step_by(step).chain([499]) {
            let mut list = new.clone();
            list[index]["email"] = "taken@new.example".into();
            let refused = by.post("/users/bulk", json!(list)).await.is_problem(409, "unique");
            assert_eq!(refused.faults(), [(&*format!("/{index}/email"), "unique")]);
            let mut list = changes.clone();
            list[index]["version"] = 1.into();
            let refused = by.patch("/organizations/bulk", json!(list)).await.is_problem(412, "precondition_failed");
            assert_eq!(refused.faults(), [(&*format!("/{index}"), "precondition_failed")]);
            let mut list = ids.clone();
            list[index] = NOBODY.into();
            let call = by.request(Method::DELETE, "/organizations/bulk").json(json!(list));
            let refused = call.send().await.is_problem(404, "not_found");
            assert_eq!(refused.faults(), [(&*format!("/{index}"), "not_found")]);
            let untouched = count(&app, "organizations WHERE version = 0 AND name <> 'Changed'").await;
            assert_eq!((count(&app, "users").await, untouched), (users, 500), "{index}");
        }
    }
}

fn index(random: &mut Random, below: usize) -> usize {
    usize::try_from(random.below(below as u64)).expect("it is below")
}

/// An administrator's token, for longer than the longest run.
fn token(app: &TestApp) -> String {
    let config = JwtConfig {
        access_ttl: Duration::from_secs(24 * 60 * 60),
        ..JwtConfig::new(*b"a secret of tests, 32 bytes long")
    };
    let jwt = Jwt::new(config).expect("it is long enough");
    jwt.issue(app.admin().id(), Role::Admin.as_str()).0
}

/// The server as a process of its own, always on the same port.
struct Server {
    port: u16,
    process: Option<Child>,
}

impl Server {
    fn start(app: &TestApp) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let mut server = Self {
            port,
            process: None,
        };
        server.run(app);
        server
    }

    fn run(&mut self, app: &TestApp) {
        let mut command = command(app, &["serve"]);
        command.env("LMS_BIND", format!("127.0.0.1:{}", self.port));
        command.env("LMS_DEMO", "0").env("RUST_LOG", "error");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("it starts"));
    }

    /// `kill -9`
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn until_ready(port: u16) {
    let begin = Instant::now();
    while ask(port, Method::GET, "/health/ready", &[], Value::Null, None)
        .await
        .map(|answer| answer.status)
        != Some(StatusCode::OK)
    {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "the server is not ready"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Asks on a connection of its own; `None` if there is no whole answer. The connection is cut off after `patience`.
async fn ask(
    port: u16,
    method: Method,
    path: &str,
    headers: &[(header::HeaderName, &str)],
    body: Value,
    patience: Option<Duration>,
) -> Option<Answer> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    // Dropped with what is asked on it, and the socket with it.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1");
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = request.body(Full::<Bytes>::from(body)).expect("a request");
    let answer = async {
        let response = sender.send_request(request).await.ok()?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    tokio::time::timeout(patience.unwrap_or(Duration::from_secs(30)), answer)
        .await
        .ok()
        .flatten()
}

#[derive(Default)]
struct Counted {
    dropped: AtomicUsize,
    cut: AtomicUsize,
    lost: AtomicUsize,
    unavailable: AtomicUsize,
    replayed: AtomicUsize,
}

/// What is to be sent, by all clients together.
struct Sent {
    port: u16,
    token: String,
    next: AtomicUsize,
    wanted: usize,
    counted: Counted,
}

impl Sent {
    /// Sends one after the other; gives the names and the ids that were answered.
    async fn run(self: Arc<Self>, mut random: Random) -> HashMap<String, String> {
        let mut answers = HashMap::new();
        loop {
            let number = self.next.fetch_add(1, Relaxed);
            if number >= self.wanted {
                return answers;
            }
            let first = self.until_answered(number, &mut random).await;
            let row: Value = serde_json::from_slice(&first.body).expect("a row");
            // Now and then it is asked once more.
            if random.below(3) == 0 {
                let again = self.until_answered(number, &mut random).await;
                assert_eq!((again.status, &again.body), (first.status, &first.body));
                for name in [header::LOCATION, header::ETAG, header::CONTENT_TYPE] {
                    assert_eq!(again.headers.get(&name), first.headers.get(&name));
                }
                assert!(again.headers.contains_key("idempotent-replayed"));
            }
            let text = |field: &str| row[field].as_str().expect("text").to_owned();
            answers.insert(text("name"), text("id"));
        }
    }

    async fn until_answered(&self, number: usize, random: &mut Random) -> Answer {
        let counted = &self.counted;
        let (key, token) = (format!("key-{number}"), format!("Bearer {}", self.token));
        let headers = [
            (KEY, &*key),
            (header::AUTHORIZATION, &*token),
            (header::CONTENT_TYPE, "application/json"),
        ];
        loop {
            let body = json!({"name": format!("Organization {number}")});
            // A third of the answers are dropped: half of them by cutting the connection off before they are there.
            let (is_dropped, is_cut) = (random.below(3) == 0, random.below(2) == 0);
            let patience =
                (is_dropped && is_cut).then(|| Duration::from_micros(random.below(20_000)));
            let path = "/api/v1/organizations";
            match ask(self.port, Method::POST, path, &headers, body, patience).await {
                Some(_) if is_dropped => counted.dropped.fetch_add(1, Relaxed),
                Some(answer) if answer.status == 503 => counted.unavailable.fetch_add(1, Relaxed),
                Some(answer) => {
                    let body = String::from_utf8_lossy(&answer.body);
                    assert_eq!(answer.status, 201, "{body}");
                    let replayed = answer.headers.contains_key("idempotent-replayed");
                    counted.replayed.fetch_add(usize::from(replayed), Relaxed);
                    return answer;
                }
                None if is_dropped && is_cut => counted.cut.fetch_add(1, Relaxed),
                None => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    counted.lost.fetch_add(1, Relaxed)
                }
            };
        }
    }
}
