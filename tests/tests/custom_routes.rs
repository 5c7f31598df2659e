//! Routes beside the generated ones of an entity: they answer other rows, and else the same.

use axum::http::{Method, header};
use crud_core::{Context, Principal, openapi, prelude::*, testing::on_both};
use lms_server::{
    entities::{course::Course, example::Example},
    schema::{courses, examples},
};
use serde_json::json;
use tests::TestApp;

use crate::steps::{draft, made, published};

on_both! {
    // 2.10, 3.33
    async fn a_course_is_read_by_its_slug_as_by_its_id(app: TestApp) {
        let course = published(&app.instructor(), "Intro to Rust").await;
        let path = "/courses/by-slug/intro-to-rust";
        let by_id = app.anonymous().get(&course).await.is(200);
        let by_slug = app.anonymous().get(path).await.is(200);
        assert_eq!(by_id.json, by_slug.json);
        for name in ["etag", "cache-control", "vary", "content-type"] {
            assert_eq!(by_id.header(name), by_slug.header(name), "{name}");
        }
        let known = app.anonymous();
        let known = known.request(Method::GET, path).header(header::IF_NONE_MATCH, by_id.etag());
        let known = known.send().await.is(304);
        assert!(known.bytes.is_empty());
        let head = app.anonymous();
        let head = head.request(Method::HEAD, path).send().await.is(200);
        assert_eq!(head.header("etag"), by_id.header("etag"));
        app.instructor().patch(&course, json!({"title": "Other"})).await.is(200);
        let changed = app.anonymous();
        let changed = changed.request(Method::GET, path).header(header::IF_NONE_MATCH, by_id.etag());
        assert_eq!(changed.send().await.is(200)["title"], "Other");
        // Words that are not ASCII.
        published(&app.instructor(), "Über Größe").await;
        app.anonymous().get("/courses/by-slug/%C3%BCber-gr%C3%B6%C3%9Fe").await.is(200);
    }

    // 2.02: the policy is asked
    async fn a_draft_is_not_found_by_its_slug_either(app: TestApp) {
        let course = draft(&app.instructor(), "Secret").await;
        let path = "/courses/by-slug/secret";
        for by in [app.anonymous(), app.student(), app.other_instructor()] {
            let hidden = by.get(path).await.is_problem(404, "not_found");
            let missing = by.get("/courses/by-slug/none").await.is_problem(404, "not_found");
            assert_eq!(hidden["detail"], missing["detail"]);
        }
        app.instructor().get(path).await.is(200);
        app.admin().get(path).await.is(200);
        // A slug is unique among the courses that are not archived, and found among them.
        app.instructor().patch(&format!("{course}/archive"), json!({})).await.is(200);
        app.instructor().get(path).await.is_problem(404, "not_found");
        let again = published(&app.instructor(), "Secret").await;
        assert!(again.ends_with(&app.anonymous().get(path).await.is(200).id()));
        app.instructor().get(&format!("{path}?archived=any")).await
            .is_problem(400, "unknown_parameter");
    }

    async fn a_bad_token_is_as_none_where_anyone_may_read(app: TestApp) {
        published(&app.instructor(), "Open").await;
        let stranger = app.anonymous().signed_in(app.student().id(), "no.such.token");
        stranger.get("/courses/by-slug/open").await.is(200);
        stranger.get("/examples/active").await.is(200);
    }

    // 3.33: neither swallows the other
    async fn own_and_generated_routes_do_not_meet(app: TestApp) {
        for path in ["/courses/by-slug", "/examples/inactive"] {
            app.admin().get(path).await.is_problem(422, "invalid").names(&["id"]);
        }
        let refused = app.admin().delete("/examples/active").await;
        let allow = refused.header("allow").map(str::to_owned);
        refused.is_problem(405, "method_not_allowed");
        assert_eq!(allow.as_deref(), Some("GET, HEAD, OPTIONS"));
        app.admin().get("/courses/by-slug/%00").await.is_problem(422, "invalid").names(&["slug"]);
        app.admin().get("/courses/by-slug/%ff").await.is_problem(422, "invalid").names(&["slug"]);
        // Slugs that are words of generated routes.
        let course = made(&app.instructor(), "/courses",
            json!({"title": "T", "slug": "archive", "is_published": true})).await;
        let found = app.anonymous().get("/courses/by-slug/archive").await.is(200);
        assert!(course.ends_with(&found.id()));
    }

    // 3.35
    async fn active_examples_are_listed_as_all_are(app: TestApp) {
        let by = app.admin();
        for n in 0..5 {
            made(&by, "/examples", json!({"name": format!("E{n}")})).await;
        }
        made(&by, "/examples", json!({"name": "Off", "is_active": false})).await;
        let away = made(&by, "/examples", json!({"name": "Away"})).await;
        by.patch(&format!("{away}/archive"), json!({})).await.is(200);
        let all = app.anonymous().get("/examples/active?sort=name&page_size=2").await.is(200);
        assert_eq!(all.column("name"), ["E0", "E1"]);
        assert_eq!((all.total(), &all["pages"], &all["page_size"]), (5, &json!(3), &json!(2)));
        assert_eq!(all.header("x-total-count"), Some("5"));
        let next = all.link("next").expect("there are more");
        assert!(next.contains("/examples/active?"), "{next}");
        assert_eq!(app.anonymous().get(&next).await.is(200).column("name"), ["E2", "E3"]);
        let found = app.anonymous().get("/examples/active?name=e4").await.is(200);
        assert_eq!(found.column("name"), ["E4"]);
        // The condition holds whatever else is asked for.
        let off = app.anonymous().get("/examples/active?is_active=false").await.is(200);
        assert_eq!(off.total(), 0);
        assert_eq!(app.anonymous().get("/examples/active?skip=4&limit=9").await.is(200).items().len(), 1);
        app.anonymous().get("/examples/active?nonsense=1").await.is_problem(400, "unknown_parameter");
        app.anonymous().get("/examples/active?page=0").await.is_problem(422, "invalid");
    }

    // 3.33: the same tag, described like the route that it is like
    async fn own_routes_are_in_the_entitys_part_of_the_document(app: TestApp) {
        let document = app.anonymous().at_root().get("/openapi.json").await.is(200).json;
        let paths = &document["paths"];
        for (own, generated, tag) in [
            ("/api/v1/courses/by-slug/{slug}", "/api/v1/courses/{id}", "courses"),
            ("/api/v1/examples/active", "/api/v1/examples", "examples"),
        ] {
            let whole = |path: &str| {
                let mut operation = paths[path]["get"].clone();
                let answer = &mut operation["responses"]["200"];
                *answer = openapi::followed(&document, answer).clone();
                operation
            };
            let (own, mut generated) = (whole(own), whole(generated));
            // Only the list of all rows is exported.
            let answer = &mut generated["responses"]["200"];
            answer["content"].as_object_mut().unwrap().retain(|kind, _| kind == "application/json");
            answer["headers"].as_object_mut().unwrap().remove("Content-Disposition");
            assert_eq!(own["tags"], json!([tag]));
            assert_eq!(own["responses"], generated["responses"]);
            assert_eq!(own["security"], generated["security"]);
        }
        let mut all = paths["/api/v1/examples"]["get"]["parameters"].clone();
        all.as_array_mut().unwrap()
            .retain(|parameter| openapi::followed(&document, parameter)["name"] != "format");
        assert_eq!(paths["/api/v1/examples/active"]["get"]["parameters"], all);
    }

    // 2.10: without HTTP
    async fn rows_are_found_by_any_condition_without_http(app: TestApp) {
        draft(&app.instructor(), "Mine").await;
        made(&app.admin(), "/examples", json!({"name": "On"})).await;
        made(&app.admin(), "/examples", json!({"name": "Off", "is_active": false})).await;
        let (registry, db) = (app.lms.app.registry(), app.lms.app.db());
        let (owner, nobody) = (Principal::user(app.instructor().id(), "instructor"), Principal::anonymous());
        let cx = Context::new(registry, db, &owner);
        let found = cx.find::<Course>(courses::slug.eq("mine")).await.expect("it is there");
        assert_eq!(found.title, "Mine");
        let hidden = Context::new(registry, db, &nobody).find::<Course>(courses::slug.eq("mine")).await;
        assert_eq!(hidden.expect_err("a draft").to_string(), "Course not found");
        let active = cx.list::<Example>("sort=name", |search| search.filter(examples::is_active.eq(true)));
        assert_eq!(active.await.expect("a list").total, Some(1));
        // One or none: several are a mistake in the program.
        let several = cx.find::<Example>(examples::archived_at.is_null()).await;
        assert_eq!(several.expect_err("there are two").code(), "internal");
    }
}
