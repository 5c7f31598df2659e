//! Mail: what is sent, to a real SMTP server, and that no mail is lost while that server, or ours, is away.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crud_core::{
    Uuid,
    jobs::{Clock, Finished, Outcome, Worker, WorkerConfig},
    serve::Shutdown,
    testing::{Mood, Received, Smtp, on_both},
};
use lms_server::{Lms, config::MailFrom, jobs, mail::Mailer};
use serde_json::json;
use tests::{PASSWORD, TestApp};

use crate::{commands::BINARY, steps::texts};

const SECOND: Duration = Duration::from_secs(1);

/// The LMS of a test, with its mails going to this server.
pub(crate) fn mailing(app: &TestApp, smtp: &Smtp) -> Lms {
    let mailer = Mailer::smtp(&smtp.url(), MailFrom::default().0).expect("the URL is one");
    app.lms.clone().with_mailer(mailer)
}

/// A worker that is run by hand.
pub(crate) fn by_hand(app: &TestApp, smtp: &Smtp, clock: &Clock) -> Worker<Lms> {
    let config = WorkerConfig {
        clock: clock.clone(),
        ..WorkerConfig::default()
    };
    jobs::worker(&mailing(app, smtp), config)
}

/// What became of the jobs of this kind that are due.
pub(crate) async fn outcomes(worker: &Worker<Lms>, name: &str) -> Vec<Outcome> {
    let finished = worker.run_due().await.expect("the database is there");
    let of_kind = finished
        .into_iter()
        .filter(|finished| finished.name == name);
    of_kind.map(|finished| finished.outcome).collect()
}

const WELCOME: &str = "send_welcome_email";

async fn register(app: &TestApp, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD, "full_name": "Grace Hopper"});
    app.anonymous()
        .post("/auth/register", body)
        .await
        .is(201)
        .id()
}

async fn smtp() -> Smtp {
    Smtp::start().await.expect("there is a port")
}

fn by_id(mails: &[Received]) -> BTreeMap<&str, usize> {
    let mut ids = BTreeMap::new();
    for mail in mails {
        *ids.entry(mail.header("Message-ID")).or_default() += 1;
    }
    ids
}

/// The server as its own process, with nothing to tell it what to do but the environment.
struct Instance(Child);

impl Instance {
    fn start(app: &TestApp, smtp: &Smtp) -> Self {
        let mut command = Command::new(&*BINARY);
        command
            .env_clear()
            .env("DATABASE_URL", app.database_url())
            .env("LMS_JWT_SECRET", "a secret of tests, 32 bytes long")
            .env("LMS_BIND", "127.0.0.1:0")
            .env("LMS_JOBS_POLL", "0.01")
            .env("LMS_JOBS_LEASE", "0.3")
            .env("SMTP_URL", smtp.url())
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }

