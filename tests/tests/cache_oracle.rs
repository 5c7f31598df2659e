//! Readers and writers at random, against an oracle that knows what may be seen: a read of version `v` of a row must
//! not be older than any version that was acknowledged, or read by anyone, before it began. The same test must find
//! every mutant of the protocol, or it proves nothing.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
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
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    cache_stores::{Mutant, Mutated},
    steps::{id, published},
};

const ROWS: usize = 6;
const TASKS: u64 = 12;

/// What is known of one row.
#[derive(Default)]
struct Known {
    path: String,
    /// The newest version that was acknowledged, or read, and that is over.
    floor: AtomicI64,
}

struct Rig {
    rows: Vec<Known>,
    reader: Client,
    writer: Client,
    operations: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl Rig {
    /// A second application on the test's database, with a store of the test's choice.
    async fn new(app: &TestApp, store: Mutated) -> Self {
        let mut rows = Vec::new();
        for n in 0..ROWS {
            let path = published(&app.instructor(), &format!("Course {n}")).await;
            rows.push(Known {
                path,
                floor: AtomicI64::new(0),
            });
        }
        let config = DbConfig {
            pool_size: 6,
            wait_timeout: Duration::from_secs(30),
            ..DbConfig::new(app.database_url())
        };
        let db = Db::connect(&config).await.expect("the same database");
        let lms = Lms::with_cache(db, tests::jwt(), Cache::new(store));
        let client = Client::new(lms.router());
        let signed_in = |id: Uuid, role: Role| {
            let (token, _) = lms.app.auth().jwt().issue(id, role.as_str());
            client.signed_in(id, token)
        };
        Self {
            rows,
            reader: client.signed_out(),
            writer: signed_in(app.instructor().id(), Role::Instructor),
            operations: AtomicUsize::new(0),
            wrong: Mutex::default(),
        }
    }

    async fn step(&self, random: &mut Random) {
        let row = usize::try_from(random.below(ROWS as u64)).expect("it is small");
        match random.below(10) {
            0 => self.write(row, random.next()).await,
            1..6 => self.get(row).await,
            _ => self.list().await,
        }
        self.operations.fetch_add(1, SeqCst);
    }

    async fn write(&self, row: usize, value: u64) {
        let known = &self.rows[row];
        let body = json!({"description": value.to_string()});
        let reply = self
            .writer
            .request(Method::PATCH, &known.path)
            .json(body)
            .send()
            .await;
        // Two writers of one row: the loser has written nothing.
        if reply.status == 200 {
            known.floor.fetch_max(version(&reply.json), SeqCst);
        }
    }

    async fn get(&self, row: usize) {
        let known = &self.rows[row];
        let floor = known.floor.load(SeqCst);
        let reply = self.reader.get(&known.path).await.is(200);
        self.judge("get", row, floor, version(&reply.json));
    }

    async fn list(&self) {
        let floors: Vec<_> = self
            .rows
            .iter()
            .map(|known| known.floor.load(SeqCst))
            .collect();
        let reply = self.reader.get("/courses?page_size=50").await.is(200);
        for (row, known) in self.rows.iter().enumerate() {
            let found = reply
                .items()
                .iter()
                .find(|item| item["id"] == id(&known.path));
            let found = found.expect("every row is in the list");
            self.judge("list", row, floors[row], version(found));
        }
    }

    fn wrong(&self) -> MutexGuard<'_, Vec<String>> {
        self.wrong.lock().expect("no reader panicked")
    }

    fn judge(&self, what: &str, row: usize, floor: i64, version: i64) {
        if version < floor {
            let wrong = format!("{what} of row {row} saw version {version} after {floor}");
            self.wrong().push(wrong);
        }
        self.rows[row].floor.fetch_max(version, SeqCst);
    }
}

fn version(row: &Value) -> i64 {
    row["version"].as_i64().expect("a version")
}

/// Runs until so many operations are done, or something wrong was seen.
async fn violations(kind: DbKind, mutant: Mutant, operations: usize) -> Vec<String> {
    let app = TestApp::new(kind).await;
    let mut random = Random::new();
    let store = Mutated::new(mutant, random.next());
    let (hits, bypasses) = (Arc::clone(&store.hits), Arc::clone(&store.bypasses));
    let rig = Arc::new(Rig::new(&app, store).await);
    let start = Instant::now();
    let tasks = (0..TASKS).map(|task| {
        let (rig, mut random) = (Arc::clone(&rig), random.clone());
        // Each takes a way of its own from the seed.
        for _ in 0..1000 * task {
            random.next();
        }
        tokio::spawn(async move {
            while rig.operations.load(SeqCst) < operations
                && rig.wrong().is_empty()
                && start.elapsed() < Duration::from_secs(100)
            {
                rig.step(&mut random).await;
            }
        })
    });
    for task in futures_util::future::join_all(tasks).await {
        task.expect("no reader fails");
    }
    let wrong = rig.wrong().clone();
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
        let wrong = violations(DbKind::Postgres, mutant, 200_000).await;
        assert!(!wrong.is_empty(), "{mutant:?} was not found");
    }
}
