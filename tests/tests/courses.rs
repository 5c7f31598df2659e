//! Courses and their lessons: who may make, see, change and remove them, and what is made of a body.

use crud_core::testing::on_both;
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, count, draft, id, lesson, made, published};

on_both! {
    // 2.17, 2.42
    async fn a_student_cannot_create_a_course(app: TestApp) {
        let body = json!({"title": "Mine"});
        let refused = app.student().post("/courses", body.clone()).await;
        refused.is_problem(403, "forbidden").says("Only instructors can create courses");
        app.anonymous().post("/courses", body).await.is_problem(401, "unauthenticated");
        assert_eq!(count(&app, "courses").await, 0);
    }

    // 2.17, 2.42, 3.27, 3.39
    async fn an_instructor_creates_a_course_and_teaches_it(app: TestApp) {
        for by in [app.instructor(), app.admin()] {
            let title = format!("By {}", by.id());
            let course = by.post("/courses", json!({"title": title})).await.is(201);
            assert_eq!(course["title"], title);
            assert_eq!(course["instructor_id"], by.id().to_string());
            assert_eq!(course["created_by"], by.id().to_string());
            // What the database and the server fill in is there at once.
            assert_eq!((&course["is_published"], &course["version"]), (&json!(false), &json!(0)));
            assert_eq!(course["created_at"], course["updated_at"]);
            let path = format!("/api/v1/courses/{}", course.id());
            assert_eq!(course.header("location"), Some(path.as_str()));
            assert_eq!(by.get(&path).await.is(200).json, course.json);
        }
    }

    // 2.17
    async fn the_instructor_of_a_new_course_cannot_be_chosen(app: TestApp) {
        let other = app.other_instructor().id().to_string();
        let body = json!({"title": "Theirs", "instructor_id": other});
        app.instructor().post("/courses", body).await.is_problem(422, "invalid")
            .names(&["/instructor_id"]);
    }

    // 2.10, 2.16, 3.28
    async fn a_course_is_read_by_its_id(app: TestApp) {
        let course = published(&app.instructor(), "Open").await;
        assert_eq!(app.anonymous().get(&course).await.is(200)["title"], "Open");
        app.anonymous().get("/courses/one").await.is_problem(422, "invalid").names(&["id"]);
        let missing = app.anonymous().get(&format!("/courses/{NOBODY}")).await;
        missing.is_problem(404, "not_found").says(&format!("Course {NOBODY} not found"));
    }

    // 2.01, 2.02
    async fn a_draft_answers_as_if_it_did_not_exist(app: TestApp) {
        let course = draft(&app.instructor(), "Draft").await;
        for client in [app.anonymous(), app.student(), app.other_instructor()] {
            let hidden = client.get(&course).await.is_problem(404, "not_found");
            let missing = client.get(&format!("/courses/{NOBODY}")).await;
            assert_eq!(
                hidden["detail"].as_str().map(|d| d.replace(id(&course), NOBODY)).as_deref(),
                missing["detail"].as_str(),
            );
        }
        for client in [app.instructor(), app.admin()] {
            client.get(&course).await.is(200);
        }
    }

    // 2.10
    async fn a_course_is_found_by_its_slug(app: TestApp) {
        published(&app.instructor(), "Two words").await;
        let found = app.anonymous().get("/courses?slug=two-words").await.is(200);
        assert_eq!(found.column("title"), ["Two words"]);
    }

    // 2.18, 3.30
    async fn only_its_instructor_and_admins_change_a_course(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        for client in [app.student(), app.other_instructor()] {
            let refused = client.patch(&course, json!({"title": "Mine"})).await;
            refused.is_problem(403, "forbidden").says("Not authorized to update this course");
        }
        app.anonymous().patch(&course, json!({"title": "Mine"})).await
            .is_problem(401, "unauthenticated");
        for (client, title) in [(app.instructor(), "By owner"), (app.admin(), "By admin")] {
            let changed = client.patch(&course, json!({"title": title})).await.is(200);
            assert_eq!(changed["title"], title);
            assert_eq!(changed["instructor_id"], app.instructor().id().to_string());
        }
    }

    // 2.19, 3.31
    async fn only_its_instructor_and_admins_delete_a_course(app: TestApp) {
        for owner in [app.instructor(), app.admin()] {
            let course = published(&app.instructor(), "Course").await;
            for client in [app.student(), app.other_instructor()] {
                let refused = client.delete(&course).await;
                refused.is_problem(403, "forbidden").says("Not authorized to delete this course");
            }
            app.anonymous().delete(&course).await.is_problem(401, "unauthenticated");
            let deleted = owner.delete(&course).await.is(204);
            assert!(deleted.bytes.is_empty());
            app.admin().get(&course).await.is_problem(404, "not_found");
        }
    }

    // 2.18, 2.19: who may not see a draft is not told that it is there
    async fn a_draft_cannot_be_changed_by_who_cannot_see_it(app: TestApp) {
        let course = draft(&app.instructor(), "Draft").await;
        for client in [app.student(), app.other_instructor()] {
            client.patch(&course, json!({"title": "x"})).await.is_problem(404, "not_found");
            client.delete(&course).await.is_problem(404, "not_found");
            client.patch(&format!("{course}/archive"), json!({})).await
                .is_problem(404, "not_found");
        }
    }

    // 2.28
    async fn every_limit_of_a_course_is_kept_and_all_faults_are_named(app: TestApp) {
        let by = app.instructor();
        let long = |length: usize| "x".repeat(length);
        let body = json!({
            "title": long(256), "description": long(5001), "category": long(101),
            "difficulty_level": "hard", "thumbnail_url": long(501),
            "estimated_duration_minutes": 0, "metadata": "text",
        });
        let fields: Vec<_> = body.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        for name in &fields {
            let mut one = json!({"title": "Fine"});
            one[name.as_str()] = body[name.as_str()].clone();
            let refused = by.post("/courses", one).await.is_problem(422, "invalid");
            refused.names(&[&format!("/{name}")]);
        }
        // Types first: what has the wrong type cannot be measured.
        let mut lengths = body.clone();
        lengths["difficulty_level"] = json!("beginner");
        lengths["metadata"] = json!({});
        by.post("/courses", lengths).await.is_problem(422, "invalid").names(&[
            "/title", "/description", "/category", "/thumbnail_url", "/estimated_duration_minutes",
        ]);
        let largest = json!({
            "title": long(255), "description": long(5000), "category": long(100),
            "difficulty_level": "advanced", "thumbnail_url": long(500),
            "estimated_duration_minutes": 1, "metadata": {"hours": [1, 2]},
        });
        let made = by.post("/courses", largest.clone()).await.is(201);
        for name in fields {
            assert_eq!(made[name], largest[name.as_str()], "{name}");
        }
        by.post("/courses", json!({})).await.is_problem(422, "invalid").names(&["/title"]);
    }

    // 2.29, 3.14
    async fn texts_are_trimmed_and_a_blank_title_is_refused(app: TestApp) {
        let by = app.instructor();
        let body = json!({"title": "  Two words \n", "category": "\tcode "});
        let course = by.post("/courses", body).await.is(201);
        assert_eq!((&course["title"], &course["category"]), (&json!("Two words"), &json!("code")));
        let path = format!("/courses/{}", course.id());
        for blank in ["", "   ", "\u{a0}\t"] {
            let body = json!({"title": blank});
            for refused in [
                by.post("/courses", body.clone()).await,
                by.patch(&path, body.clone()).await,
                by.put(&path, body).await,
            ] {
                refused.is_problem(422, "invalid").names(&["/title"])
                    .says("Title cannot be empty or whitespace");
            }
        }
        let trimmed = by.patch(&path, json!({"title": " New "})).await.is(200);
        assert_eq!(trimmed["title"], "New");
        let name = app.admin().post("/organizations", json!({"name": " "})).await;
        name.is_problem(422, "invalid").says("Name cannot be empty or whitespace");
    }

    // 2.23, 2.31, 3.16, 3.17
    async fn a_course_has_the_declared_fields_and_no_others(app: TestApp) {
        let course = draft(&app.instructor(), "Course").await;
        let course = app.instructor().get(&course).await.is(200);
        let mut names: Vec<_> = course.json.as_object().into_iter().flatten()
            .map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, [
            "archived_at", "category", "created_at", "created_by", "description",
            "difficulty_level", "estimated_duration_minutes", "id", "instructor_id",
            "is_published", "metadata", "properties", "slug", "thumbnail_url", "title",
            "updated_at", "updated_by", "version",
        ]);
    }

    // 2.24, 2.25
    async fn deleting_a_course_deletes_what_it_consists_of(app: TestApp) {
        let by = app.instructor();
        let (course, other) = (draft(&by, "One").await, draft(&by, "Two").await);
        for course in [&course, &other] {
            let module = json!({"title": "Module", "course_id": id(course)});
            let module = made(&by, "/modules", module).await;
            let inside = lesson(&by, course, 1).await;
            by.patch(&inside, json!({"module_id": id(&module)})).await.is(200);
            lesson(&by, course, 2).await;
            let exam = json!({"course_id": id(course), "title": "E", "assessment_type": "Exam"});
            made(&by, "/assessments", exam).await;
        }
        by.delete(&course).await.is(204);
        for (table, left) in [("courses", 1), ("modules", 1), ("lessons", 2), ("assessments", 1)] {
            assert_eq!(count(&app, table).await, left, "{table}");
        }
    }

    // 2.25
    async fn a_lesson_has_its_fields_and_their_limits(app: TestApp) {
        let by = app.instructor();
        let course = draft(&by, "Course").await;
        let whole = json!({
            "course_id": id(&course), "title": "L", "content_type": "video", "content": "Text",
            "video_url": "https://example.org/v", "duration_minutes": 0, "order": -1,
            "metadata": {"a": 1},
        });
        let lesson = by.post("/lessons", whole.clone()).await.is(201);
        for (name, value) in whole.as_object().into_iter().flatten() {
            assert_eq!(&lesson[name], value, "{name}");
        }
        for (name, value) in [
            ("title", json!("x".repeat(256))),
            ("content_type", json!("x".repeat(51))),
            ("video_url", json!("x".repeat(501))),
            ("duration_minutes", json!(-1)),
            ("order", json!(2_147_483_648_i64)),
            ("course_id", Value::Null),
        ] {
            let mut body = whole.clone();
            body[name] = value;
            by.post("/lessons", body).await.is_problem(422, "invalid").names(&[&format!("/{name}")]);
        }
        let mut short = whole;
        for name in ["content", "video_url", "duration_minutes", "metadata"] {
            short.as_object_mut().map(|fields| fields.remove(name));
        }
        let lesson = by.post("/lessons", short).await.is(201);
        assert_eq!((&lesson["content"], &lesson["metadata"]), (&Value::Null, &Value::Null));
    }

    // 0.01, 0.03, 0.04, 0.06
    async fn modules_have_five_routes_with_their_status_codes(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let module = json!({"title": "Part", "description": "Of it", "course_id": id(&course)});
        let created = by.post("/modules", module.clone()).await.is(201);
        let path = format!("/modules/{}", created.id());
        assert_eq!(created["description"], "Of it");
        assert_eq!(app.anonymous().get("/modules").await.is(200).column("id"), [created.id()]);
        assert_eq!(app.anonymous().get(&path).await.is(200)["title"], "Part");
        let changed = by.patch(&path, json!({"description": null})).await.is(200);
        assert_eq!((&changed["title"], &changed["description"]), (&json!("Part"), &Value::Null));
        app.anonymous().post("/modules", module.clone()).await.is_problem(401, "unauthenticated");
        app.student().post("/modules", module).await.is_problem(403, "forbidden");
        by.post("/modules", json!({"title": ""})).await.is_problem(422, "invalid")
            .names(&["/title"]);
        app.student().delete(&path).await.is_problem(403, "forbidden");
        by.delete(&path).await.is(204);
        for gone in [by.get(&path).await, by.patch(&path, json!({})).await, by.delete(&path).await] {
            gone.is_problem(404, "not_found");
        }
    }

    // 0.05: what stands alone is the administrators' to write
    async fn a_module_of_no_course_needs_an_administrator(app: TestApp) {
        let body = json!({"title": "Alone"});
        app.instructor().post("/modules", body.clone()).await.is_problem(403, "forbidden");
        let module = made(&app.admin(), "/modules", body).await;
        app.anonymous().get(&module).await.is(200);
        app.instructor().patch(&module, json!({"title": "x"})).await.is_problem(403, "forbidden");
        app.admin().patch(&module, json!({"title": "x"})).await.is(200);
    }
}