    /// As `kill -9`.
    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

on_both! {
    // 2.43
    async fn signing_up_is_welcomed_by_mail(app: TestApp) {
        let (smtp, clock) = (smtp().await, Clock::default());
        let id = register(&app, "grace@test.example").await;
        assert_eq!(outcomes(&by_hand(&app, &smtp, &clock), WELCOME).await, [Outcome::Done]);
        let [mail] = &smtp.mails()[..] else { panic!("{:?}", smtp.mails()) };
        assert_eq!(mail.to, ["grace@test.example"]);
        assert_eq!(mail.header("Subject"), "Welcome to LMS Platform");
        assert_eq!(mail.header("Message-ID"), format!("<welcome.{id}@localhost>"));
        assert!(mail.text.contains("Grace Hopper"), "{}", mail.text);
        // Nobody else is: not the users who were made by administrators.
        assert_eq!(outcomes(&by_hand(&app, &smtp, &clock), WELCOME).await, []);
    }

    async fn who_cannot_sign_up_is_not_welcomed(app: TestApp) {
        let (smtp, clock) = (smtp().await, Clock::default());
        let body = json!({"email": "student@test.example", "password": PASSWORD, "full_name": "Twice"});
        app.anonymous().post("/auth/register", body).await.is_problem(409, "unique");
        assert_eq!(outcomes(&by_hand(&app, &smtp, &clock), WELCOME).await, []);
        assert_eq!(smtp.mails(), []);
    }

    // 2.43: three retries, 60 s apart
    async fn a_welcome_is_tried_again_three_times_a_minute_apart(app: TestApp) {
        let (smtp, clock) = (smtp().await, Clock::default());
        let worker = by_hand(&app, &smtp, &clock);
        smtp.set_mood(Mood::Busy);
        register(&app, "grace@test.example").await;
        for _ in 0..3 {
            let [Outcome::Failed(reason)] = &outcomes(&worker, WELCOME).await[..] else { panic!("it failed") };
            assert!(reason.contains("try again later"), "{reason}");
            clock.advance(59 * SECOND);
            assert_eq!(outcomes(&worker, WELCOME).await, []);
            clock.advance(SECOND);
        }
        let [Outcome::Dead(_)] = &outcomes(&worker, WELCOME).await[..] else { panic!("it is dead") };
        smtp.set_mood(Mood::Willing);
        clock.advance(3600 * SECOND);
        assert_eq!(outcomes(&worker, WELCOME).await, []);
        // Not lost: an operator has it sent after all.
        let dead = app.admin().get("/admin/jobs").await.is(200);
        assert_eq!(dead["items"][0]["payload"]["email"], "grace@test.example");
        let again = format!("/admin/jobs/{}/retry", dead["items"][0]["id"]);
        app.admin().post(&again, json!({})).await.is(204);
        assert_eq!(outcomes(&worker, WELCOME).await, [Outcome::Done]);
        assert_eq!(smtp.mails().len(), 1);
    }

    async fn a_mail_that_the_server_does_not_want_is_dead_at_once(app: TestApp) {
        let (smtp, clock) = (smtp().await, Clock::default());
        smtp.set_mood(Mood::Unwilling);
        register(&app, "grace@test.example").await;
        let [Outcome::Dead(reason)] = &outcomes(&by_hand(&app, &smtp, &clock), WELCOME).await[..] else {
            panic!("it is dead")
        };
        assert!(reason.contains("go away"), "{reason}");
    }

    async fn mails_arrive_later_when_the_server_was_away(app: TestApp) {
        let (mut smtp, clock) = (smtp().await, Clock::default());
        let (observer, mut finished) = tokio::sync::mpsc::unbounded_channel::<Finished>();
        let config = WorkerConfig {
            clock: clock.clone(),
            poll: Duration::from_millis(20),
            observer: Some(observer),
            ..WorkerConfig::default()
        };
        let worker = jobs::worker(&mailing(&app, &smtp), config);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let running = tokio::spawn(async move { worker.run(stop).await });
        let mut of_mail = async |failed: bool| loop {
            let one = finished.recv().await.expect("the worker is there");
            if one.name == WELCOME {
                assert_eq!(matches!(one.outcome, Outcome::Failed(_)), failed, "{one:?}");
                break;
            }
        };
        let mut expected = BTreeSet::new();
        for round in 0..3 {
            smtp.stop().await;
            for n in 0..4 {
                let id = register(&app, &format!("grace.{round}.{n}@test.example")).await;
                expected.insert(format!("<welcome.{id}@localhost>"));
            }
            for _ in 0..4 {
                of_mail(true).await;
            }
            smtp.start_again().await.expect("the port is free");
            clock.advance(60 * SECOND);
            for _ in 0..4 {
                of_mail(false).await;
            }
        }
        shutdown.begin(Duration::ZERO);
        running.await.unwrap();
        let mails = smtp.mails();
        let ids: BTreeSet<_> = mails.iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
        assert_eq!(ids, expected);
        assert_eq!(mails.len(), expected.len());
    }

    async fn a_second_delivery_can_be_told(app: TestApp) {
        let (smtp, clock) = (smtp().await, Clock::default());
        smtp.set_mood(Mood::Silent);
        register(&app, "grace@test.example").await;
        let worker = by_hand(&app, &smtp, &clock);
        let lost = tokio::spawn(async move { worker.run_due().await.map(drop) });
        smtp.wait_for(1).await;
        lost.abort();
        assert!(lost.await.is_err());
        smtp.set_mood(Mood::Willing);
        clock.advance(31 * SECOND);
        assert_eq!(outcomes(&by_hand(&app, &smtp, &clock), WELCOME).await, [Outcome::Done]);
        let mails = smtp.mails();
        assert_eq!(by_id(&mails).into_values().collect::<Vec<_>>(), [2]);
    }

    // Killed at any moment between the commit and the delivery: every mail arrives, and none counts twice.
    async fn no_mail_is_lost_when_the_server_is_killed(app: TestApp) {
        let given = std::env::var_os("LMS_TEST_KILLS").and_then(|kills| kills.to_str()?.parse().ok());
        let kills: usize = given.unwrap_or(50);
        let smtp = smtp().await;
        let mut expected = BTreeSet::new();
        let mut twice = 0;
        let mut instance = Instance::start(&app, &smtp);
        for n in 0..kills {
            let user_id = Uuid::now_v7();
            expected.insert(format!("<welcome.{user_id}@localhost>"));
            let job = jobs::SendWelcomeEmail {
                user_id,
                email: format!("killed.{n}@test.example"),
                full_name: "Grace Hopper".to_owned(),
            };
            match n % 3 {
                // Right after the commit.
                0 => assert!(app.lms.app.db().enqueue(&job).await.unwrap()),
                // In the middle of the delivery: the mail has arrived, and the server never hears of it.
                1 => {
                    let before = smtp.mails().len();
                    smtp.set_mood(Mood::Silent);
                    assert!(app.lms.app.db().enqueue(&job).await.unwrap());
                    smtp.wait_for(before + 1).await;
                    smtp.set_mood(Mood::Willing);
                    twice += 1;
                }
                // Somewhere around its end.
                _ => {
                    let before = smtp.mails().len();
                    assert!(app.lms.app.db().enqueue(&job).await.unwrap());
                    smtp.wait_for(before + 1).await;
                }
            }
            instance.kill();
            instance = Instance::start(&app, &smtp);
        }
        let open = "SELECT state FROM crud_jobs WHERE name = 'send_welcome_email' AND state <> 'done'";
        let mut patience = tokio::time::interval(Duration::from_millis(50));
        while !texts(&app, open).await.is_empty() {
            patience.tick().await;
        }
        let mails = smtp.mails();
        let ids: BTreeSet<_> = mails.iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
        assert_eq!(ids, expected, "each mail, told by its id, is there once");
        assert!(mails.len() >= expected.len() + twice, "the kills did not bite: {} mails", mails.len());
    }
}
