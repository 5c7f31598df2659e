//! Several servers on one PostgreSQL and one Redis, as clients see them: as if they were one.
//!
//! Each instance is the whole application with a pool, a permit and a connection to Redis of its own. What the cache
//! itself does when Redis fails is tested in `crud_core::cache`.

use std::time::{Duration, Instant};

use axum::http::Method;
use crud_core::{
    Cache, Db, DbConfig,
    cache::{DEFAULT_BYTES, control::Permitted},
    db::DbKind,
    serve::{EdgeConfig, edge},
    testing::{Client, Redis},
};
use lms_server::{Lms, entities, roles::Role};
use serde_json::json;
use tests::{TestApp, as_promised, jwt};

use crate::{
    faults::Statements,
    rig::setting,
    steps::{id, made, published},
};

struct Instance {
    lms: Lms,
    permitted: Permitted,
    anonymous: Client,
}

impl Instance {
    async fn new(app: &TestApp, redis: &Redis, pool_size: usize) -> Self {
        let config = DbConfig {
            pool_size,
            marks_writes: true,
            wait_timeout: Duration::from_secs(30),
            create_timeout: Duration::from_secs(30),
            ..DbConfig::new(app.database_url())
        };
        let db = Db::connect(&config).await.expect("the database is there");
        let tables = entities::registry().tables();
        let tables = tables.iter().map(|table| table.name.to_owned()).collect();
        let permitted = Permitted::in_redis(&db, tables, &redis.url(), DEFAULT_BYTES).await;
        let permitted = permitted.expect("Redis is there");
        let lms = Lms::with_cache(db, jwt(), Cache::new(permitted.clone()));
        // A server sends the 1,025th away at once: these must all get to the cache.
        let config = EdgeConfig {
            max_in_flight: 100_000,
            ..EdgeConfig::default()
        };
        let anonymous = Client::new(edge(lms.router(), &config));
        Self {
            lms,
            permitted,
            anonymous: anonymous.watched(as_promised),
        }
    }

    fn sign_in(&self, user: &Client, role: Role) -> Client {
        let (token, _) = self.lms.app.auth().jwt().issue(user.id(), role.as_str());
        self.anonymous.signed_in(user.id(), token)
    }

