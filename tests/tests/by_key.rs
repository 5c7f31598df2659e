//! `PUT /courses/by-slug/{slug}`: the course of that name is made or replaced, whichever is due.

use axum::http::{Method, header};
use crud_core::testing::{Client, Reply, on_both};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    once::KEY,
    steps::{count, draft, published},
};

const INTRO: &str = "/courses/by-slug/intro";

async fn put(
    by: &Client,
    path: &str,
    headers: &[(header::HeaderName, &str)],
    body: Value,
) -> Reply {
    let mut call = by.request(Method::PUT, path);
    for (name, value) in headers {
        call = call.header(name.clone(), *value);
    }
    call.json(body).send().await
}

on_both! {
    async fn a_course_is_made_by_its_slug_and_then_replaced(app: TestApp) {
        let by = app.instructor();
        let made = by.put(INTRO, json!({"title": "Intro", "category": "A"})).await.is(201);
        assert_eq!(made.header("location"), Some(&*format!("/api/v1/courses/{}", made.id())));
        assert_eq!((&made["slug"], &made["version"]), (&json!("intro"), &json!(0)));
        let put = by.put(INTRO, json!({"title": "Better", "slug": "intro"})).await.is(200);
        assert_eq!((put.id(), &put["version"], &put["category"]), (made.id(), &json!(1), &Value::Null));
        assert_eq!(put.header("location"), None);
        let read = by.get(INTRO).await.is(200);
        assert_eq!((&read.json, read.etag()), (&put.json, put.etag()));
        assert_eq!(count(&app, "courses").await, 1);
    }

    async fn the_body_says_the_slug_of_the_path_or_none(app: TestApp) {
        let by = app.instructor();
        for slug in [json!("other"), json!(null), json!("")] {
            let refused = by.put(INTRO, json!({"title": "T", "slug": slug})).await;
            refused.is_problem(422, "invalid").names(&["/slug"]);
        }
        // A slug that no course has is none of this one.
        let form = by.put("/courses/by-slug/Not%20Normal", json!({"title": "T"})).await;
        form.is_problem(422, "invalid").says("not-normal").names(&["/slug"]);
        by.put(INTRO, json!({"title": "T", "slug": "Intro"})).await.is(201);
        by.put(INTRO, json!({"category": "A"})).await.is_problem(422, "invalid").names(&["/title"]);
        by.put(INTRO, json!([])).await.is_problem(422, "invalid");
        by.put(INTRO, json!({"title": "T", "version": 3})).await.is_problem(422, "invalid").names(&["/version"]);
        by.put("/courses/by-slug/%00", json!({"title": "T"})).await.is_problem(422, "invalid").names(&["slug"]);
        by.put(&format!("{INTRO}?a=1"), json!({"title": "T"})).await.is_problem(400, "unknown_parameter");
        let refused = by.patch(INTRO, json!({})).await;
        assert_eq!(refused.header("allow"), Some("GET, HEAD, PUT, OPTIONS"));
        refused.is_problem(405, "method_not_allowed");
    }

    async fn preconditions_say_whether_it_must_be_there(app: TestApp) {
        let by = app.instructor();
        let body = || json!({"title": "Intro"});
        let missing = put(&by, INTRO, &[(header::IF_MATCH, "*")], body()).await;
        assert_eq!(missing.header("etag"), None);
        missing.is_problem(412, "precondition_failed");
        let made = put(&by, INTRO, &[(header::IF_NONE_MATCH, "*")], body()).await.is(201);
        let there = put(&by, INTRO, &[(header::IF_NONE_MATCH, "*")], body()).await;
        assert_eq!(there.etag(), made.etag());
        there.is_problem(412, "precondition_failed");
        let tag = made.etag();
        let replaced = put(&by, INTRO, &[(header::IF_MATCH, &tag)], body()).await.is(200);
        put(&by, INTRO, &[(header::IF_MATCH, &tag)], body()).await.is_problem(412, "precondition_failed");
        put(&by, INTRO, &[(header::IF_NONE_MATCH, &replaced.etag())], body()).await
            .is_problem(412, "precondition_failed");
        put(&by, INTRO, &[(header::IF_NONE_MATCH, &tag)], body()).await.is(200);
    }

    async fn whose_course_it_is_matters(app: TestApp) {
        published(&app.instructor(), "Intro").await;
        draft(&app.instructor(), "Secret").await;
        let body = || json!({"title": "Mine"});
        app.anonymous().put(INTRO, body()).await.is_problem(401, "unauthenticated");
        app.other_instructor().put(INTRO, body()).await.is_problem(403, "forbidden");
        app.student().put(INTRO, body()).await.is_problem(403, "forbidden");
        app.student().put("/courses/by-slug/none", body()).await.is_problem(403, "forbidden");
        // As a POST of the slug: what is hidden is taken all the same.
        let hidden = app.other_instructor().put("/courses/by-slug/secret", body()).await;
        hidden.is_problem(409, "unique").names(&["/slug"]);
        app.admin().put(INTRO, body()).await.is(200);
        assert_eq!(count(&app, "courses").await, 2);
    }

    async fn an_archived_course_frees_its_slug(app: TestApp) {
        let by = app.instructor();
        let old = by.put(INTRO, json!({"title": "Old"})).await.is(201).id();
        by.patch(&format!("/courses/{old}/archive"), json!({})).await.is(200);
        let new = by.put(INTRO, json!({"title": "New"})).await.is(201).id();
        assert_ne!(old, new);
        by.patch(&format!("/courses/{old}/restore"), json!({})).await.is_problem(409, "unique");
        assert_eq!(by.put(INTRO, json!({"title": "Newer"})).await.is(200).id(), new);
    }

    async fn of_many_at_once_one_makes_it_and_none_fails(app: TestApp) {
        for round in 0..8 {
            let path = format!("/courses/by-slug/round-{round}");
            let by = app.instructor();
            let all = (0..10).map(|n| {
                let (path, by) = (path.clone(), by.clone());
                let key = format!("{round}-{n}");
                // Half of them in the transaction of a key.
                let headers = if n % 2 == 0 { vec![] } else { vec![(KEY, key)] };
                async move {
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), &**value)).collect();
                    put(&by, &path, &headers, json!({"title": format!("By {n}")})).await
                }
            });
            let all = join_all(all).await;
            let mut versions: Vec<_> = all.iter().map(|reply| reply["version"].as_i64()).collect();
            versions.sort_unstable();
            assert_eq!(versions, (0..10).map(Some).collect::<Vec<_>>());
            for reply in &all {
                let expected = if reply["version"] == 0 { 201 } else { 200 };
                assert_eq!(reply.status.as_u16(), expected, "{reply}");
            }
            assert_eq!(count(&app, "courses").await, round + 1);
        }
    }

    // One writes while another archives what he found.
    async fn what_comes_and_goes_is_there_or_new(app: TestApp) {
        let (by, mut made) = (app.instructor(), 0);
        for round in 0..10 {
            let all = (0..6).map(|n| {
                let by = by.clone();
                async move {
                    if n % 3 == 2 {
                        let found = by.get(INTRO).await;
                        if found.status == 200 {
                            by.patch(&format!("/courses/{}/archive", found.id()), json!({})).await.is(200);
                        }
                        return None;
                    }
                    Some(by.put(INTRO, json!({"title": format!("{round}.{n}")})).await)
                }
            });
            for reply in join_all(all).await.into_iter().flatten() {
                assert!([200, 201].contains(&reply.status.as_u16()), "{reply}");
                made += i64::from(reply.status == 201);
            }
        }
        assert_eq!(count(&app, "courses").await, made);
    }
}
