//! Filters of the LMS with operators, through relations and in alternatives, over HTTP and with the cache on.

use crud_core::testing::on_both;
use serde_json::json;
use tests::TestApp;

use crate::steps::{id, lesson, made};

/// Courses of an instructor, the last of which is a draft.
async fn courses(app: &TestApp) -> Vec<String> {
    let mut courses = Vec::new();
    for (title, category, minutes) in [
        ("Rust", Some("code"), Some(90)),
        ("Rusty nails", Some("craft"), None),
        ("Ökologie", None, Some(30)),
        ("Secret", Some("code"), Some(10)),
    ] {
        let body = json!({"title": title, "category": category, "estimated_duration_minutes": minutes,
            "is_published": title != "Secret", "properties": {"a": {"level": minutes}}});
        courses.push(made(&app.instructor(), "/courses", body).await);
    }
    courses
}

fn encoded(query: &str) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').expect("name=value");
        out.append_pair(name, value);
    }
    out.finish()
}

on_both! {
    async fn courses_are_found_by_operators(app: TestApp) {
        courses(&app).await;
        for (query, titles) in [
            ("title[starts_with]=rust", vec!["Rust", "Rusty nails"]),
            ("title=ÖKO", vec!["Ökologie"]),
            ("title[eq]=Rust", vec!["Rust"]),
            ("category[in]=code,craft", vec!["Rust", "Rusty nails"]),
            ("category[ne]=code", vec!["Rusty nails", "Ökologie"]),
            ("category[is_null]=true", vec!["Ökologie"]),
            ("estimated_duration_minutes[gte]=30&estimated_duration_minutes[lt]=90", vec!["Ökologie"]),
            ("or=category=craft|estimated_duration_minutes[lte]=30", vec!["Rusty nails", "Ökologie"]),
            ("or=title=rust;category=craft|title=öko", vec!["Rusty nails", "Ökologie"]),
            ("properties[a.level][gt]=30", vec!["Rust"]),
            ("properties[a.level][is_null]=true", vec!["Rusty nails"]),
            ("created_at[gt]=2020-01-01T00:00:00Z&category=code", vec!["Rust"]),
        ] {
            let list = format!("/courses?sort=title&{}", encoded(query));
            let list = app.anonymous().get(&list).await.is(200);
            assert_eq!(list.column("title"), titles, "{query}");
            assert_eq!(list.total(), titles.len() as u64, "{query}");
        }
    }

    async fn lessons_are_found_by_their_course_as_far_as_it_is_seen(app: TestApp) {
        let courses = courses(&app).await;
        for (n, course) in courses.iter().enumerate() {
            lesson(&app.instructor(), course, i32::try_from(n).expect("small")).await;
        }
        let found = async |client: &crud_core::testing::Client, query: &str| {
            let list = format!("/lessons?{}", encoded(query));
            client.get(&list).await.is(200).column("order")
        };
        assert_eq!(found(&app.anonymous(), "course.category=code").await, [0]);
        assert_eq!(found(&app.instructor(), "course.category=code").await, [0, 3]);
        assert_eq!(found(&app.anonymous(), "course.title=rust&order[gt]=0").await, [1]);
        // Nobody else sees the instructor, so nobody finds anything by him.
        let by_him = "/courses?instructor.email=instructor%40test.example";
        assert_eq!(app.anonymous().get(by_him).await.is(200).total(), 0);
        assert_eq!(app.admin().get(by_him).await.is(200).total(), 4);
        // What is kept follows the other table too.
        let change = json!({"category": "craft"});
        app.instructor().patch(&courses[0], change).await.is(200);
        assert_eq!(found(&app.anonymous(), "course.category=code").await, [0; 0]);
        assert_eq!(found(&app.anonymous(), "course.category=craft").await, [0, 1]);
        app.instructor().patch(&format!("{}/archive", courses[1]), json!({})).await.is(200);
        assert_eq!(found(&app.anonymous(), "course.category=craft").await, [0]);
        let lessons = format!("/courses?lessons.order=0&lessons.course_id={}", id(&courses[0]));
        assert_eq!(app.anonymous().get(&lessons).await.is(200).column("title"), ["Rust"]);
    }

    async fn links_keep_the_filters(app: TestApp) {
        courses(&app).await;
        let query = encoded("or=category=code|category=craft&title[ne]=x");
        let page = app.anonymous().get(&format!("/courses?sort=title&page_size=1&{query}")).await.is(200);
        assert_eq!((page.total(), page.column("title")), (2, vec![json!("Rust")]));
        let next = app.anonymous().get(&page.link("next").expect("there is a next")).await.is(200);
        assert_eq!((next.total(), next.column("title")), (2, vec![json!("Rusty nails")]));
    }

    async fn a_wrong_filter_is_named(app: TestApp) {
        let get = async |query: &str| app.anonymous().get(&format!("/courses?{}", encoded(query))).await;
        get("difficulty_level[in]=beginner,hard").await.is_problem(422, "invalid").names(&["difficulty_level[in]"]);
        get("lessons.order=x").await.is_problem(422, "invalid").names(&["lessons.order"]);
        get("category[like]=x").await.is_problem(400, "unknown_operator").says("starts_with");
        get("password[gt]=a").await.is_problem(400, "unknown_parameter").says("category");
        get("instructor.password_hash[gt]=a").await.is_problem(400, "unknown_parameter");
    }
}
