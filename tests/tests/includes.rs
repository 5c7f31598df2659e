//! `include=`: what belongs to a row, within it, as far as the caller may see it.

use axum::http::{Method, header};
use crud_core::{openapi, testing::on_both};
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::statements_of,
    steps::{count, draft, id, lesson, made, published, run},
};

/// A field of each item of a list.
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a Value> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|row| &row[field])
        .collect()
}

on_both! {
    // 2.24, 2.31
    async fn a_course_holds_its_lessons_in_their_order(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        for order in [3, 1, 2] {
            lesson(&by, &course, order).await;
        }
        let other = published(&by, "Other").await;
        lesson(&by, &other, 9).await;
        let plain = app.anonymous().get(&course).await.is(200);
        assert!(plain.json.get("lessons").is_none());
        let whole = app.anonymous().get(&format!("{course}?include=lessons")).await.is(200);
        assert_eq!(each(&whole["lessons"], "order"), [1, 2, 3]);
        // A lesson within a course is what it is in a list.
        let listed = app.anonymous().get(&format!("/lessons?course_id={}", id(&course))).await.is(200);
        assert_eq!(whole["lessons"], listed["items"]);
        let mut without = whole.json.clone();
        without.as_object_mut().map(|fields| fields.remove("lessons"));
        assert_eq!(without, plain.json);
        let list = app.anonymous().get("/courses?include=lessons&sort=title").await.is(200);
        assert_eq!((list.total(), list.column("title")), (2, vec![json!("Course"), json!("Other")]));
        assert_eq!(each(&list.items()[0]["lessons"], "order"), [1, 2, 3]);
        assert_eq!(each(&list.items()[1]["lessons"], "order"), [9]);
        let empty = published(&by, "Empty").await;
        let empty = app.anonymous().get(&format!("{empty}?include=lessons,modules")).await.is(200);
        assert_eq!((&empty["lessons"], &empty["modules"]), (&json!([]), &json!([])));
        let by_slug = app.anonymous().get("/courses/by-slug/course?include=lessons").await.is(200);
        assert_eq!(by_slug.json, whole.json);
    }

    // 2.24, 3.09: from either side
    async fn a_relation_is_read_from_both_sides(app: TestApp) {
        let by = app.admin();
        let organization = made(&by, "/organizations", json!({"name": "Org"})).await;
        let body = json!({"name": "Inside", "organization_id": id(&organization)});
        let inside = made(&by, "/examples", body).await;
        let alone = made(&by, "/examples", json!({"name": "Alone"})).await;
        let whole = app.anonymous().get(&format!("{organization}?include=examples")).await.is(200);
        assert_eq!(each(&whole["examples"], "name"), ["Inside"]);
        let back = app.anonymous().get(&format!("{inside}?include=organization")).await.is(200);
        assert_eq!(back["organization"]["name"], "Org");
        let nothing = app.anonymous().get(&format!("{alone}?include=organization")).await.is(200);
        assert!(nothing["organization"].is_null() && nothing.json.get("organization").is_some());
        let course = published(&app.instructor(), "Course").await;
        let taught = app.admin().get(&format!("{course}?include=instructor")).await.is(200);
        assert_eq!(taught["instructor"]["email"], "instructor@test.example");
    }

    // 2.13, 2.14
    async fn enrollments_come_with_student_course_and_its_instructor(app: TestApp) {
        let mut courses = Vec::new();
        for title in ["Old", "New"] {
            let course = published(&app.instructor(), title).await;
            let body = json!({"course_id": id(&course)});
            courses.push(made(&app.student(), "/enrollments", body).await);
        }
        let done = "UPDATE enrollments SET completed_at = enrolled_at WHERE id = ?";
        run(&app, done, id(&courses[0])).await.expect("it is there");
        let include = "include=student,course.instructor";
        let of = format!("/enrollments?student_id={}&{include}", app.student().id());
        for (completed, titles) in [
            ("", vec!["New", "Old"]), ("&completed=true", vec!["Old"]), ("&completed=false", vec!["New"]),
        ] {
            let list = app.admin().get(&format!("{of}{completed}")).await.is(200);
            let found: Vec<_> = list.items().iter().map(|row| &row["course"]["title"]).collect();
            assert_eq!(found, titles);
            for row in list.items() {
                assert_eq!(row["student"]["email"], "student@test.example");
                assert_eq!(row["course"]["instructor"]["email"], "instructor@test.example");
            }
        }
        let one = app.admin().get(&format!("{}?{include}", courses[1])).await.is(200);
        assert_eq!(one["course"]["instructor"]["role"], "instructor");
        // The student sees himself and the course, but not who teaches it: that is how users are seen.
        let one = app.student().get(&format!("{}?{include}", courses[1])).await.is(200);
        assert_eq!(one["student"]["id"], app.student().id().to_string());
        assert_eq!(one["course"]["title"], "New");
        assert!(one["course"]["instructor"].is_null());
    }

    // Fault 8
    async fn the_statements_do_not_grow_with_the_rows(app: TestApp) {
        let by = app.admin();
        for n in 0..12 {
            let course = published(&app.instructor(), &format!("Course {n}")).await;
            lesson(&app.instructor(), &course, 1).await;
            if n % 2 == 0 {
                made(&app.student(), "/enrollments", json!({"course_id": id(&course)})).await;
            }
            for (path, expected) in [
                ("/courses?include=lessons,instructor", 4),
                ("/courses?include=lessons,instructor&total=none", 3),
                ("/enrollments?include=student,course.instructor", 5),
                ("/enrollments?include=course", 3),
            ] {
                // And one for the caller.
                assert_eq!(statements_of(&app, &by, path).await, expected + 1, "{path} at {n}");
            }
        }
    }

    // Each related row under its own entity's rules.
    async fn nothing_is_included_that_could_not_be_read(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let kept = lesson(&by, &course, 1).await;
        let gone = lesson(&by, &course, 2).await;
        by.patch(&format!("{gone}/archive"), json!({})).await.is(200);
        for (by, is_public) in [(app.student(), false), (app.other_student(), true)] {
            let body = json!({"name": "P", "course_id": id(&course), "is_public": is_public});
            made(&by, "/projects", body).await;
        }
        let path = format!("{course}?include=lessons,projects,instructor");
        for (by, projects, instructor) in [
            (app.anonymous(), 1, false),
            (app.other_student(), 1, false),
            (app.student(), 2, false),
            (app.instructor(), 2, true),
            (app.admin(), 2, true),
        ] {
            let whole = by.get(&path).await.is(200);
            assert_eq!(each(&whole["lessons"], "id"), [id(&kept)]);
            assert_eq!(whole["projects"].as_array().map(Vec::len), Some(projects));
            assert_eq!(whole["instructor"].is_object(), instructor);
            assert!(!whole.json.to_string().contains("password"));
        }
        // A parent that is archived is not there.
        by.patch(&format!("{course}/archive"), json!({})).await.is(200);
        let orphan = made(&app.admin(), "/examples", json!({"name": "E"})).await;
        app.admin().get(&format!("{orphan}?include=organization")).await.is(200);
        let whole = by.get(&format!("{path}&archived=any")).await.is(200);
        assert_eq!(whole["lessons"], json!([]));
        let hidden = draft(&by, "Draft").await;
        app.anonymous().get(&format!("{hidden}?include=lessons")).await.is_problem(404, "not_found");
    }

    async fn a_list_within_a_row_has_an_end(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let other = published(&by, "Other").await;
        lesson(&by, &other, 7).await;
        for order in (0..103).rev() {
            lesson(&by, &course, order).await;
        }
        assert_eq!(count(&app, "lessons").await, 104);
        let list = by.get("/courses?include=lessons&sort=title").await.is(200);
        let first: Vec<_> = (0..100).map(Value::from).collect();
        assert_eq!(each(&list.items()[0]["lessons"], "order"), first.iter().collect::<Vec<_>>());
        assert_eq!(each(&list.items()[1]["lessons"], "order"), [7]);
        // One parent for many rows.
        let path = "/lessons?include=course&page_size=100&page=2&sort=order";
        let list = by.get(path).await.is(200);
        assert!(list.items().iter().all(|row| row["course"]["title"] == "Course"));
        assert_eq!(list.items().len(), 4);
        let page = by.get("/courses?include=lessons&sort=title&page_size=1&page=2").await.is(200);
        assert_eq!((page.column("title"), page.total()), (vec![json!("Other")], 2));
        assert!(page.link("prev").is_some_and(|link| link.contains("include=lessons")));
        let deep = by.get("/courses?include=lessons&limit=1&offset=1000").await.is(200);
        assert_eq!(deep.items().len(), 0);
    }

    async fn an_unknown_relation_is_refused_with_the_known_ones(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        for name in ["nothing", "", "Lessons", "lessons.nothing", "lessons,", "users"] {
            for path in ["/courses", course.as_str()] {
                let refused = app.anonymous().get(&format!("{path}?include={name}")).await;
                let refused = refused.is_problem(400, "unknown_include");
                if !name.starts_with("lessons.") {
                    let _ = refused.says("lessons, modules, assessments, projects, instructor");
                }
            }
        }
        // A list in each row of a list, and too deep.
        for path in ["lessons.course.modules", "modules.lessons", "lessons.module.course.instructor"] {
            app.anonymous().get(&format!("/courses?include={path}")).await
                .is_problem(400, "unknown_include");
        }
        app.anonymous().get("/courses?include=lessons&include=modules").await
            .is_problem(400, "repeated_parameter");
        app.anonymous().get("/courses?include=lessons,modules,lessons").await
            .is_problem(400, "repeated_include").says("`lessons` more than once");
        app.anonymous().get("/courses?include=lessons,lessons.module").await.is(200);
        app.admin().get("/certificates?include=course").await
            .is_problem(400, "unknown_parameter");
        app.anonymous().get("/courses?include=lessons.module").await.is(200);
    }

    async fn the_tag_of_an_answer_with_relations_is_its_own(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let lesson = lesson(&app.instructor(), &course, 1).await;
        let path = format!("{course}?include=lessons");
        let plain = app.anonymous().get(&course).await.is(200).etag();
        let whole = app.anonymous().get(&path).await.is(200).etag();
        assert_ne!(plain, whole);
        let ask = async |tag: &str| {
            let by = app.anonymous();
            by.request(Method::GET, &path).header(header::IF_NONE_MATCH, tag).send().await
        };
        ask(&whole).await.is(304);
        ask(&plain).await.is(200);
        // The lesson changes, and with it the answer, though not the course.
        app.instructor().patch(&lesson, json!({"title": "Other"})).await.is(200);
        assert_eq!(each(&ask(&whole).await.is(200)["lessons"], "title"), ["Other"]);
        let by = app.instructor();
        let write = by.request(Method::PATCH, &course).header(header::IF_MATCH, whole);
        write.json(json!({"title": "x"})).send().await.is_problem(412, "precondition_failed");
    }

    async fn the_document_describes_what_can_be_included(app: TestApp) {
        let document = app.anonymous().at_root().get("/openapi.json").await.is(200).json;
        let get = &document["paths"]["/api/v1/courses/{id}"]["get"];
        let parameters = get["parameters"].as_array().expect("parameters");
        let mut parameters = parameters.iter().map(|p| openapi::followed(&document, p));
        let include = parameters.find(|p| p["name"] == "include").expect("one is it");
        let names = json!(["lessons", "modules", "assessments", "projects", "instructor"]);
        let items = &include["schema"]["items"]["anyOf"];
        assert_eq!(items[0]["enum"], names);
        let further = r"^(lessons|modules|assessments|projects|instructor)(\.[a-z0-9_]+){1,2}$";
        assert_eq!(items[1]["pattern"], further);
        let answer = openapi::followed(&document, &get["responses"]["200"]);
        let schema = &answer["content"]["application/json"]["schema"];
        let lessons = &schema["allOf"][1]["properties"]["lessons"];
        assert_eq!(lessons["items"]["$ref"], "#/components/schemas/LessonList");
    }
}
