//! `fields=`: the fields of a row that are asked for; `total=`; lists within a parent's path.

use axum::http::{Method, header};
use crud_core::testing::on_both;
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::{statements_again, statements_of},
    steps::{NOBODY, draft, id, lesson, made, published},
};

/// The names of a row's fields, in their order.
fn names(row: &Value) -> Vec<&str> {
    row.as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

on_both! {
    async fn a_row_has_the_fields_that_were_asked_for(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let whole = by.get(&course).await.is(200);
        for fields in ["title", "slug,title", "id,created_at", "metadata", "version,title"] {
            let mut expected: Vec<_> = fields.split(',').collect();
            for _ in 0..2 {
                // The second comes from the cache.
                let row = by.get(&format!("{course}?fields={fields}")).await.is(200);
                let mut found = names(&row.json);
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected);
                assert!(expected.iter().all(|name| row[*name] == whole[*name]), "{row}");
            }
        }
        let list = by.get("/courses?fields=title,id").await.is(200);
        assert_eq!(list.items(), [json!({"id": whole["id"], "title": "Course"})]);
        // What is not in the list's rows cannot be asked for there.
        by.get("/courses?fields=description").await.is_problem(400, "unknown_field").says("estimated_duration_minutes");
        for wrong in ["", "no_such", "title,", "password_hash", "title,no_such", "TITLE"] {
            for path in [course.as_str(), "/courses"] {
                by.get(&format!("{path}?fields={wrong}")).await.is_problem(400, "unknown_field").says("title");
            }
        }
        by.get("/courses?fields=title,title").await.is_problem(400, "repeated_field");
        let by_slug = by.get("/courses/by-slug/course?fields=slug").await.is(200);
        assert_eq!(by_slug.json, json!({"slug": "course"}));
    }

    async fn fields_go_with_what_is_included_and_with_cursors(app: TestApp) {
        let by = app.instructor();
        for n in 0..3 {
            let course = published(&by, &format!("Course {n}")).await;
            lesson(&by, &course, 1).await;
        }
        let list = "/courses?fields=title&include=lessons&sort=created_at&page_size=1";
        let page = by.get(list).await.is(200);
        assert_eq!(names(&page.items()[0]), ["title", "lessons"]);
        assert_eq!(page.items()[0]["lessons"][0]["title"], "Lesson 1");
        let next = page["next_cursor"].as_str().expect("a cursor").to_owned();
        let page = by.get(&format!("{list}&cursor={next}")).await.is(200);
        assert_eq!(page.column("title"), ["Course 1"]);
        let prev = page["prev_cursor"].as_str().expect("a cursor").to_owned();
        let page = by.get(&format!("{list}&cursor={prev}")).await.is(200);
        assert_eq!(page.column("title"), ["Course 0"]);
    }

    async fn fewer_fields_have_a_tag_of_their_own_that_writes_accept(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let whole = by.get(&course).await.is(200);
        let part = by.get(&format!("{course}?fields=title")).await.is(200);
        let (whole, part) = (whole.header("etag").expect("a tag").to_owned(), part.header("etag").expect("a tag").to_owned());
        assert_ne!(whole, part);
        let known = |path: String, tag: String| {
            let by = by.clone();
            async move { by.request(Method::GET, &path).header(header::IF_NONE_MATCH, &tag).send().await.status.as_u16() }
        };
        assert_eq!(known(format!("{course}?fields=title"), part.clone()).await, 304);
        assert_eq!(known(format!("{course}?fields=title"), whole.clone()).await, 200);
        assert_eq!(known(format!("{course}?fields=slug"), part.clone()).await, 200);
        assert_eq!(known(course.clone(), part.clone()).await, 200);
        let change = by.request(Method::PATCH, &course).header(header::IF_MATCH, &part).json(json!({"title": "New"}));
        change.send().await.is(200);
        let again = by.request(Method::PATCH, &course).header(header::IF_MATCH, &part).json(json!({"title": "Newer"}));
        again.send().await.is_problem(412, "precondition_failed");
    }

    async fn a_computed_field_is_there_without_what_it_is_made_of(app: TestApp) {
        let admin = app.admin();
        let example = made(&admin, "/examples", json!({"name": "One"})).await;
        let whole = admin.get(&example).await.is(200);
        let expected = json!({"display_name": whole["display_name"]});
        for _ in 0..2 {
            assert_eq!(admin.get(&format!("{example}?fields=display_name")).await.is(200).json, expected);
        }
    }

    async fn a_total_is_estimated_where_that_is_cheaper(app: TestApp) {
        let many = "INSERT INTO organizations (name) \
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) \
            SELECT 'Org ' || i FROM n; ANALYZE organizations";
        app.lms.app.db().batch(many).await.expect("plain SQL");
        let by = app.anonymous();
        let few = by.get("/organizations?total=estimated&name=org%20117").await.is(200);
        assert_eq!((&few["total_is"], few.total()), (&json!("exact"), 111));
        assert_eq!(few.header("x-total-count"), Some("111"));
        let all = by.get("/organizations?total=estimated&page_size=10").await.is(200);
        let total = all.total();
        match app.kind {
            crud_core::db::DbKind::Sqlite => {
                assert_eq!((&all["total_is"], total), (&json!("exact"), 12_000));
            }
            crud_core::db::DbKind::Postgres => {
                assert_eq!(all["total_is"], "estimated");
                assert!((10_001..20_000).contains(&total), "{total}");
                assert_eq!((all.header("x-total-count"), all.link("last")), (None, None));
            }
        }
        assert!(all.link("next").is_some());
        assert!(by.get("/organizations").await.is(200).json.get("total_is").is_none());
    }

    async fn the_rows_of_a_parent_are_a_list_in_its_path(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let other = published(&by, "Other").await;
        for order in 1..=5 {
            lesson(&by, &course, order).await;
            lesson(&by, &other, 10 + order).await;
        }
        let gone = lesson(&by, &course, 9).await;
        by.patch(&format!("{gone}/archive"), json!({})).await.is(200);
        let anyone = app.anonymous();
        let list = format!("{course}/lessons");
        let all = anyone.get(&list).await.is(200);
        assert_eq!((all.column("order"), all.total()), (vec![json!(1), json!(2), json!(3), json!(4), json!(5)], 5));
        let mut next = Some(format!("{list}?sort=-order&page_size=2&fields=order&include=course"));
        let mut found = Vec::new();
        while let Some(path) = next {
            let page = anyone.get(&path).await.is(200);
            assert_eq!(names(&page.items()[0]), ["order", "course"]);
            found.extend(page.column("order"));
            next = page.link("next");
        }
        assert_eq!(found, [5, 4, 3, 2, 1].map(|n| json!(n)));
        let page = anyone.get(&format!("{list}?page_size=2")).await.is(200);
        let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
        let page = anyone.get(&format!("{list}?page_size=2&cursor={cursor}")).await.is(200);
        assert_eq!(page.column("order"), [3, 4]);
        // It is of this parent's list, and of no other.
        for elsewhere in [format!("{other}/lessons"), "/lessons".to_owned()] {
            let refused = anyone.get(&format!("{elsewhere}?page_size=2&cursor={cursor}")).await;
            refused.is_problem(400, "cursor");
        }
        assert_eq!(by.get(&format!("{list}?archived=true")).await.is(200).column("order"), [9]);
        let filtered = format!("{list}?course_id={}", id(&other));
        assert_eq!(anyone.get(&filtered).await.is(200).total(), 0);
        anyone.get(&format!("{list}?no_such=1")).await.is_problem(400, "unknown_parameter").says("course_id");
        anyone.post(&list, json!({})).await.is_problem(405, "method_not_allowed");
        // The parent is known to the cache, or one statement more.
        assert_eq!(statements_of(&app, &anyone, &list).await, 3);
        assert_eq!(statements_again(&anyone, &list).await, 0);
    }

    async fn the_rows_of_a_parent_are_hidden_with_it(app: TestApp) {
        let by = app.instructor();
        let hidden = draft(&by, "Draft").await;
        lesson(&by, &hidden, 1).await;
        assert_eq!(by.get(&format!("{hidden}/lessons")).await.is(200).total(), 1);
        let nobody = format!("/courses/{NOBODY}/lessons");
        for client in [app.student(), app.other_instructor()] {
            client.get(&format!("{hidden}/lessons")).await.is_problem(404, "not_found");
            client.get(&nobody).await.is_problem(404, "not_found");
        }
        by.get("/courses/x/lessons").await.is_problem(422, "invalid");
        by.patch(&format!("{hidden}/archive"), json!({})).await.is(200);
        by.get(&format!("{hidden}/lessons")).await.is_problem(404, "not_found");
        by.get("/courses/x/no-such").await.is_problem(404, "not_found");
    }
}
