//! Certificates: issued with the last lesson, mailed, printed, verified, revoked.

use axum::http::{Method, header};
use crud_core::{
    Uuid,
    jobs::{Clock, Outcome},
    testing::{Smtp, on_both},
};
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    mail::{by_hand, outcomes},
    steps::{NOBODY, count, id, lesson, made},
};

const GENERATE: &str = "generate_certificate";
const MAIL: &str = "send_certificate_email";

/// An enrollment of the student in a course with some lessons: its id, and its progress rows.
async fn enrolled(app: &TestApp, lessons: i32) -> (String, Vec<String>) {
    let body = json!({
        "title": "Analysis of Ünïcode", "slug": Uuid::now_v7().to_string(), "is_published": true,
    });
    let course = made(&app.instructor(), "/courses", body).await;
    for order in 0..lessons {
        lesson(&app.instructor(), &course, order).await;
    }
    let body = json!({"course_id": id(&course)});
    let enrollment = app.student().post("/enrollments", body).await.is(201).id();
    let path = format!("/lesson-progress?enrollment_id={enrollment}&page_size=100");
    let rows = app.student().get(&path).await.is(200).column("id");
    let path = |row: &Value| format!("/lesson-progress/{}", row.as_str().expect("an id"));
    (enrollment, rows.iter().map(path).collect())
}

async fn complete(app: &TestApp, rows: &[String]) {
    for row in rows {
        app.student()
            .patch(row, json!({"completed": true}))
            .await
            .is(200);
    }
}

