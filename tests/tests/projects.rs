//! Projects: the guide's second example, and who sees the private ones.

use crud_core::testing::on_both;
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, count, draft, id, made, published};

fn project(name: &str, course: &str, is_public: bool) -> Value {
    json!({"name": name, "course_id": id(course), "is_public": is_public})
}

on_both! {
    // 3.47, 3.48, 3.49, 3.51
    async fn a_project_has_the_guides_fields_and_limits(app: TestApp) {
        let by = app.student();
        let course = published(&app.instructor(), "Course").await;
        let made = by.post("/projects", json!({"name": " P ", "course_id": id(&course)})).await.is(201);
        for (field, value) in [
            ("name", json!("P")),
            ("description", Value::Null),
            ("is_public", json!(false)),
            ("course_id", json!(id(&course))),
            ("created_by", json!(by.id().to_string())),
        ] {
            assert_eq!(made[field], value, "{field}");
        }
        let path = format!("/projects/{}", made.id());
        for (name, value) in [
            ("name", json!("")),
            ("name", json!("x".repeat(256))),
            ("description", json!("x".repeat(4097))),
            ("is_public", json!(1)),
        ] {
            let mut body = project("P", &course, true);
            body[name] = value.clone();
            let field = format!("/{name}");
            by.post("/projects", body).await.is_problem(422, "invalid").names(&[&field]);
            by.patch(&path, json!({name: value})).await.is_problem(422, "invalid").names(&[&field]);
        }
        by.post("/projects", json!({"name": "P"})).await.is_problem(422, "invalid")
            .names(&["/course_id"]);
        by.patch(&path, json!({"course_id": id(&course)})).await.is_problem(422, "invalid")
            .names(&["/course_id"]);
        let changed = by.patch(&path, json!({"is_public": true, "description": "D"})).await.is(200);
        assert_eq!((&changed["is_public"], &changed["description"]), (&json!(true), &json!("D")));
    }

    // 3.49, 3.50
    async fn projects_are_found_by_name_visibility_and_course(app: TestApp) {
        let by = app.instructor();
        let (one, two) = (published(&by, "One").await, published(&by, "Two").await);
        made(&by, "/projects", project("Alpha", &one, true)).await;
        made(&by, "/projects", project("alphabet", &two, false)).await;
        for (query, names) in [
            ("name=ALPHA&sort=name", vec!["Alpha", "alphabet"]),
            ("is_public=false", vec!["alphabet"]),
            (&*format!("course_id={}", id(&one)), vec!["Alpha"]),
        ] {
            let found = by.get(&format!("/projects?{query}")).await.is(200);
            assert_eq!(found.column("name"), names, "{query}");
        }
        let list = by.get("/projects").await.is(200);
        let mut fields: Vec<_> = list.items()[0].as_object().into_iter().flatten()
            .map(|(name, _)| name.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["created_at", "id", "is_public", "name", "updated_at", "version"]);
    }

    async fn a_private_project_is_seen_by_its_creator_the_instructor_and_administrators(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let private = made(&app.student(), "/projects", project("Private", &course, false)).await;
        let public = made(&app.student(), "/projects", project("Public", &course, true)).await;
        for by in [app.student(), app.instructor(), app.admin()] {
            by.get(&private).await.is(200);
            assert_eq!(by.get("/projects").await.is(200).total(), 2);
        }
        for by in [app.other_student(), app.other_instructor(), app.anonymous()] {
            by.get(&private).await.is_problem(404, "not_found");
            by.get(&public).await.is(200);
            let list = by.get("/projects").await.is(200);
            assert_eq!((list.total(), list.column("name")), (1, vec![json!("Public")]));
        }
        let refused = app.other_student().patch(&public, json!({"name": "x"})).await;
        refused.is_problem(403, "forbidden").says("Only its creator and the course's instructor");
        app.other_student().delete(&private).await.is_problem(404, "not_found");
        for by in [app.student(), app.instructor(), app.admin()] {
            by.patch(&private, json!({"description": "D"})).await.is(200);
        }
    }

    // Fault 16: a project is put into no course that the caller does not see.
    async fn a_project_is_made_in_a_course_that_is_seen(app: TestApp) {
        let hidden = draft(&app.instructor(), "Draft").await;
        let course = published(&app.instructor(), "Course").await;
        let by = app.student();
        let nowhere = project("P", &format!("/courses/{NOBODY}"), true);
        let (nowhere_, hidden_) = (by.post("/projects", nowhere).await, project("P", &hidden, true));
        let refused = nowhere_.is_problem(403, "forbidden");
        let same = by.post("/projects", hidden_.clone()).await.is_problem(403, "forbidden");
        assert_eq!(refused["detail"], same["detail"]);
        let own = made(&by, "/projects", project("P", &course, true)).await;
        by.put(&own, hidden_.clone()).await.is_problem(403, "forbidden");
        app.anonymous().post("/projects", hidden_.clone()).await.is_problem(401, "unauthenticated");
        app.instructor().post("/projects", hidden_).await.is(201);
        assert_eq!(count(&app, "projects").await, 2);
    }

    // 3.47
    async fn a_project_is_hidden_and_goes_with_its_course(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let public = made(&app.student(), "/projects", project("P", &course, true)).await;
        app.instructor().patch(&course, json!({"is_published": false})).await.is(200);
        app.anonymous().get(&public).await.is_problem(404, "not_found");
        app.other_student().get(&public).await.is_problem(404, "not_found");
        app.student().get(&public).await.is(200);
        app.instructor().patch(&format!("{course}/archive"), json!({})).await.is(200);
        for by in [app.student(), app.instructor(), app.admin()] {
            by.get(&public).await.is_problem(404, "not_found");
        }
        app.instructor().patch(&format!("{course}/restore"), json!({})).await.is(200);
        app.student().get(&public).await.is(200);
        app.instructor().delete(&course).await.is(204);
        assert_eq!(count(&app, "projects").await, 0);
    }
}
