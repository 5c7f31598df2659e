//! Users: addresses, fields that only administrators set, and what nobody is ever shown.

use crud_core::testing::on_both;
use serde_json::json;
use tests::{PASSWORD, TestApp};

use crate::steps::{made, texts};

on_both! {
    // 2.26
    async fn an_address_is_taken_in_any_case(app: TestApp) {
        let new = |email: &str| json!({"email": email, "full_name": "New"});
        let user = app.admin().post("/users", new("Some.One@Test.Example")).await.is(201);
        assert_eq!(user["email"], "some.one@test.example");
        let path = format!("/users/{}", user.id());
        for email in ["some.one@test.example", "SOME.ONE@TEST.EXAMPLE"] {
            app.admin().post("/users", new(email)).await.is_problem(409, "unique")
                .names(&["/email"]);
            let mut body = new(email);
            body["password"] = json!(PASSWORD);
            app.anonymous().post("/auth/register", body).await.is_problem(409, "unique")
                .names(&["/email"]);
        }
        let other = json!({"email": "STUDENT@test.example"});
        app.admin().patch(&path, other).await.is_problem(409, "unique").names(&["/email"]);
        // An archived account keeps its address.
        app.admin().patch(&format!("{path}/archive"), json!({})).await.is(200);
        app.admin().post("/users", new("some.one@test.example")).await.is_problem(409, "unique");
        let found = app.admin().get("/users?email=STUDENT@test.example").await.is(200);
        assert_eq!(found.column("email"), ["student@test.example"]);
    }

    // 2.26
    async fn a_user_has_a_role_of_three_and_is_an_active_student_by_default(app: TestApp) {
        let new = json!({"email": "new@test.example", "full_name": "New"});
        let user = app.admin().post("/users", new).await.is(201);
        assert_eq!((&user["role"], &user["is_active"]), (&json!("student"), &json!(true)));
        for role in ["instructor", "admin", "student"] {
            let path = format!("/users/{}", user.id());
            let changed = app.admin().patch(&path, json!({"role": role})).await.is(200);
            assert_eq!(changed["role"], role);
        }
        let bad = json!({"email": "no address", "full_name": "", "role": "root"});
        let refused = app.admin().post("/users", bad).await.is_problem(422, "invalid");
        assert!(refused.faults().iter().any(|(name, _)| *name == "/role"), "{refused}");
        let bad = json!({"email": "no address", "full_name": " "});
        app.admin().post("/users", bad).await.is_problem(422, "invalid")
            .names(&["/email", "/full_name"]);
    }

    // 2.26
    async fn a_user_sees_himself_and_an_admin_sees_all(app: TestApp) {
        let student = app.student();
        let own = format!("/users/{}", student.id());
        let other = format!("/users/{}", app.other_student().id());
        assert_eq!(student.get("/users").await.is(200).column("id"), [student.id().to_string()]);
        student.get(&own).await.is(200);
        for hidden in [
            student.get(&other).await,
            student.patch(&other, json!({"full_name": "x"})).await,
            student.delete(&other).await,
            student.patch(&format!("{other}/archive"), json!({})).await,
        ] {
            hidden.is_problem(404, "not_found");
        }
        app.anonymous().get("/users").await.is_problem(401, "unauthenticated");
        app.anonymous().get(&own).await.is_problem(401, "unauthenticated");
        assert_eq!(app.admin().get("/users").await.is(200).total(), 6);
        student.delete(&own).await.is_problem(403, "forbidden");
        student.post("/users", json!({"email": "a@b.example", "full_name": "x"})).await
            .is_problem(403, "forbidden");
    }

    // 3.25: mass assignment
    async fn role_and_activity_are_set_by_admins_only(app: TestApp) {
        for user in [app.student(), app.instructor()] {
            let path = format!("/users/{}", user.id());
            let before = user.get(&path).await.is(200);
            for (field, value) in [
                ("role", json!("admin")),
                ("role", before["role"].clone()),
                ("is_active", json!(false)),
                ("email", json!("new@test.example")),
            ] {
                let body = json!({"full_name": "New name", field: value});
                user.patch(&path, body).await.is_problem(403, "forbidden_field")
                    .names(&[&format!("/{field}")]);
            }
            let whole = json!({"email": before["email"], "full_name": "x", "role": "admin"});
            user.put(&path, whole).await.is_problem(403, "forbidden_field");
            assert_eq!(user.get(&path).await.is(200).json, before.json);
            let renamed = user.patch(&path, json!({"full_name": "New name"})).await.is(200);
            assert_eq!(renamed["full_name"], "New name");
        }
        let sign_up = json!({"email": "new@test.example", "password": PASSWORD, "full_name": "N"});
        for (field, value) in [("role", json!("admin")), ("is_active", json!(true))] {
            let mut body = sign_up.clone();
            body[field] = value;
            app.anonymous().post("/auth/register", body).await.is_problem(422, "invalid")
                .names(&[&format!("/{field}")]);
        }
        let user = app.anonymous().post("/auth/register", sign_up).await.is(201);
        assert_eq!(user["role"], "student");
    }

    // 2.26, fault 20
    async fn a_password_never_leaves_the_server_and_cannot_be_set_by_a_body(app: TestApp) {
        let admin = app.admin();
        let sign_up = json!({"email": "new@test.example", "password": PASSWORD, "full_name": "N"});
        let user = app.anonymous().post("/auth/register", sign_up).await.is(201);
        let path = format!("/users/{}", user.id());
        for answer in [
            admin.get("/users").await,
            admin.get(&path).await,
            admin.get("/auth/me").await,
            admin.patch(&path, json!({"full_name": "M"})).await,
            admin.patch(&format!("{path}/archive"), json!({})).await,
            admin.at_root().get("/openapi.json").await,
            user,
        ] {
            assert!(answer.status.is_success(), "{answer}");
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(!text.contains("password_hash") && !text.contains("argon2"), "{text}");
        }
        for field in ["password", "password_hash"] {
            let body = json!({field: "x"});
            admin.patch(&path, body).await.is_problem(422, "invalid")
                .names(&[&format!("/{field}")]);
        }
        for query in ["password_hash=x", "sort=password_hash"] {
            assert_eq!(admin.get(&format!("/users?{query}")).await.status, 400);
        }
    }

    // Fault 20
    async fn passwords_are_kept_as_salted_argon2id(app: TestApp) {
        let hashes = texts(&app, "SELECT password_hash FROM users").await;
        let mut distinct = hashes.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!((hashes.len(), distinct.len()), (6, 6));
        for hash in hashes {
            assert!(hash.starts_with("$argon2id$v=19$") && !hash.contains(PASSWORD), "{hash}");
        }
    }

    // 2.22: `RESTRICT`
    async fn a_user_who_teaches_cannot_be_deleted(app: TestApp) {
        let instructor = format!("/users/{}", app.instructor().id());
        let course = made(&app.instructor(), "/courses", json!({"title": "Course"})).await;
        app.admin().delete(&instructor).await.is_problem(409, "foreign_key");
        app.instructor().get(&course).await.is(200);
        app.admin().delete(&course).await.is(204);
        app.admin().delete(&instructor).await.is(204);
    }

    // 3.05: `SET NULL`
    async fn what_a_deleted_user_wrote_stays(app: TestApp) {
        let path = made(&app.admin(), "/organizations", json!({"name": "Org"})).await;
        let admin = format!("/users/{}", app.admin().id());
        app.other_admin().delete(&admin).await.is(204);
        let left = app.other_admin().get(&path).await.is(200);
        assert!(left["created_by"].is_null() && left["updated_by"].is_null(), "{left}");
    }
}
