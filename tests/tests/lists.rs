//! Lists of the LMS: envelope, pages, filters, orders.

use crud_core::testing::on_both;
use serde_json::json;
use tests::TestApp;

use crate::steps::{draft, id, lesson, made, published};

on_both! {
    // 2.05, 2.15, 2.32, 3.29
    async fn the_envelope_counts_all_rows_and_all_pages(app: TestApp) {
        for n in 0..25 {
            published(&app.instructor(), &format!("Course {n}")).await;
        }
        let list = app.anonymous().get("/courses").await.is(200);
        assert_eq!(list.items().len(), 20);
        for (field, value) in [("total", 25), ("page", 1), ("page_size", 20), ("pages", 2)] {
            assert_eq!(list[field], value, "{field}");
        }
        assert_eq!(list.header("x-total-count"), Some("25"));
        let last = app.anonymous().get("/courses?page=3&page_size=10").await.is(200);
        assert_eq!((last.items().len(), &last["pages"]), (5, &json!(3)));
        let beyond = app.anonymous().get("/courses?page=9").await.is(200);
        assert_eq!((beyond.items().len(), beyond.total()), (0, 25));
    }

    // 2.15, fault 7
    async fn a_page_out_of_range_is_422_and_names_the_parameter(app: TestApp) {
        for (query, parameter) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=one", "page"),
            ("page=9223372036854775807", "page"),
            ("page_size=0", "page_size"),
            ("page_size=101", "page_size"),
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=101", "limit"),
            ("offset=-1", "offset"),
            ("skip=-1", "skip"),
        ] {
            let refused = app.anonymous().get(&format!("/courses?{query}")).await;
            refused.is_problem(422, "invalid").names(&[parameter]);
        }
        app.anonymous().get("/courses?page=1&page_size=100").await.is(200);
    }

    // 2.11
    async fn the_newest_course_comes_first(app: TestApp) {
        for title in ["Old", "Middle", "New"] {
            published(&app.instructor(), title).await;
        }
        let list = app.anonymous().get("/courses").await.is(200);
        assert_eq!(list.column("title"), ["New", "Middle", "Old"]);
        let page = app.anonymous().get("/courses?page=2&page_size=2").await.is(200);
        assert_eq!(page.column("title"), ["Old"]);
    }

    // 2.11, 2.15, 3.21, 3.22
    async fn courses_are_found_by_category_difficulty_and_title(app: TestApp) {
        let by = app.instructor();
        for (title, category, level) in [
            ("Rust", "code", "beginner"),
            ("Rusty nails 100%", "craft", "beginner"),
            ("Baking", "craft", "advanced"),
        ] {
            let body = json!({"title": title, "category": category, "difficulty_level": level,
                "is_published": title != "Baking"});
            made(&by, "/courses", body).await;
        }
        for (query, titles) in [
            ("category=craft", vec!["Baking", "Rusty nails 100%"]),
            ("category=cra", vec![]),
            ("difficulty_level=beginner", vec!["Rusty nails 100%", "Rust"]),
            ("category=craft&difficulty_level=beginner", vec!["Rusty nails 100%"]),
            ("title=RUST", vec!["Rusty nails 100%", "Rust"]),
            ("title=0%25", vec!["Rusty nails 100%"]),
            ("title=_", vec![]),
            ("is_published=false", vec!["Baking"]),
            ("slug=rust", vec!["Rust"]),
        ] {
            let list = by.get(&format!("/courses?{query}")).await.is(200);
            assert_eq!(list.column("title"), titles, "{query}");
            assert_eq!(list.total(), titles.len() as u64, "{query}");
        }
        let other = format!("/courses?instructor_id={}", app.other_instructor().id());
        assert_eq!(by.get(&other).await.is(200).total(), 0);
        by.get("/courses?difficulty_level=hard").await.is_problem(422, "invalid")
            .names(&["difficulty_level"]);
        by.get("/courses?published_only=false").await.is_problem(400, "unknown_parameter")
            .says("is_published");
    }

    // 2.04, 2.42
    async fn a_list_has_drafts_for_their_instructor_and_admins_only(app: TestApp) {
        published(&app.instructor(), "Open").await;
        draft(&app.instructor(), "Draft").await;
        for (client, titles) in [
            (app.anonymous(), vec!["Open"]),
            (app.student(), vec!["Open"]),
            (app.other_instructor(), vec!["Open"]),
            (app.instructor(), vec!["Draft", "Open"]),
            (app.admin(), vec!["Draft", "Open"]),
        ] {
            let list = client.get("/courses").await.is(200);
            assert_eq!(list.column("title"), titles);
            assert_eq!(list.total(), titles.len() as u64);
            let asked = client.get("/courses?is_published=false").await.is(200);
            assert_eq!(asked.total(), titles.len() as u64 - 1);
        }
    }

    // 1.04, 3.21
    async fn limit_and_offset_walk_the_same_list_as_pages(app: TestApp) {
        for n in 0..7 {
            made(&app.admin(), "/organizations", json!({"name": format!("Org {n}")})).await;
        }
        let all = app.anonymous().get("/organizations").await.is(200).column("name");
        for offset in ["offset", "skip"] {
            let mut walked = Vec::new();
            for start in [0, 3, 6] {
                let page = format!("/organizations?limit=3&{offset}={start}");
                walked.extend(app.anonymous().get(&page).await.is(200).column("name"));
            }
            assert_eq!(walked, all, "{offset}");
        }
        app.anonymous().get("/organizations?limit=3&page=1").await
            .is_problem(400, "mixed_pagination");
    }

    // 1.04, 3.21: deep pages are another statement
    async fn a_deep_page_goes_on_where_the_one_before_it_ends(app: TestApp) {
        let many = "INSERT INTO organizations (name) \
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1115) \
            SELECT 'Org ' || i FROM n";
        app.lms.app.db().batch(many).await.expect("plain SQL");
        for query in ["", "&sort=name", "&sort=-name&name=org", "&archived=any"] {
            let (app, query) = (app.anonymous(), &query);
            let page = async |limit, offset| {
                let page = format!("/organizations?limit={limit}&offset={offset}{query}");
                app.get(&page).await.is(200).column("name")
            };
            let before = page(100, 950).await;
            assert_eq!(page(50, 1000).await, before[50..], "{query}");
            assert_eq!(page(50, 1100).await.len(), 15, "{query}");
        }
    }

    // 3.22
    async fn a_name_is_found_by_any_part_in_any_case(app: TestApp) {
        for name in ["Open University", "City college"] {
            made(&app.admin(), "/organizations", json!({"name": name})).await;
        }
        let list = app.anonymous().get("/organizations?name=n%20UNI").await.is(200);
        assert_eq!(list.column("name"), ["Open University"]);
    }

    // 3.07, 3.23, 3.32
    async fn archived_rows_are_listed_when_asked_for_and_only_then(app: TestApp) {
        let admin = app.admin();
        let gone = made(&admin, "/organizations", json!({"name": "Gone"})).await;
        made(&admin, "/organizations", json!({"name": "Here"})).await;
        admin.patch(&format!("{gone}/archive"), json!({})).await.is(200);
        for (query, names) in [
            ("", vec!["Here"]),
            ("?archived=false", vec!["Here"]),
            ("?archived=true", vec!["Gone"]),
            ("?archived=any", vec!["Gone", "Here"]),
        ] {
            let list = app.anonymous().get(&format!("/organizations{query}")).await.is(200);
            assert_eq!(list.column("name"), names, "{query}");
        }
    }

    // 2.24
    async fn lessons_come_in_the_order_of_their_course(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        for order in [3, 1, 2] {
            lesson(&app.instructor(), &course, order).await;
        }
        let list = format!("/lessons?course_id={}", id(&course));
        let list = app.anonymous().get(&list).await.is(200);
        assert_eq!(list.column("order"), [1, 2, 3]);
    }

    // 3.19
    async fn a_list_is_lighter_than_a_row(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let one = app.anonymous().get(&course).await.is(200);
        let list = app.anonymous().get("/courses").await.is(200);
        for field in ["description", "metadata", "properties"] {
            assert!(one.json.get(field).is_some(), "{field}");
            assert!(list.items()[0].get(field).is_none(), "{field}");
        }
        for field in ["id", "created_at", "updated_at", "archived_at"] {
            assert_eq!(list.items()[0][field], one[field], "{field}");
        }
    }
}
