//! Slugs of courses: given, made from the title, and made anew when they are taken.

use crud_core::{Context, Principal, testing::on_both};
use lms_server::entities::course::{Course, CourseCreate};
use serde_json::json;
use tests::TestApp;

use crate::steps::{count, draft};

fn titled(title: &str) -> CourseCreate {
    serde_json::from_value(json!({"title": title})).expect("a course")
}

/// `base`, `base-2`, … up to this many.
fn numbered(base: &str, many: usize) -> Vec<String> {
    let numbers = (2..=many).map(|n| format!("{base}-{n}"));
    let mut all: Vec<_> = std::iter::once(base.to_owned()).chain(numbers).collect();
    all.sort_unstable();
    all
}

on_both! {
    // 2.30
    async fn a_slug_is_normalised_or_made_from_the_title(app: TestApp) {
        let by = app.instructor();
        for (body, slug) in [
            (json!({"title": "Intro to Rust"}), "intro-to-rust"),
            (json!({"title": "One", "slug": "  My Own SLUG "}), "my-own-slug"),
            (json!({"title": "Two", "slug": null}), "two"),
            (json!({"title": "C++ & more"}), "c-more"),
        ] {
            assert_eq!(by.post("/courses", body).await.is(201)["slug"], slug);
        }
        let course = draft(&by, "Three").await;
        let renamed = by.patch(&course, json!({"slug": "Some Name"})).await.is(200);
        assert_eq!(renamed["slug"], "some-name");
        // A new title leaves addresses alone.
        let titled = by.patch(&course, json!({"title": "Four"})).await.is(200);
        assert_eq!(titled["slug"], "some-name");
        by.post("/courses", json!({"title": "+++"})).await.is_problem(422, "invalid")
            .names(&["/slug"]);
    }

    // 2.22, 2.30
    async fn a_slug_that_is_taken_is_409_until_its_course_is_archived(app: TestApp) {
        let first = draft(&app.instructor(), "Same title").await;
        let chosen = json!({"title": "x", "slug": "same-title"});
        let refused = app.other_instructor().post("/courses", chosen.clone()).await;
        refused.is_problem(409, "unique").names(&["/slug"]).says("Another course has this slug");
        let other = draft(&app.other_instructor(), "Other").await;
        let renamed = app.other_instructor().patch(&other, json!({"slug": "Same title"})).await;
        renamed.is_problem(409, "unique").names(&["/slug"]);
        app.other_instructor().put(&other, chosen).await.is_problem(409, "unique");
        app.instructor().patch(&format!("{first}/archive"), json!({})).await.is(200);
        draft(&app.other_instructor(), "Same title").await;
        let back = app.instructor().patch(&format!("{first}/restore"), json!({})).await;
        back.is_problem(409, "unique").names(&["/slug"]);
    }

    // 2.30
    async fn a_slug_from_a_title_that_is_taken_gets_a_number(app: TestApp) {
        let by = app.instructor();
        for (title, slug) in [
            ("Same", "same"), ("same", "same-2"), (" SAME ", "same-3"), ("Same 2", "same-2-2"),
        ] {
            let made = by.post("/courses", json!({"title": title})).await.is(201);
            assert_eq!(made["slug"], slug);
        }
        // A number that is free again is taken again; administrators write without a transaction.
        let second = by.get("/courses/by-slug/same-2").await.is(200).id();
        by.delete(&format!("/courses/{second}")).await.is(204);
        assert_eq!(app.admin().post("/courses", json!({"title": "Same"})).await.is(201)["slug"], "same-2");
        // A new title leaves the address alone; a PUT without a slug makes it anew, and its own is free.
        let course = format!("/courses/{}", by.get("/courses/by-slug/same-3").await.is(200).id());
        let kept = by.patch(&course, json!({"title": "Same"})).await.is(200);
        assert_eq!(kept["slug"], "same-3");
        for (title, slug) in [("Same", "same-3"), ("Else", "else"), ("Else", "else"), ("Same", "same-3")] {
            let put = by.put(&course, json!({"title": title})).await.is(200);
            assert_eq!(put["slug"], slug);
        }
    }

    // 2.30
    async fn a_long_slug_makes_room_for_its_number(app: TestApp) {
        let by = app.instructor();
        let title = format!("{} {}", "a".repeat(252), "bcdef");
        let mut slugs = Vec::new();
        for _ in 0..2 {
            let made = by.post("/courses", json!({"title": title})).await;
            // The title itself is too long.
            made.is_problem(422, "invalid").names(&["/title"]);
        }
        let title = format!("{} b", "a".repeat(253));
        for _ in 0..11 {
            let made = by.post("/courses", json!({"title": title})).await.is(201);
            slugs.push(made["slug"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(slugs[0], format!("{}-b", "a".repeat(253)));
        assert_eq!(slugs[1], format!("{}-2", "a".repeat(253)));
        assert_eq!(slugs[10], format!("{}-11", "a".repeat(252)));
        let given = format!("{} bc", "x".repeat(252));
        let made = by.post("/courses", json!({"title": "T", "slug": given})).await.is(201);
        assert_eq!(made["slug"], format!("{}-bc", "x".repeat(252)));
    }

    // 2.30: of many at once each gets its own
    async fn of_parallel_courses_of_one_title_each_gets_a_slug(app: TestApp) {
        const MANY: usize = 30;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..MANY {
            let by = if n % 2 == 0 { app.instructor() } else { app.admin() };
            tasks.spawn(async move {
                let made = by.post("/courses", json!({"title": "At once"})).await.is(201);
                made["slug"].as_str().unwrap_or_default().to_owned()
            });
        }
        let mut slugs = tasks.join_all().await;
        slugs.sort_unstable();
        assert_eq!(slugs, numbered("at-once", MANY));
    }

    // 2.30: inside transactions, which a refused statement would end
    async fn of_parallel_transactions_each_gets_its_slugs(app: TestApp) {
        const MANY: usize = 6;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..MANY {
            let (lms, id) = (app.lms.clone(), app.instructor().id());
            tasks.spawn(async move {
                let by = Principal::user(id, "instructor");
                let tx = lms.app.db().begin().await.expect("a transaction");
                let cx = Context::within(lms.app.registry(), &tx, &by);
                let course = cx.create::<Course>(titled("Inside")).await.expect("its own slug");
                tx.commit().await.expect("nothing in it was refused");
                course.slug
            });
        }
        let mut slugs = tasks.join_all().await;
        slugs.sort_unstable();
        assert_eq!(slugs, numbered("inside", MANY));
        assert_eq!(count(&app, "courses").await, i64::try_from(MANY).unwrap_or_default());
    }

    // What another refusal leaves is as before: nothing of the transaction.
    async fn a_slug_that_was_chosen_and_is_taken_dooms_the_transaction(app: TestApp) {
        draft(&app.instructor(), "Taken").await;
        let by = Principal::user(app.instructor().id(), "instructor");
        let tx = app.lms.app.db().begin().await.expect("a transaction");
        let cx = Context::within(app.lms.app.registry(), &tx, &by);
        cx.create::<Course>(titled("Taken")).await.expect("the server makes another");
        let chosen = serde_json::from_value(json!({"title": "T", "slug": "taken"}));
        let refused = cx.create::<Course>(chosen.expect("a course")).await;
        assert_eq!(refused.expect_err("it is taken").code(), "unique");
        tx.commit().await.expect_err("a statement of it was refused");
        assert_eq!(count(&app, "courses").await, 1);
    }
}
