//! Jobs of any kind: written with their change, run at least once, in order for each key, tried again, given up,
//! taken over, and scheduled. What the LMS does with them is in `mail` and `certificates`.

use std::{collections::HashMap, time::Duration};

use crud_core::{
    Error,
    db::{DbError, DbKind},
    jobs::{Clock, Finished, JobError, JobState, Jobs, Outcome, Worker, WorkerConfig, list, retry},
    serve::Shutdown,
    telemetry::metrics_text,
    testing::{Random, on_both},
};
use lms_server::jobs;
use serde_json::json;
use tests::{PASSWORD, TestApp};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    notes::{
        Alone, Endless, Instance, Note, Notes, Panics, Slow, by_hand, failed, keyed, kinds, note,
        outcomes, slow,
    },
    steps::{count, texts},
};

const SECOND: Duration = Duration::from_secs(1);

on_both! {
    async fn a_job_of_a_transaction_that_is_rolled_back_never_runs(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let db = app.lms.app.db();
        let rolled_back = db
            .transaction(async |tx: &crud_core::Tx| -> Result<(), DbError> {
                tx.enqueue(&note("never")).await?;
                Err(DbError::Value("on purpose".to_owned()))
            })
            .await;
        assert!(rolled_back.is_err());
        let tx = db.begin().await.unwrap();
        tx.enqueue(&note("dropped")).await.unwrap();
        drop(tx);
        let tx = db.begin().await.unwrap();
        tx.enqueue(&note("committed")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(outcomes(&by_hand(&app, &notes, &clock)).await, [Outcome::Done]);
        assert_eq!(notes.lines(), ["committed"]);
    }

    async fn jobs_of_one_key_run_in_order_and_never_at_once(app: TestApp) {
        let mut random = Random::new();
        let (notes, clock) = (Notes::default(), Clock::default());
        let mut next: HashMap<String, usize> = HashMap::new();
        for _ in 0..60 {
            let key = format!("row:{}", random.below(4));
            let fails = random.below(4) == 0;
            let number = next.entry(key.clone()).or_default();
            let job = Alone { key, number: *number, fails };
            *number += 1;
            app.lms.app.db().enqueue(&job).await.unwrap();
        }
        let mut first = Instance::new(&app, &notes, kinds(), &clock).await;
        let mut second = Instance::new(&app, &notes, kinds(), &clock).await;
        let running = [first.start(), second.start()];
        let mut done = 0;
        while done < 60 {
            let finished = tokio::select! {
                finished = first.next() => finished,
                finished = second.next() => finished,
            };
            done += usize::from(finished.outcome == Outcome::Done);
        }
        first.shutdown.begin(Duration::ZERO);
        second.shutdown.begin(Duration::ZERO);
        for worker in running {
            worker.await.unwrap();
        }
        let lines = notes.lines();
        for (key, count) in next {
            let of_key: Vec<_> = lines.iter().filter(|line| line.starts_with(&key)).collect();
            let expected: Vec<_> = (0..count).map(|n| format!("{key} {n}")).collect();
            assert_eq!(of_key, expected.iter().collect::<Vec<_>>());
        }
    }

    async fn the_database_itself_refuses_two_running_jobs_of_a_key(app: TestApp) {
        for _ in 0..2 {
            app.lms.app.db().enqueue(&keyed("row:1", "one")).await.unwrap();
        }
        let lease = match app.kind {
            DbKind::Postgres => "gen_random_uuid()",
            DbKind::Sqlite => "randomblob(16)",
        };
        let update = format!("UPDATE crud_jobs SET state = 'running', lease = {lease}");
        let refused = app.lms.app.db().batch(&update).await;
        assert!(matches!(refused, Err(DbError::Unique { .. })), "{refused:?}");
    }

    async fn a_job_that_fails_is_tried_again_later_and_in_the_end_is_dead(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let worker = by_hand(&app, &notes, &clock);
        notes.fails("first", 3);
        app.lms.app.db().enqueue(&keyed("row:1", "first")).await.unwrap();
        app.lms.app.db().enqueue(&keyed("row:1", "second")).await.unwrap();
        app.lms.app.db().enqueue(&keyed("row:2", "other")).await.unwrap();
        let reason = "first does not work yet";
        assert_eq!(outcomes(&worker).await, [failed(reason), Outcome::Done]);
        assert_eq!(outcomes(&worker).await, []);
        clock.advance(SECOND);
        assert_eq!(outcomes(&worker).await, [failed(reason)]);
        clock.advance(SECOND);
        assert_eq!(outcomes(&worker).await, [], "the second wait is twice as long");
        clock.advance(SECOND);
        // What stands behind a dead job goes on.
        assert_eq!(outcomes(&worker).await, [Outcome::Dead(reason.to_owned()), Outcome::Done]);
        assert_eq!(notes.lines(), ["other", "second"]);
        clock.advance(1000 * SECOND);
        assert_eq!(outcomes(&worker).await, []);
    }

    async fn an_operator_sees_dead_jobs_and_has_them_tried_again(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let worker = by_hand(&app, &notes, &clock);
        notes.fails("first", 3);
        app.lms.app.db().enqueue(&note("first")).await.unwrap();
        for _ in 0..3 {
            outcomes(&worker).await;
            clock.advance(10 * SECOND);
        }
        app.student().get("/admin/jobs").await.is_problem(403, "forbidden");
        app.anonymous().get("/admin/jobs").await.is_problem(401, "unauthenticated");
        let dead = app.admin().get("/admin/jobs?state=dead").await.is(200);
        let job = &dead["items"][0];
        assert_eq!(job["name"], "note");
        assert_eq!(job["payload"]["text"], "first");
        assert_eq!(job["failures"], 3);
        assert_eq!(job["last_error"], "first does not work yet");
        let before = format!("/admin/jobs?before={}", job["id"]);
        assert_eq!(app.admin().get(&before).await.is(200)["items"], json!([]));
        app.admin().get("/admin/jobs?page=1").await.is_problem(400, "unknown_parameter");
        let again = format!("/admin/jobs/{}/retry", job["id"]);
        app.student().post(&again, json!({})).await.is_problem(403, "forbidden");
        app.admin().post("/admin/jobs/999/retry", json!({})).await.is_problem(404, "not_found");
        app.admin().post("/admin/jobs/x/retry", json!({})).await.is_problem(422, "invalid");
        app.admin().get("/admin/jobs?state=odd").await.is_problem(422, "invalid");
        let document = lms_server::document();
        let answers = &document["paths"]["/api/v1/admin/jobs"]["get"]["responses"];
        assert!(answers["422"].is_object(), "{answers}");
        app.admin().post(&again, json!({})).await.is(204);
        app.admin().post(&again, json!({})).await.is_problem(404, "not_found");
        assert_eq!(outcomes(&worker).await, [Outcome::Done]);
        assert_eq!(notes.lines(), ["first"]);
        assert_eq!(app.admin().get("/admin/jobs").await.is(200)["items"], json!([]));
    }

    async fn of_jobs_with_one_unique_key_one_is_kept(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let worker = by_hand(&app, &notes, &clock);
        let once = || Note { once: Some("once".to_owned()), ..note("one") };
        let db = app.lms.app.db();
        assert!(db.enqueue(&once()).await.unwrap());
        assert!(!db.enqueue(&once()).await.unwrap());
        assert_eq!(outcomes(&worker).await, [Outcome::Done]);
        // Also after it ran, and inside a transaction that goes on.
        let tx = db.begin().await.unwrap();
        assert!(!tx.enqueue(&once()).await.unwrap());
        assert!(tx.enqueue(&note("two")).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(outcomes(&worker).await, [Outcome::Done]);
        assert_eq!(notes.lines(), ["one", "two"]);
    }

    async fn jobs_that_panic_or_take_too_long_have_failed(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let worker = by_hand(&app, &notes, &clock);
        app.lms.app.db().enqueue(&Panics {}).await.unwrap();
        app.lms.app.db().enqueue(&Endless {}).await.unwrap();
        let dead = |reason: &str| Outcome::Dead(reason.to_owned());
        assert_eq!(outcomes(&worker).await, [dead("it panicked"), dead("it took longer than 20ms")]);
    }

    async fn a_lost_workers_job_is_taken_over_when_its_lease_is_over(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let first = Instance::new(&app, &notes, kinds(), &clock).await;
        let running = first.start();
        app.lms.app.db().enqueue(&slow("taken over")).await.unwrap();
        notes.started(1).await;
        // As after kill -9: nothing is written down.
        running.abort();
        assert!(running.await.is_err());
        let second = by_hand(&app, &notes, &clock);
        notes.let_go();
        clock.advance(29 * SECOND);
        assert_eq!(outcomes(&second).await, []);
        clock.advance(2 * SECOND);
        assert_eq!(outcomes(&second).await, [Outcome::Done]);
        assert_eq!(notes.lines(), ["taken over"]);
    }

    async fn a_worker_that_slept_through_its_lease_writes_nothing_down(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let first = by_hand(&app, &notes, &clock);
        app.lms.app.db().enqueue(&slow("twice")).await.unwrap();
        let sleeping = tokio::spawn(async move { outcomes(&first).await });
        notes.started(1).await;
        clock.advance(31 * SECOND);
        let second = by_hand(&app, &notes, &clock);
        let taking = tokio::spawn(async move { outcomes(&second).await });
        notes.started(2).await;
        notes.let_go();
        assert_eq!(sleeping.await.unwrap(), [Outcome::Lost]);
        assert_eq!(taking.await.unwrap(), [Outcome::Done]);
        let states = texts(&app, "SELECT state FROM crud_jobs").await;
        assert_eq!(states, ["done"]);
    }

    async fn a_commit_wakes_the_worker(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let (observer, mut finished) = mpsc::unbounded_channel();
        let config = WorkerConfig {
            poll: 3600 * SECOND,
            clock,
            observer: Some(observer),
            ..WorkerConfig::default()
        };
        let worker = Worker::new(app.lms.app.db().clone(), kinds(), notes.clone(), config);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let running = tokio::spawn(async move { worker.run(stop).await });
        for _ in 0..10 {
            let tx = app.lms.app.db().begin().await.unwrap();
            tx.enqueue(&note("woken")).await.unwrap();
            tx.commit().await.unwrap();
            let finished: Finished = finished.recv().await.expect("the worker is there");
            assert_eq!(finished.outcome, Outcome::Done);
        }
        shutdown.begin(Duration::ZERO);
        running.await.unwrap();
        assert_eq!(notes.lines().len(), 10);
    }

    async fn a_worker_that_ends_waits_for_its_jobs(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let mut instance = Instance::new(&app, &notes, kinds(), &clock).await;
        let running = instance.start();
        app.lms.app.db().enqueue(&slow("waited for")).await.unwrap();
        notes.started(1).await;
        instance.shutdown.begin(Duration::ZERO);
        app.lms.app.db().enqueue(&note("too late")).await.unwrap();
        notes.let_go();
        running.await.unwrap();
        assert_eq!(instance.next().await.outcome, Outcome::Done);
        assert_eq!(notes.lines(), ["waited for"]);
        assert_eq!(list(app.lms.app.db(), JobState::Queued, None, 10).await.unwrap().len(), 1);
    }

    async fn a_worker_that_can_wait_no_longer_gives_its_jobs_back(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let config = WorkerConfig { drain: Duration::ZERO, ..WorkerConfig::default() };
        let worker = Worker::new(app.lms.app.db().clone(), kinds(), notes.clone(), config);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let running = tokio::spawn(async move { worker.run(stop).await });
        app.lms.app.db().enqueue(&slow("given back")).await.unwrap();
        notes.started(1).await;
        shutdown.begin(Duration::ZERO);
        running.await.unwrap();
        // At once, not when the lease is over.
        notes.let_go();
        assert_eq!(outcomes(&by_hand(&app, &notes, &clock)).await, [Outcome::Done]);
    }

    async fn jobs_that_only_a_newer_instance_knows_are_left_to_it(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        app.lms.app.db().enqueue(&note("new")).await.unwrap();
        let older = Jobs::new().job::<Slow>();
        let older = Worker::new(app.lms.app.db().clone(), older, notes.clone(), WorkerConfig::default());
        assert_eq!(outcomes(&older).await, []);
        assert_eq!(outcomes(&by_hand(&app, &notes, &clock)).await, [Outcome::Done]);
    }

    // 2.45: two instances, and each schedule runs once
    async fn a_schedule_runs_once_across_instances(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let scheduled = || {
            Jobs::new()
                .every("minutely", 60 * SECOND, &note("minute"))
                .every("hourly", 3600 * SECOND, &note("hour"))
        };
        let first = Instance::new(&app, &notes, scheduled(), &clock).await;
        let second = Instance::new(&app, &notes, scheduled(), &clock).await;
        for round in 1..=65 {
            let mut both = JoinSet::new();
            for worker in [first.worker.clone(), second.worker.clone()] {
                both.spawn(async move { outcomes(&worker).await });
            }
            both.join_all().await;
            let of = |text: &str| notes.lines().iter().filter(|line| *line == text).count();
            assert_eq!(of("minute"), round, "each minute once");
            assert_eq!(of("hour"), 1 + (round - 1) / 60, "each hour once");
            clock.advance(60 * SECOND);
        }
        // Times that were missed are not made up for.
        clock.advance(10 * 60 * SECOND);
        outcomes(&first.worker).await;
        assert_eq!(notes.lines().iter().filter(|line| *line == "minute").count(), 66);
        assert_eq!(count(&app, "crud_schedules").await, 2);
    }

    async fn a_schedule_whose_job_waits_adds_none(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        let jobs = || Jobs::new().every("minutely", 60 * SECOND, &note("minute"));
        let worker = Instance::new(&app, &notes, jobs(), &clock).await.worker;
        notes.fails("minute", 1);
        assert_eq!(outcomes(&worker).await, [failed("minute does not work yet")]);
        clock.advance(60 * SECOND);
        assert_eq!(outcomes(&worker).await, [Outcome::Done]);
        assert_eq!(count(&app, "crud_jobs").await, 1);
    }

    async fn what_was_done_long_ago_is_removed(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        app.lms.app.db().enqueue(&note("old")).await.unwrap();
        outcomes(&by_hand(&app, &notes, &clock)).await;
        clock.advance(8 * 24 * 3600 * SECOND);
        app.lms.app.db().enqueue(&slow("new")).await.unwrap();
        let instance = Instance::new(&app, &notes, kinds(), &clock).await;
        let running = instance.start();
        notes.started(2).await;
        notes.let_go();
        instance.shutdown.begin(Duration::ZERO);
        running.await.unwrap();
        let left = texts(&app, "SELECT name FROM crud_jobs").await;
        assert_eq!(left, ["slow"]);
    }

    // 2.45
    async fn expired_tokens_are_removed_hourly_and_courses_counted_every_five_minutes(app: TestApp) {
        let clock = Clock::default();
        let config = WorkerConfig { clock: clock.clone(), ..WorkerConfig::default() };
        let worker = jobs::worker(&app.lms, config);
        app.lms.sign_in("student@test.example", PASSWORD.to_owned()).await.unwrap();
        let finished = async || {
            let finished = worker.run_due().await.expect("the database is there");
            finished.into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        let (tokens, keys) = ("cleanup_expired_tokens", "cleanup_expired_keys");
        let courses = "update_course_statistics";
        assert_eq!(finished().await, [tokens, keys, courses]);
        assert_eq!(count(&app, "refresh_tokens").await, 1);
        let expire = match app.kind {
            DbKind::Postgres => "UPDATE refresh_tokens SET expires_at = now() - interval '1 second'",
            DbKind::Sqlite => "UPDATE refresh_tokens SET expires_at = 0",
        };
        app.lms.app.db().batch(expire).await.unwrap();
        for _ in 1..12 {
            clock.advance(300 * SECOND);
            assert_eq!(finished().await, [courses]);
        }
        assert_eq!(count(&app, "refresh_tokens").await, 1);
        clock.advance(300 * SECOND);
        assert_eq!(finished().await, [tokens, keys, courses]);
        assert_eq!(count(&app, "refresh_tokens").await, 0);
    }

    async fn metrics_say_how_many_jobs_wait_and_what_became_of_others(app: TestApp) {
        let (notes, clock) = (Notes::default(), Clock::default());
        app.lms.app.db().enqueue(&Panics {}).await.unwrap();
        app.lms.app.db().enqueue(&note("measured")).await.unwrap();
        let mut instance = Instance::new(&app, &notes, kinds(), &clock).await;
        let running = instance.start();
        instance.next().await;
        instance.next().await;
        instance.shutdown.begin(Duration::ZERO);
        running.await.unwrap();
        let body = axum::body::to_bytes(metrics_text().await.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        for series in [
            "jobs_finished_total{name=\"note\",outcome=\"done\"} ",
            "jobs_finished_total{name=\"panics\",outcome=\"dead\"} ",
            "jobs{name=\"slow\",state=\"queued\"} ",
            "jobs{name=\"slow\",state=\"running\"} ",
            "jobs{name=\"panics\",state=\"dead\"} ",
        ] {
            assert!(text.contains(series), "{series} in {text}");
        }
    }

    async fn only_dead_jobs_can_be_tried_again(app: TestApp) {
        app.lms.app.db().enqueue(&note("queued")).await.unwrap();
        let queued = list(app.lms.app.db(), JobState::Queued, None, 10).await.unwrap();
        assert!(!retry(app.lms.app.db(), queued[0].id).await.unwrap());
        let error: Error = Error::internal("shown to operators only");
        assert!(JobError::of(&error).to_string().contains("shown to operators only"));
    }
}
