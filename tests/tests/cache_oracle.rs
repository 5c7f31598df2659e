//! Readers and writers at random, against an oracle that knows what may be seen: a read of version `v` of a row must
//! not be older than any version that was acknowledged, or read by anyone, before it began. The same test must find
//! every mutant of the protocol, or it proves nothing.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use axum::http::Method;
use crud_core::{
    Cache, Db, DbConfig, Uuid,
    db::DbKind,
    testing::{Client, Random},
};
use lms_server::{Lms, roles::Role};
use serde_json::json;
use tests::TestApp;

use crate::{
    cache_stores::{Mutant, Mutated},
    rig::oracle::{Act, Oracle, Outcome, Who},
    steps::{id, published},
};

const ROWS: usize = 6;
const TASKS: usize = 12;

struct Rig {
    /// The paths of the courses.
    rows: Vec<String>,
    reader: Client,
    writer: Client,
    operations: AtomicUsize,
    oracle: Mutex<Oracle>,
}

impl Rig {
    /// A second application on the test's database, with a store of the test's choice.
    async fn new(app: &TestApp, store: Mutated) -> Self {
        let (mut rows, mut oracle) = (Vec::new(), Oracle::new());
        for n in 0..ROWS {
            let path = published(&app.instructor(), &format!("Course {n}")).await;
            oracle.made(&app.instructor().get(&path).await.is(200).json);
            rows.push(path);
        }
        let config = DbConfig {
            pool_size: 6,
            wait_timeout: Duration::from_secs(30),
            ..DbConfig::new(app.database_url())
        };
        let db = Db::connect(&config).await.expect("the same database");
        let lms = Lms::with_cache(db, tests::jwt(), Cache::new(store));
        let client = Client::new(lms.router()).watched(tests::as_promised);
        let signed_in = |id: Uuid, role: Role| {
            let (token, _) = lms.app.auth().jwt().issue(id, role.as_str());
            client.signed_in(id, token)
        };
        Self {
            rows,
            reader: client.signed_out(),
            writer: signed_in(app.instructor().id(), Role::Instructor),
            operations: AtomicUsize::new(0),
            oracle: Mutex::new(oracle),
        }
    }

    async fn step(&self, client: usize, random: &mut Random) {
        let who = Who { client, server: 0 };
        let row = random.pick(&self.rows);
        match random.below(10) {
            0 => self.write(who, row, random.next()).await,
            1..6 => self.get(who, row).await,
            _ => self.list(who).await,
        }
        self.operations.fetch_add(1, SeqCst);
    }

    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().expect("nobody panicked")
    }

    async fn write(&self, who: Who, path: &str, value: u64) {
        let body = json!({"description": value.to_string()});
        let begun = self.oracle().begin(id(path), Act::Change);
        let call = self.writer.request(Method::PATCH, path).json(body);
        let reply = call.send().await;
        let outcome = if reply.status == 200 {
            Outcome::Acked(&reply.json)
        } else {
            // Two writers of one row: the loser has written nothing.
            Outcome::Refused
        };
        self.oracle().end(who, id(path), &begun, &outcome);
    }

    async fn get(&self, who: Who, path: &str) {
        let before = self.oracle().before(&[id(path)], None);
        let reply = self.reader.get(path).await.is(200);
        self.oracle().saw(who, "get", &before, &reply.json);
    }

    async fn list(&self, who: Who) {
        let ids: Vec<_> = self.rows.iter().map(|path| id(path)).collect();
        let before = self.oracle().before(&ids, None);
        let reply = self.reader.get("/courses?page_size=50").await.is(200);
        self.oracle().listed(who, "list", &before, reply.items());
    }
}

/// Runs until so many operations are done, or something wrong was seen.
async fn violations(kind: DbKind, mutant: Mutant, operations: usize) -> Vec<String> {
    let app = TestApp::new(kind).await;
    let mut random = Random::new();
    let store = Mutated::new(mutant, random.next());
    let (hits, bypasses) = (Arc::clone(&store.hits), Arc::clone(&store.bypasses));
    let rig = Arc::new(Rig::new(&app, store).await);
    let start = Instant::now();
    let tasks = (0..TASKS).map(|client| {
        let (rig, mut random) = (Arc::clone(&rig), random.clone());
        let skip = random.next();
        let mut own = random.clone();
        for _ in 0..skip % 16 {
            own.next();
        }
        random = own;
        tokio::spawn(async move {
            while rig.operations.load(SeqCst) < operations
                && rig.oracle().wrong.is_empty()
                && start.elapsed() < Duration::from_secs(100)
            {
                rig.step(client, &mut random).await;
            }
        })
    });
    for task in futures_util::future::join_all(tasks).await {
        task.expect("no reader fails");
    }
    let wrong = rig.oracle().wrong.clone();
    if mutant == Mutant::None {
        // A run in which the cache did nothing shows nothing.
        let done = rig.operations.load(SeqCst);
        assert!(done >= operations, "{done} operations only");
        assert!(hits.load(SeqCst) > done / 20, "{hits:?} hits");
        assert!(bypasses.load(SeqCst) > 0, "nobody ever met a write");
    }
    wrong
}

async fn nothing_stale(kind: DbKind) {
    assert_eq!(
        violations(kind, Mutant::None, 10_000).await,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_stale_after_an_answer_and_nothing_goes_back_sqlite() {
    nothing_stale(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_stale_after_an_answer_and_nothing_goes_back_postgres() {
    nothing_stale(DbKind::Postgres).await;
}

/// The oracle has teeth: whatever part of the protocol is missing, it sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_mutant_of_the_protocol_is_found() {
    for mutant in [
        Mutant::NoMark,
        Mutant::NoPost,
        Mutant::FillUnderNow,
        Mutant::NoListStamps,
        Mutant::NoRowStamps,
        Mutant::NoDoubt,
    ] {
        let start = Instant::now();
        let wrong = violations(DbKind::Postgres, mutant, 200_000).await;
        assert!(!wrong.is_empty(), "{mutant:?} was not found");
        eprintln!("{mutant:?}: {} after {:?}", wrong[0], start.elapsed());
    }
}
