//! A warm cache never shows anyone what he may not see, and forgets nothing of who may see what.

use axum::http::{Method, header};
use crud_core::testing::{Client, on_both};
use lms_server::roles::Role;
use serde_json::json;
use tests::TestApp;

use crate::{
    cache::{counted, statements},
    steps::{NOBODY, draft, id, lesson, made, published, run},
};

/// What an answer tells, apart from the id of the request and of the row.
async fn told(
    by: &Client,
    method: Method,
    path: &str,
    tag: Option<&str>,
) -> (u16, String, Vec<String>) {
    let mut call = by.request(method, path);
    if let Some(tag) = tag {
        call = call.header(header::IF_NONE_MATCH, tag);
    }
    let reply = call.send().await;
    let mut headers: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let mut body = reply.json.clone();
    if let Some(problem) = body.as_object_mut() {
        problem.remove("request_id");
    }
    (
        reply.status.as_u16(),
        body.to_string().replace(id(path), "ID"),
        headers,
    )
}

on_both! {
    // Kills: a row that is served without asking the policy, a list without its scope in the key
    async fn what_an_admin_has_read_serves_no_one_else(app: TestApp) {
        let by = app.instructor();
        let course = draft(&by, "Draft").await;
        let lesson = lesson(&by, &course, 1).await;
        let exam = json!({"title": "E", "course_id": id(&course), "assessment_type": "Exam"});
        let exam = made(&by, "/assessments", exam).await;
        let user = format!("/users/{}", app.admin().id());
        let paths = [&*course, &lesson, &exam, &user];
        for path in paths {
            let list = &path[..path.rfind('/').unwrap()];
            let tag = app.admin().get(path).await.is(200).etag();
            assert_eq!(statements(&app.admin(), path).await, 0, "{path}");
            let all = app.admin().get(list).await.is(200).total();
            let missing = format!("{list}/{NOBODY}");
            for other in [app.anonymous(), app.student(), app.other_instructor()] {
                for method in [Method::GET, Method::HEAD] {
                    for tag in [None, Some(&*tag), Some("*")] {
                        let hidden = told(&other, method.clone(), path, tag).await;
                        assert!(matches!(hidden.0, 404 | 401), "{path} {hidden:?}");
                        assert_eq!(hidden, told(&other, method.clone(), &missing, tag).await, "{path}");
                    }
                }
                let list = other.request(Method::GET, list).send().await;
                if list.status == 200 {
                    assert!(list.total() < all && !list.json.to_string().contains(id(path)), "{list}");
                }
            }
        }
    }

    // Kills: an include, a count or a page that is kept for those who asked before
    async fn what_others_have_read_changes_no_answer(app: TestApp) {
        let by = app.instructor();
        let (open, hidden) = (published(&by, "Open").await, draft(&by, "Hidden").await);
        for course in [&open, &hidden] {
            lesson(&by, course, 1).await;
        }
        let enrolled = json!({"course_id": id(&open)});
        made(&app.student(), "/enrollments", enrolled).await;
        let mut paths = vec!["/lessons?include=course".to_owned(), "/enrollments?include=student".to_owned()];
        for course in [&open, &hidden] {
            paths.push(format!("{course}?include=instructor,lessons,modules"));
            paths.push(format!("{course}/lessons"));
        }
        for list in ["/courses?include=instructor,lessons", "/users?fields=id,email", "/lessons?page_size=1"] {
            paths.push(list.to_owned());
        }
        let callers = [app.anonymous(), app.student(), app.other_instructor(), by, app.admin()];
        let mut cold = Vec::new();
        for path in &paths {
            for caller in &callers {
                run(&app, "UPDATE courses SET version = version WHERE id = ?", id(&open)).await.unwrap();
                run(&app, "UPDATE users SET version = version WHERE id = ?", NOBODY).await.unwrap();
                cold.push(told(caller, Method::GET, path, None).await);
            }
        }
        // Whoever sees most comes first, then whoever sees least.
        for turned in [true, false] {
            for (n, path) in paths.iter().enumerate() {
                let mut order: Vec<_> = (0..callers.len()).collect();
                if turned {
                    order.reverse();
                }
                for caller in order {
                    let warm = told(&callers[caller], Method::GET, path, None).await;
                    assert_eq!(warm, cold[n * callers.len() + caller], "{path} {caller}");
                }
            }
        }
    }

    // Kills: a list or a row that does not depend on the tables that its policy asks
    async fn what_hangs_on_a_course_follows_its_course(app: TestApp) {
        let by = app.instructor();
        let course = draft(&by, "Course").await;
        let lesson = lesson(&by, &course, 1).await;
        let seen = async |by: &Client| {
            let row = by.request(Method::GET, &lesson).send().await.status.as_u16();
            let total = by.get("/lessons").await.is(200).total();
            (row, total, by.get("/lessons?total=none").await.is(200).items().len())
        };
        for _ in 0..2 {
            assert_eq!(seen(&app.student()).await, (404, 0, 0));
            by.patch(&course, json!({"is_published": true})).await.is(200);
            assert_eq!(seen(&app.student()).await, (200, 1, 1));
            assert_eq!(statements(&app.student(), &lesson).await, 0);
            by.patch(&format!("{course}/archive"), json!({})).await.is(200);
            assert_eq!(seen(&app.student()).await, (404, 0, 0));
            by.patch(&format!("{course}/restore"), json!({})).await.is(200);
            assert_eq!(seen(&app.student()).await, (200, 1, 1));
            by.patch(&course, json!({"is_published": false})).await.is(200);
        }
    }

    async fn what_the_caller_is_counts_from_the_next_request_on(app: TestApp) {
        let (student, admin) = (app.student(), app.admin());
        let course = draft(&app.instructor(), "Draft").await;
        let user = format!("/users/{}", student.id());
        for _ in 0..2 {
            student.get(&course).await.is(404);
            let (reply, statements) = counted(student.request(Method::GET, &course)).await;
            assert_eq!((reply.status.as_u16(), statements), (404, 0));
            admin.patch(&user, json!({"role": "admin"})).await.is(200);
            student.get(&course).await.is(200);
            assert_eq!(crate::cache::statements(&student, &course).await, 0);
            admin.patch(&user, json!({"is_active": false})).await.is(200);
            student.get("/users").await.is(401);
            admin.patch(&user, json!({"is_active": true, "role": "student"})).await.is(200);
        }
        student.get("/users").await.is(200);
        run(&app, "UPDATE users SET token_generation = token_generation + 1 WHERE id = ?", &student.id().to_string())
            .await.unwrap();
        student.get("/users").await.is(401);
        let back = app.other_student();
        back.get("/users").await.is(200);
        admin.patch(&format!("/users/{}/archive", back.id()), json!({})).await.is(200);
        back.get("/users").await.is(401);
        admin.patch(&format!("/users/{}/restore", back.id()), json!({})).await.is(200);
        back.get("/users").await.is(200);
        // A user who is not there yet is not remembered as missing.
        let new = admin.post("/users", json!({"email": "n@e.example", "full_name": "N"})).await.is(201);
        let new = app.sign_in_as(new.id().parse().unwrap(), Role::Student);
        new.get("/users").await.is(200);
    }

    // A row that leaves a scope takes its place with it
    async fn a_row_that_changes_hands_is_seen_by_the_new_one_only(app: TestApp) {
        let (one, other) = (app.instructor(), app.other_instructor());
        let course = draft(&one, "Course").await;
        for (owner, stranger) in [(&one, &other), (&other, &one), (&one, &other)] {
            app.admin().patch(&course, json!({"instructor_id": owner.id()})).await.is(200);
            owner.get(&course).await.is(200);
            stranger.get(&course).await.is(404);
            assert_eq!(owner.get("/courses").await.is(200).total(), 1);
            assert_eq!(stranger.get("/courses").await.is(200).total(), 0);
        }
        published(&one, "Another").await;
        assert_eq!(other.get("/courses").await.is(200).total(), 1);
    }
}
