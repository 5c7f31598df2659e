//! Signing in, and what a token is worth.

use std::time::Duration;

use axum::http::{Method, header};
use crud_core::{
    Uuid,
    auth::{Jwt, JwtConfig},
    testing::{Client, Reply, on_both},
};
use lms_server::{Lms, roles::Role};
use serde_json::json;
use tests::{PASSWORD, TestApp};

use crate::steps::{NOBODY, published, run};

/// `GET /auth/me` with this `Authorization` header.
async fn me(app: &TestApp, authorization: &str) -> Reply {
    let anonymous = app.anonymous();
    let call = anonymous.request(Method::GET, "/auth/me");
    call.header(header::AUTHORIZATION, authorization)
        .send()
        .await
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Reply {
    let body = json!({"email": email, "password": password});
    app.anonymous().post("/auth/login", body).await
}

fn nobody() -> Uuid {
    NOBODY.parse().expect("a UUID")
}

on_both! {
    // 2.33, 2.39
    async fn a_header_that_is_not_bearer_is_refused(app: TestApp) {
        for header in ["Basic c3R1ZGVudDp4", "Bearer", "Bearer ", "token", "Bearertoken"] {
            let refused = me(&app, header).await.is_problem(401, "unauthenticated");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
            refused.says("Invalid authorization header");
        }
    }

    // 2.34
    async fn a_bad_token_is_refused_whatever_is_wrong_with_it(app: TestApp) {
        let (good, _) = app.lms.app.auth().jwt().issue(app.student().id(), "student");
        let other = Jwt::new(JwtConfig::new(*b"another secret, just as long as it")).unwrap();
        let (foreign, _) = other.issue(app.student().id(), "student");
        let (head, tail) = good.rsplit_once('.').expect("three parts");
        for bad in ["x", "a.b.c", foreign.as_str(), head, &format!("{head}.{}", &tail[1..])] {
            let refused = me(&app, &format!("Bearer {bad}")).await;
            refused.is_problem(401, "unauthenticated").says("Invalid token");
        }
        me(&app, &format!("bearer {good}")).await.is(200);
    }

    // 2.34
    async fn an_expired_token_is_refused(app: TestApp) {
        let short = JwtConfig {
            access_ttl: Duration::from_secs(1),
            leeway: Duration::ZERO,
            ..JwtConfig::new(*b"a secret that is 32 bytes long..")
        };
        let lms = Lms::new(app.lms.app.db().clone(), Jwt::new(short).unwrap());
        let (token, seconds) = lms.app.auth().jwt().issue(app.student().id(), "student");
        assert_eq!(seconds, 1);
        let student = Client::new(lms.router()).watched(tests::as_promised).signed_in(app.student().id(), token);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        student.get("/auth/me").await.is_problem(401, "unauthenticated").says("Invalid token");
    }

    // 2.35
    async fn a_token_of_nobody_is_refused(app: TestApp) {
        let nobody = app.sign_in_as(nobody(), Role::Admin);
        nobody.get("/users").await.is_problem(401, "unauthenticated").says("User not found");
    }

    // 2.36
    async fn a_disabled_user_is_out_with_the_next_request(app: TestApp) {
        let student = app.student();
        let path = format!("/users/{}", student.id());
        student.get("/auth/me").await.is(200);
        app.admin().patch(&path, json!({"is_active": false})).await.is(200);
        for refused in [
            student.get("/auth/me").await,
            student.get(&path).await,
            sign_in(&app, "student@test.example", PASSWORD).await,
        ] {
            refused.is_problem(401, "unauthenticated").says("User account is disabled");
        }
        // Who does not know the password learns nothing of the account.
        let guess = sign_in(&app, "student@test.example", "not the password").await;
        guess.is_problem(401, "unauthenticated").says("Wrong email or password");
        app.admin().patch(&path, json!({"is_active": true})).await.is(200);
        student.get("/auth/me").await.is(200);
    }

    // 2.35
    async fn an_archived_user_is_nobody(app: TestApp) {
        let student = app.student();
        let path = format!("/users/{}/archive", student.id());
        app.admin().patch(&path, json!({})).await.is(200);
        student.get("/auth/me").await.is_problem(401, "unauthenticated").says("User not found");
        sign_in(&app, "student@test.example", PASSWORD).await.is_problem(401, "unauthenticated");
    }

    // 2.36
    async fn the_role_is_the_users_and_not_the_tokens(app: TestApp) {
        let claimed = app.sign_in_as(app.student().id(), Role::Admin);
        claimed.post("/organizations", json!({"name": "x"})).await.is_problem(403, "forbidden");
        let path = format!("/users/{}", app.student().id());
        app.admin().patch(&path, json!({"role": "instructor"})).await.is(200);
        app.student().post("/courses", json!({"title": "Now"})).await.is(201);
    }

    // 2.37
    async fn where_anonymous_callers_read_a_bad_token_is_as_none(app: TestApp) {
        published(&app.instructor(), "Open").await;
        let bad = app.anonymous().signed_in(nobody(), "no.good.token");
        let unknown = app.sign_in_as(nobody(), Role::Admin);
        let disabled = app.other_instructor();
        run(&app, "UPDATE users SET is_active = (1 = 0) WHERE id = ?", &disabled.id().to_string())
            .await.unwrap();
        for client in [bad, unknown, disabled, app.anonymous()] {
            assert_eq!(client.get("/courses").await.is(200).total(), 1);
            client.post("/courses", json!({"title": "x"})).await.is_problem(401, "unauthenticated");
        }
    }

    // 2.26: JSON and OAuth2's form
    async fn signing_in_takes_json_and_a_form(app: TestApp) {
        let json = sign_in(&app, " Student@TEST.example ", PASSWORD).await.is(200);
        let form = "grant_type=password&username=student%40test.example\
                    &password=correct+horse+battery&scope=";
        let anonymous = app.anonymous();
        let form = anonymous.request(Method::POST, "/auth/login")
            .body("application/x-www-form-urlencoded", form).send().await.is(200);
        for token in [json, form] {
            assert_eq!(token["token_type"], "bearer");
            assert_eq!(token["expires_in"], 900);
            assert_eq!(token.header("cache-control"), Some("no-store"));
            let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
            let me = me(&app, &bearer).await.is(200);
            assert_eq!(me["id"], app.student().id().to_string());
        }
        anonymous.request(Method::POST, "/auth/login")
            .body("application/x-www-form-urlencoded", "username=x").send().await
            .is_problem(422, "invalid").names(&["/password"]);
        anonymous.post("/auth/login", json!({})).await.is_problem(422, "invalid")
            .names(&["/email", "/password"]);
    }

    // 2.39
    async fn a_wrong_password_and_an_unknown_user_answer_alike(app: TestApp) {
        let wrong = sign_in(&app, "student@test.example", "not the password").await;
        let unknown = sign_in(&app, "nobody@test.example", PASSWORD).await;
        // An account without a password is nobody's either.
        let new = json!({"email": "none@test.example", "full_name": "None"});
        app.admin().post("/users", new).await.is(201);
        let none = sign_in(&app, "none@test.example", "").await;
        for mut refused in [wrong, unknown, none] {
            refused = refused.is_problem(401, "unauthenticated").says("Wrong email or password");
            refused.json.as_object_mut().map(|body| body.remove("request_id"));
            assert_eq!(refused.json, json!({
                "type": "about:blank", "title": "Unauthorized", "status": 401,
                "detail": "Wrong email or password", "code": "unauthenticated",
            }));
        }
    }

    // 2.26
    async fn signing_up_checks_what_it_is_given(app: TestApp) {
        let body = json!({"email": "nowhere", "password": "short", "full_name": "  "});
        app.anonymous().post("/auth/register", body).await.is_problem(422, "invalid")
            .names(&["/email", "/password", "/full_name"]);
        let body = json!({"email": "New@test.example", "password": " 8 bytes ", "full_name": " N "});
        let user = app.anonymous().post("/auth/register", body).await.is(201);
        assert_eq!((&user["email"], &user["full_name"]), (&json!("new@test.example"), &json!("N")));
        sign_in(&app, "new@test.example", " 8 bytes ").await.is(200);
        // A password is taken as it is typed.
        sign_in(&app, "new@test.example", "8 bytes").await.is_problem(401, "unauthenticated");
    }

    // 3.37: the claims are those that the policies grant
    async fn the_caller_is_told_what_he_may_do(app: TestApp) {
        let claims = async |client: Client| client.get("/auth/me").await.is(200)["claims"].clone();
        let student = claims(app.student()).await;
        let instructor = claims(app.instructor()).await;
        let has = |claims: &serde_json::Value, claim: &str| {
            claims.as_array().expect("a list").contains(&json!(claim))
        };
        assert!(has(&student, "courses:list") && !has(&student, "courses:create"));
        assert!(has(&instructor, "courses:create") && !has(&instructor, "organizations:delete"));
        assert!(has(&claims(app.admin()).await, "organizations:delete"));
    }
}
