//! `POST /courses` with modules and lessons.

use axum::http::Method;
use crud_core::testing::on_both;
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::Statements,
    once::KEY,
    steps::{NOBODY, count, draft, id, made},
};

fn modules(many: usize) -> Vec<Value> {
    let module = |n| json!({"title": format!("Module {n}"), "order": n});
    (0..many).map(module).collect()
}

fn lesson(title: &str) -> Value {
    json!({"title": title, "content_type": "video", "order": 1})
}

async fn rows(app: &TestApp) -> [i64; 3] {
    [
        count(app, "courses").await,
        count(app, "modules").await,
        count(app, "lessons").await,
    ]
}

on_both! {
    async fn a_course_comes_with_its_modules_and_lessons(app: TestApp) {
        let by = app.instructor();
        assert_eq!(by.get("/modules").await.is(200).total(), 0);
        let body = json!({"title": "Rust", "is_published": true, "modules": modules(3), "lessons": [lesson("One")]});
        let course = by.post("/courses", body).await.is(201);
        assert_eq!((&course["slug"], &course["version"]), (&json!("rust"), &json!(0)));
        assert_eq!((course.json.get("modules"), course.json.get("lessons")), (None, None));
        let path = format!("/courses/{}", course.id());
        assert_eq!(course.header("location"), Some(&*format!("/api/v1{path}")));
        let read = by.get(&path).await.is(200);
        assert_eq!((&read.json, read.etag()), (&course.json, course.etag()));
        // What was cached is gone.
        let found = by.get("/modules?sort=order").await.is(200);
        let of = |row: &Value| [row["title"].clone(), row["course_id"].clone(), row["version"].clone(), row["created_by"].clone()];
        let expected = |n| [json!(format!("Module {n}")), course["id"].clone(), json!(0), json!(by.id())];
        let mut whole = Vec::new();
        for row in found.items() {
            let row = by.get(&format!("/modules/{}", row["id"].as_str().unwrap())).await.is(200);
            whole.push(of(&row.json));
        }
        assert_eq!(whole, [expected(0), expected(1), expected(2)]);
        let with = app.anonymous().get(&format!("{path}?include=modules,lessons")).await.is(200);
        let named = |list: &str| with[list].as_array().unwrap().iter().map(|row| row["title"].clone()).collect::<Vec<_>>();
        assert_eq!((named("modules").len(), named("lessons")), (3, vec![json!("One")]));
        by.post("/courses", json!({"title": "None", "modules": [], "lessons": []})).await.is(201);
        assert_eq!(rows(&app).await, [2, 3, 1]);
    }

    async fn every_fault_of_parent_and_children_is_named_at_its_place(app: TestApp) {
        let by = app.instructor();
        let body = json!({"title": " ", "colour": 1, "assessments": [], "modules": [{"title": "A"}, {"title": ""}, 3, {"title": "B", "course_id": NOBODY, "x": 1}],
            "lessons": [{"title": "One", "order": 1, "course_id": null}]});
        let refused = by.post("/courses", body).await.is_problem(422, "invalid");
        let _ = refused.names(&["/title", "/colour", "/assessments", "/modules/1/title", "/modules/2", "/modules/3/course_id", "/modules/3/x",
            "/lessons/0/course_id", "/lessons/0/content_type"]);
        for (list, code) in [(json!({}), "type"), (json!(null), "type"), (json!("x"), "type"), (json!(modules(101)), "length")] {
            let refused = by.post("/courses", json!({"title": "T", "modules": list})).await.is_problem(422, "invalid");
            assert_eq!(refused.faults(), [("/modules", code)], "{refused}");
        }
        let all = json!({"title": "T", "modules": modules(60), "lessons": vec![lesson("L"); 41]});
        assert!(by.post("/courses", all).await.is_problem(422, "invalid").faults()[0].1 == "length");
        let twice = by.request(Method::POST, "/courses").body("application/json", "{\"title\": \"T\", \"modules\": [], \"modules\": []}");
        assert_eq!(twice.send().await.is_problem(422, "invalid").faults(), [("/modules", "repeated_field")]);
        let deeper = json!({"title": "T", "modules": [{"title": "M", "lessons": []}]});
        assert_eq!(by.post("/courses", deeper).await.is_problem(422, "invalid").faults(), [("/modules/0/lessons", "unknown_field")]);
        assert_eq!(rows(&app).await, [0, 0, 0]);
        by.post("/courses", json!({"title": "T", "modules": modules(100)})).await.is(201);
        assert_eq!(rows(&app).await, [1, 100, 0]);
    }

    // Each child is under the policy of its own POST, and what is refused is told as there.
    async fn a_child_that_may_not_be_created_undoes_its_parent(app: TestApp) {
        let (by, other) = (app.instructor(), app.other_instructor());
        let course = draft(&other, "Foreign").await;
        let foreign = made(&other, "/modules", json!({"title": "M", "course_id": id(&course)})).await;
        let mut told = Vec::new();
        for module in [id(&foreign), NOBODY] {
            let mut bad = lesson("Two");
            bad["module_id"] = module.into();
            let body = json!({"title": "Mine", "modules": modules(2), "lessons": [lesson("One"), bad]});
            let refused = by.post("/courses", body).await.is_problem(403, "forbidden");
            assert_eq!(refused.faults(), [("/lessons/1", "forbidden")]);
            told.push(refused["detail"].clone());
        }
        assert_eq!(told[0], told[1]);
        let student = app.student().post("/courses", json!({"title": "Mine", "modules": [{"title": 1}]})).await;
        assert_eq!(student.is_problem(403, "forbidden")["detail"], "Only instructors can create courses");
        app.anonymous().post("/courses", json!({"title": "Mine", "modules": []})).await.is_problem(401, "unauthenticated");
        // An administrator is told what is missing.
        let mut bad = lesson("Two");
        bad["module_id"] = NOBODY.into();
        let refused = app.admin().post("/courses", json!({"title": "Mine", "lessons": [lesson("One"), bad]})).await;
        assert_eq!(refused.is_problem(409, "foreign_key").faults(), [("/lessons/1/module_id", "foreign_key")]);
        assert_eq!(rows(&app).await, [1, 1, 0]);
    }

    async fn the_statements_do_not_grow_with_the_children(app: TestApp) {
        let by = app.instructor();
        // What is asked once of a database is asked here.
        by.post("/courses", json!({"title": "T", "modules": modules(1)})).await.is(201);
        let mut counts = Vec::new();
        for many in [1, 100] {
            let (counted, guard) = Statements::watch();
            by.post("/courses", json!({"title": "T", "modules": modules(many)})).await.is(201);
            counts.push(counted.count());
            drop(guard);
        }
        assert_eq!(counts[0], counts[1]);
        assert_eq!(rows(&app).await, [3, 102, 0]);
    }

    async fn a_key_makes_all_of_it_once(app: TestApp) {
        let send = async |many: usize| {
            let by = app.instructor();
            let call = by.request(Method::POST, "/courses").header(KEY, "k");
            call.json(json!({"title": "T", "modules": modules(many)})).send().await
        };
        let first = send(2).await.is(201);
        let second = send(2).await.is(201);
        assert_eq!((second.json.clone(), second.etag()), (first.json.clone(), first.etag()));
        assert_eq!(second.header("idempotent-replayed"), Some("true"));
        send(3).await.is_problem(422, "idempotency_key");
        assert_eq!(rows(&app).await, [1, 2, 0]);
    }

    // It is the POST of one row that brings others along, and nothing else.
    async fn other_writes_take_no_children(app: TestApp) {
        let by = app.instructor();
        let path = draft(&by, "Course").await;
        let with = json!({"title": "T", "modules": []});
        let slug = format!("/courses/by-slug/{}", "t");
        for (method, path, body, at) in [
            (Method::PUT, &*path, with.clone(), "/modules"),
            (Method::PATCH, &path, with.clone(), "/modules"),
            (Method::PUT, &slug, with.clone(), "/modules"),
            (Method::POST, "/courses/bulk", json!([with]), "/0/modules"),
            (Method::POST, "/batch", json!({"operations": [{"op": "create", "entity": "courses", "body": with}]}), "/operations/0/body/modules"),
        ] {
            let refused = by.request(method, path).json(body).send().await.is_problem(422, "invalid");
            assert_eq!(refused.faults(), [(at, "unknown_field")]);
        }
        let file = by.request(Method::POST, "/courses/import").body("application/x-ndjson", with.to_string());
        assert_eq!(file.send().await.is_problem(422, "invalid").faults(), [("/1/modules", "unknown_field")]);
        assert_eq!(rows(&app).await, [1, 0, 0]);
    }

    // What the document allows is what is accepted.
    async fn the_document_shows_the_children_without_their_key(app: TestApp) {
        let document = lms_server::document();
        let mut schema = document["paths"]["/api/v1/courses"]["post"]["requestBody"]["content"]["application/json"]["schema"].clone();
        assert_eq!(schema["$ref"], "#/components/schemas/CourseCreateWithChildren");
        schema["components"] = document["components"].clone();
        let accepts = |body: &Value| jsonschema::is_valid(&schema, body);
        let by = app.instructor();
        for (body, fits) in [
            (json!({"title": "T", "modules": modules(1), "lessons": [lesson("L")]}), true),
            (json!({"title": "T", "modules": [{"title": "M", "course_id": null}]}), false),
            (json!({"title": "T", "modules": [{}]}), false),
            (json!({"title": "T", "lessons": [{"title": "L", "content_type": "video"}]}), false),
            (json!({"title": "T", "modules": null}), false),
            (json!({"title": "T", "modules": modules(101)}), false),
            (json!({"title": "T", "projects": []}), false),
        ] {
            assert_eq!(accepts(&body), fits, "{body}");
            let status = if fits { 201 } else { 422 };
            by.post("/courses", body).await.is(status);
        }
        let put = &document["paths"]["/api/v1/courses/{id}"]["put"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(put["$ref"], "#/components/schemas/CourseCreate");
    }
}