    async fn until_on(&self) {
        let begin = Instant::now();
        while !self.permitted.is_on() {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "the cache is on in time"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whether a `GET` needs no statement. Redis may be too slow for a reader on a busy machine: it is asked again.
async fn is_cached(by: &Client, path: &str) -> bool {
    for _ in 0..20 {
        let counted = Statements::default();
        let guard = tracing::subscriber::set_default(counted.clone());
        let reply = by.request(Method::GET, path).send().await;
        drop(guard);
        reply.is(200);
        if counted.count() == 0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn two() -> (TestApp, Redis, Instance, Instance) {
    two_with(3).await
}

async fn two_with(pool_size: usize) -> (TestApp, Redis, Instance, Instance) {
    let app = TestApp::new(DbKind::Postgres).await;
    let redis = Redis::start().expect("Redis is installed");
    let a = Instance::new(&app, &redis, pool_size).await;
    let b = Instance::new(&app, &redis, pool_size).await;
    a.until_on().await;
    b.until_on().await;
    (app, redis, a, b)
}

/// Kills: bodies that only the writing process knows to be old; lists without their dependencies.
#[tokio::test]
async fn each_instance_sees_the_others_writes_in_the_next_request() {
    let (app, redis, a, b) = two().await;
    let (one, two) = (
        a.sign_in(&app.instructor(), Role::Instructor),
        b.sign_in(&app.instructor(), Role::Instructor),
    );
    let list = "/courses?sort=title";
    assert_eq!(two.get(list).await.is(200).total(), 0);
    let new = json!({"title": "Course", "is_published": true});
    let course = format!("/courses/{}", one.post("/courses", new).await.is(201).id());
    for round in 1..=10 {
        let (writer, reader) = if round % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        for path in [&*course, list] {
            reader.get(path).await.is(200);
        }
        let title = format!("Course {round}");
        writer.patch(&course, json!({"title": title})).await.is(200);
        assert_eq!(reader.get(&course).await.is(200)["title"], *title);
        assert_eq!(reader.get(list).await.is(200).items()[0]["title"], *title);
        assert_eq!(b.anonymous.get(&course).await.is(200)["title"], *title);
    }
    for by in [&one, &two, &b.anonymous] {
        for path in [&*course, list] {
            assert!(is_cached(by, path).await, "{path}");
        }
    }
    one.patch(&course, json!({"is_published": false}))
        .await
        .is(200);
    b.anonymous.get(&course).await.is(404);
    assert_eq!(b.anonymous.get(list).await.is(200).total(), 0);
    two.get(&course).await.is(200);
    one.delete(&course).await.is(204);
    two.get(&course).await.is(404);
    assert_eq!(two.get(list).await.is(200).total(), 0);
    let commands = redis.ask("INFO commandstats");
    assert!(commands.contains("cmdstat_evalsha"), "{commands}");
    assert!(
        !commands.contains("cmdstat_keys") && !commands.contains("cmdstat_scan"),
        "{commands}"
    );
}

/// The courses' stamps, when nothing is in doubt any more; whether there is one of the table.
async fn settled(redis: &Redis) -> bool {
    let begin = Instant::now();
    loop {
        let stamps = redis.ask("KEYS {c:courses}:*:s:*");
        let stamps: Vec<_> = stamps.lines().filter(|line| line.contains(":s:")).collect();
        let lengths = stamps
            .iter()
            .map(|stamp| redis.ask(&format!("STRLEN {stamp}")));
        if lengths
            .into_iter()
            .all(|length| [":16", ":0"].contains(&length.trim()))
        {
            return stamps.iter().any(|stamp| stamp.ends_with(":s:courses:t"));
        }
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "every write has ended"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Kills: a body of the other instance that outlives the mark of its whole table, or a share in it.
#[tokio::test]
async fn what_many_write_at_once_and_nobody_reads_is_seen_by_the_other_instance() {
    let (app, redis, a, b) = two_with(8).await;
    let one = a.sign_in(&app.instructor(), Role::Instructor);
    let mut courses = Vec::new();
    for n in 0..8 {
        courses.push(published(&one, &format!("Course {n}")).await);
    }
    let write = async |course: &String, title: &str, read: bool| {
        for n in 0..4 {
            let title = format!("{title} {n}");
            one.patch(course, json!({"title": title})).await.is(200);
            if read {
                assert_eq!(b.anonymous.get(course).await.is(200)["title"], *title);
            }
        }
    };
    let all = async |title: &str, read| {
        let writers = courses.iter().map(|course| write(course, title, read));
        futures_util::future::join_all(writers).await;
    };
    settled(&redis).await;
    let mut whole = 0;
    for round in 0.. {
        assert!(round < 20, "{whole} times the table was marked as a whole");
        for course in &courses {
            assert!(is_cached(&b.anonymous, course).await, "{course}");
        }
        assert!(is_cached(&b.anonymous, "/courses").await);
        assert!(settled(&redis).await);
        all(&format!("Round {round}"), false).await;
        // Whoever reads what is in doubt has the table's rows marked from then on.
        whole += usize::from(!settled(&redis).await);
        let title = format!("Round {round} 3");
        for course in &courses {
            assert_eq!(b.anonymous.get(course).await.is(200)["title"], *title);
        }
        let list = b.anonymous.get("/courses").await.is(200);
        assert!(list.items().iter().all(|item| item["title"] == *title));
        if whole == 3 {
            break;
        }
    }
    all("Read", true).await;
}

/// Kills: callers remembered for a while; cascades that nobody marks.
#[tokio::test]
async fn a_role_and_a_cascade_are_seen_by_the_next_request_on_the_other_instance() {
    let (app, _redis, a, b) = two().await;
    let admin = a.sign_in(&app.admin(), Role::Admin);
    let teacher = b.sign_in(&app.instructor(), Role::Instructor);
    let course = teacher
        .post("/courses", json!({"title": "Course"}))
        .await
        .is(201);
    let path = format!("/courses/{}", course.id());
    let module = teacher
        .post("/modules", json!({"title": "M", "course_id": id(&path)}))
        .await
        .is(201);
    let module = format!("/modules/{}", module.id());
    for path in [&path, &module] {
        teacher.get(path).await.is(200);
        assert!(is_cached(&teacher, path).await, "{path}");
    }
    // `a` deletes the course; the database deletes its module.
    admin.delete(&path).await.is(204);
    teacher.get(&module).await.is(404);
    let user = format!("/users/{}", app.instructor().id());
    admin
        .patch(&user, json!({"is_active": false}))
        .await
        .is(200);
    teacher.get("/auth/me").await.is(401);
    admin.patch(&user, json!({"is_active": true})).await.is(200);
    teacher.get("/auth/me").await.is(200);
}

/// Kills: callers, or rows that decide over others, that an instance remembers for a while.
#[tokio::test]
async fn a_role_and_a_membership_count_from_the_next_request_on_every_instance() {
    let (app, _redis, a, b) = two().await;
    let admin = a.sign_in(&app.admin(), Role::Admin);
    let by = app.instructor();
    let course = published(&a.sign_in(&by, Role::Instructor), "Course").await;
    let enrolled = json!({"course_id": id(&course)});
    let student = b.sign_in(&app.student(), Role::Student);
    let enrollment = made(&student, "/enrollments", enrolled).await;
    // The role in the token is that of then, as with every token.
    let of = |instance: &Instance, user: &Client| instance.sign_in(user, Role::Instructor);
    let other = app.other_instructor();
    for round in 0..3 {
        let (gets, loses) = if round % 2 == 0 {
            (&other, &by)
        } else {
            (&by, &other)
        };
        for instance in [&a, &b] {
            of(instance, loses).get(&enrollment).await.is(200);
            of(instance, gets).get(&enrollment).await.is(404);
            assert_eq!(
                of(instance, gets).get("/enrollments").await.is(200).total(),
                0
            );
        }
        let owner = json!({"instructor_id": gets.id()});
        admin.patch(&course, owner).await.is(200);
        for instance in [&b, &a] {
            of(instance, gets).get(&enrollment).await.is(200);
            of(instance, loses).get(&enrollment).await.is(404);
            assert_eq!(
                of(instance, gets).get("/enrollments").await.is(200).total(),
                1
            );
            assert_eq!(
                of(instance, loses)
                    .get("/enrollments")
                    .await
                    .is(200)
                    .total(),
                0
            );
        }
        let user = format!("/users/{}", loses.id());
        for (role, status) in [("admin", 200), ("instructor", 404)] {
            admin.patch(&user, json!({"role": role})).await.is(200);
            for instance in [&b, &a] {
                of(instance, loses).get(&enrollment).await.is(status);
            }
        }
    }
}

/// Kills: loads that are not shared; readers who go to the database because they are many.
///
/// `RIG_STAMPEDE` is how many ask each instance: 10,000 in the long run.
#[tokio::test]
async fn all_who_ask_at_once_are_one_question_of_each_instance() {
    let (app, _redis, a, b) = two().await;
    let each: usize = setting("RIG_STAMPEDE", 500);
    let by = a.sign_in(&app.instructor(), Role::Instructor);
    let mut counts = Vec::new();
    // On a busy machine Redis may be late for some, who then ask the database together: another round.
    while !counts.iter().any(|count| *count <= 2) {
        assert!(counts.len() < 3, "{counts:?} statements");
        let course = published(&by, &format!("Course {}", counts.len())).await;
        for instance in [&a, &b] {
            // The write is over for the cache.
            assert!(is_cached(&instance.anonymous, "/courses").await);
        }
        let (asked, guard) = Statements::watch();
        let all = (0..2 * each).map(|n| [&a, &b][n % 2].anonymous.get(&course));
        for reply in futures_util::future::join_all(all).await {
            reply.is(200);
        }
        drop(guard);
        assert!(asked.count() <= each / 10, "{} statements", asked.count());
        counts.push(asked.count());
    }
    eprintln!(
        "{} asked at once: {counts:?} statements on two instances",
        2 * each
    );
}

/// Kills: requests that need Redis; a first write that does not switch off.
#[tokio::test]
async fn a_redis_that_goes_away_and_comes_back_is_noticed_by_no_client() {
    let (app, mut redis, a, b) = two().await;
    let (one, two) = (
        a.sign_in(&app.instructor(), Role::Instructor),
        b.sign_in(&app.instructor(), Role::Instructor),
    );
    let course = one.post("/courses", json!({"title": "0"})).await.is(201);
    let course = format!("/courses/{}", course.id());
    assert!(is_cached(&two, &course).await);
    redis.stop();
    for round in 1..=10 {
        let title = round.to_string();
        one.patch(&course, json!({"title": title})).await.is(200);
        assert_eq!(two.get(&course).await.is(200)["title"], *title);
    }
    redis.start_again().expect("it was there before");
    a.until_on().await;
    b.until_on().await;
    assert_eq!(two.get(&course).await.is(200)["title"], "10");
    one.patch(&course, json!({"title": "11"})).await.is(200);
    assert_eq!(two.get(&course).await.is(200)["title"], "11");
    assert!(is_cached(&two, &course).await);
}

/// Kills: triggers that are not there.
#[tokio::test]
async fn a_write_from_psql_is_seen_by_every_instance() {
    let (app, _redis, a, b) = two().await;
    let one = a.sign_in(&app.instructor(), Role::Instructor);
    let course = one
        .post("/courses", json!({"title": "0", "is_published": true}))
        .await
        .is(201);
    let course = format!("/courses/{}", course.id());
    for instance in [&a, &b] {
        assert!(is_cached(&instance.anonymous, &course).await);
    }
    let db = app.lms.app.db();
    db.batch("UPDATE courses SET title = 'psql', version = version + 1")
        .await
        .unwrap();
    let begin = Instant::now();
    for instance in [&a, &b] {
        while instance.anonymous.get(&course).await.is(200)["title"] != "psql" {
            assert!(begin.elapsed() < Duration::from_secs(3), "the bound");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