/// A certificate of the student, as he reads it.
async fn issued(app: &TestApp, smtp: &Smtp) -> Value {
    let (enrollment, rows) = enrolled(app, 2).await;
    complete(app, &rows).await;
    let done = outcomes(&by_hand(app, smtp, &Clock::default()), GENERATE).await;
    assert_eq!(done, [Outcome::Done]);
    let path = format!("/certificates?enrollment_id={enrollment}");
    let found = app.student().get(&path).await.is(200);
    assert_eq!(found.total(), 1);
    found["items"][0].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

on_both! {
    // 2.44
    async fn the_last_lesson_brings_a_certificate_and_its_mail(app: TestApp) {
        let (smtp, clock) = (Smtp::start().await.unwrap(), Clock::default());
        let (enrollment, rows) = enrolled(&app, 3).await;
        complete(&app, &rows[..2]).await;
        let worker = by_hand(&app, &smtp, &clock);
        assert_eq!(outcomes(&worker, GENERATE).await, []);
        complete(&app, &rows[2..]).await;
        let finished = worker.run_due().await.unwrap();
        let finished: Vec<_> = finished.iter().map(|one| (&*one.name, &one.outcome)).collect();
        assert_eq!(finished, [(GENERATE, &Outcome::Done), (MAIL, &Outcome::Done)]);
        let path = format!("/certificates?enrollment_id={enrollment}");
        let found = app.student().get(&path).await.is(200);
        assert_eq!(found.total(), 1);
        let certificate = &found["items"][0];
        assert_eq!(certificate["course_title"], "Analysis of Ünïcode");
        assert_eq!(certificate["user_email"], "student@test.example");
        let [mail] = &smtp.mails()[..] else { panic!("{:?}", smtp.mails()) };
        assert_eq!(mail.to, ["student@test.example"]);
        let id = text(&certificate["id"]);
        assert_eq!(mail.header("Message-ID"), format!("<certificate.{id}@localhost>"));
        assert!(mail.text.contains(text(&certificate["code"])), "{}", mail.text);
    }

    async fn of_two_last_lessons_done_at_once_one_brings_the_certificate(app: TestApp) {
        let (smtp, clock) = (Smtp::start().await.unwrap(), Clock::default());
        for _ in 0..5 {
            let (enrollment, rows) = enrolled(&app, 2).await;
            let [one, other] = &rows[..] else { panic!("two lessons") };
            let (student, done) = (app.student(), json!({"completed": true}));
            let (one, other) = tokio::join!(student.patch(one, done.clone()), student.patch(other, done.clone()));
            one.is(200);
            other.is(200);
            let (first, second) = (by_hand(&app, &smtp, &clock), by_hand(&app, &smtp, &clock));
            let (first, second) = tokio::join!(first.run_due(), second.run_due());
            let finished: Vec<_> = first.unwrap().into_iter().chain(second.unwrap()).collect();
            for kind in [GENERATE, MAIL] {
                let of_kind = finished.iter().filter(|one| one.name == kind && one.outcome == Outcome::Done);
                assert_eq!(of_kind.count(), 1, "{kind} in {finished:?}");
            }
            let path = format!("/certificates?enrollment_id={enrollment}");
            assert_eq!(app.admin().get(&path).await.is(200).total(), 1);
        }
        assert_eq!(count(&app, "certificates").await, 5);
        assert_eq!(smtp.mails().len(), 5);
    }

    async fn an_enrollment_has_its_certificate_once(app: TestApp) {
        let (smtp, clock) = (Smtp::start().await.unwrap(), Clock::default());
        let worker = by_hand(&app, &smtp, &clock);
        let (enrollment, rows) = enrolled(&app, 2).await;
        // Reopened before its turn: there is nothing to certify.
        complete(&app, &rows).await;
        app.student().patch(&rows[0], json!({"completed": false})).await.is(200);
        assert_eq!(outcomes(&worker, GENERATE).await, [Outcome::Done]);
        assert_eq!(count(&app, "certificates").await, 0);
        complete(&app, &rows).await;
        assert_eq!(outcomes(&worker, GENERATE).await, [Outcome::Done]);
        // Done again, and also what is revoked is not issued again.
        let path = format!("/certificates?enrollment_id={enrollment}");
        let certificate = app.admin().get(&path).await.is(200)["items"][0]["id"].clone();
        app.admin().patch(&format!("/certificates/{}/archive", text(&certificate)), json!({})).await.is(200);
        app.student().patch(&rows[0], json!({"completed": false})).await.is(200);
        complete(&app, &rows[..1]).await;
        assert_eq!(outcomes(&worker, GENERATE).await, [Outcome::Done]);
        assert_eq!(count(&app, "certificates").await, 1);
        assert_eq!(smtp.mails().len(), 1);
    }

    // 2.27
    async fn a_certificate_is_its_students_its_instructors_and_the_administrators(app: TestApp) {
        let smtp = Smtp::start().await.unwrap();
        let certificate = issued(&app, &smtp).await;
        let path = format!("/certificates/{}", text(&certificate["id"]));
        for path in [path.clone(), format!("{path}.pdf")] {
            for allowed in [app.student(), app.instructor(), app.admin()] {
                allowed.get(&path).await.is(200);
            }
            for other in [app.other_student(), app.other_instructor()] {
                other.get(&path).await.is_problem(404, "not_found");
            }
            app.anonymous().get(&path).await.is_problem(401, "unauthenticated");
        }
        let body = json!({
            "enrollment_id": certificate["enrollment_id"], "user_email": "a@test.example",
            "recipient_name": "Me", "course_title": "Everything",
        });
        let refused = app.student().post("/certificates", body.clone()).await;
        refused.is_problem(403, "forbidden").says("Certificates are issued by the server");
        app.admin().post("/certificates", body).await.is_problem(409, "unique");
        let archive = format!("{path}/archive");
        app.instructor().patch(&archive, json!({})).await.is_problem(403, "forbidden");
        app.student().delete(&path).await.is_problem(403, "forbidden");
    }

    async fn a_certificate_is_verified_by_its_code(app: TestApp) {
        let smtp = Smtp::start().await.unwrap();
        let certificate = issued(&app, &smtp).await;
        let code = text(&certificate["code"]);
        assert_eq!(code.len(), 29, "125 bits: 25 letters of 32, in groups of five");
        let path = |code: &str| format!("/certificates/verify/{code}");
        let good = app.anonymous().get(&path(code)).await.is(200);
        assert_eq!(good["valid"], true);
        assert_eq!(good["recipient"], certificate["recipient_name"]);
        assert_eq!(good["course"], "Analysis of Ünïcode");
        assert_eq!(good["issued_at"], certificate["issued_at"]);
        let typed = code.to_lowercase().replace('-', "");
        assert_eq!(app.anonymous().get(&path(&typed)).await.is(200)["valid"], true);
        for unknown in ["x", "00000-00000-00000-00000-00000", NOBODY, "%F0%9F%98%80", "%FF"] {
            app.anonymous().get(&path(unknown)).await.is_problem(404, "not_found");
        }
        let archive = format!("/certificates/{}/archive", text(&certificate["id"]));
        app.admin().patch(&archive, json!({})).await.is(200);
        let revoked = app.anonymous().get(&path(code)).await.is(200);
        assert_eq!(revoked["valid"], false);
        assert!(revoked["revoked_at"].is_string());
    }

    async fn a_certificate_is_printed(app: TestApp) {
        let smtp = Smtp::start().await.unwrap();
        let certificate = issued(&app, &smtp).await;
        let path = format!("/certificates/{}.pdf", text(&certificate["id"]));
        let reply = app.student().get(&path).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers[header::CONTENT_TYPE], "application/pdf");
        let pdf = lopdf::Document::load_mem(&reply.bytes).expect("a PDF");
        assert_eq!(pdf.get_pages().len(), 1);
        let printed = pdf.extract_text(&[1]).expect("its text");
        let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        let day = &text(&certificate["issued_at"])[..4];
        for words in [
            text(&certificate["recipient_name"]), "Analysis of Ünïcode", text(&certificate["code"]), day,
        ] {
            assert!(printed.contains(words), "{words} in {printed}");
        }
        // The row's own tag.
        let tag = reply.headers[header::ETAG].to_str().unwrap().to_owned();
        let again = app.student();
        let again = again.request(Method::GET, &path).header(header::IF_NONE_MATCH, tag).send().await;
        assert_eq!(again.status, 304);
        // It is only read, whatever is done with the row.
        let is_allowed = "GET, HEAD, OPTIONS";
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
            let path = format!("/certificates/{NOBODY}.pdf");
            let refused = app.admin().request(method, &path).json(json!({})).send().await;
            assert_eq!(refused.header("allow"), Some(is_allowed));
            refused.is_problem(405, "method_not_allowed");
        }
        let options = app.anonymous();
        let options = options.request(Method::OPTIONS, &format!("/certificates/{NOBODY}.pdf"));
        assert_eq!(options.send().await.is(204).header("allow"), Some(is_allowed));
        app.student().put("/certificates/x.pdf", json!({})).await.is_problem(422, "invalid");
        app.student().get("/certificates/x.pdf").await.is_problem(422, "invalid");
        app.student().get(&format!("/certificates/{NOBODY}.pdf")).await.is_problem(404, "not_found");
        app.student().get(&format!("/certificates/{NOBODY}.doc")).await.is_problem(422, "invalid");
        app.student().get(&format!("/courses/{NOBODY}.pdf")).await.is_problem(422, "invalid");
    }
}
