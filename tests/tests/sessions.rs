//! Staying signed in, signing out and other passwords: what refresh tokens are worth, and until when.

use crud_core::{
    Db, DbConfig, Timestamp, Uuid,
    auth::OpaqueToken,
    db::{DbKind, Load as _},
    prelude::*,
    testing::{Client, Reply, on_both},
};
use lms_server::{
    Lms,
    schema::{refresh_tokens, users},
    sessions,
};
use serde_json::json;
use tests::{PASSWORD, TestApp};
use tokio::task::JoinSet;

use crate::steps::{count, run, texts};

const STUDENT: &str = "student@test.example";
const NEW: &str = "another horse, another battery";
/// [`PASSWORD`], hashed with parameters of long ago.
const OLD_HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$RiYbU39y6apTm4yvW9jQAg$PL4y1RrE3kDue1Kuzr4EboHi45QjcYt3KmCCPvy/L5U";

async fn sign_in(app: &TestApp) -> Reply {
    login(&app.anonymous(), PASSWORD).await.is(200)
}

async fn login(by: &Client, password: &str) -> Reply {
    by.post(
        "/auth/login",
        json!({"email": STUDENT, "password": password}),
    )
    .await
}

async fn refresh(by: &Client, token: &str) -> Reply {
    by.post("/auth/refresh", json!({"refresh_token": token}))
        .await
}

async fn change(by: &Client, current: &str, new: &str) -> Reply {
    let body = json!({"current_password": current, "new_password": new});
    by.post("/auth/password", body).await
}

fn text(tokens: &Reply, name: &str) -> String {
    tokens[name].as_str().expect("a token").to_owned()
}

fn refresh_token(tokens: &Reply) -> String {
    text(tokens, "refresh_token")
}

/// Whoever has this access token.
fn bearer(by: &Client, tokens: &Reply) -> Client {
    by.signed_in(Uuid::default(), text(tokens, "access_token"))
}

#[track_caller]
fn refused(reply: Reply) {
    reply
        .is_problem(401, "unauthenticated")
        .says("Invalid token");
}

/// Another server on the same database.
async fn instance(app: &TestApp) -> Client {
    let db = Db::connect(&DbConfig::new(app.database_url()))
        .await
        .expect("the same database");
    Client::new(Lms::new(db, tests::jwt()).router()).watched(tests::as_promised)
}

/// Every value of every row, as text; bytes as hexadecimal digits.
async fn everything(app: &TestApp) -> String {
    let columns = texts(app, match app.kind {
        DbKind::Postgres => {
            "SELECT 'SELECT coalesce(' || quote_ident(column_name) || '::text, '''') FROM ' || quote_ident(table_name) \
             FROM information_schema.columns WHERE table_schema = 'public'"
        }
        DbKind::Sqlite => {
            "SELECT 'SELECT CASE typeof(\"' || c.name || '\") WHEN ''blob'' THEN hex(\"' || c.name || '\") \
             ELSE coalesce(CAST(\"' || c.name || '\" AS TEXT), '''') END FROM \"' || t.name || '\"' \
             FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
        }
    }).await;
    let mut all = String::new();
    for column in columns {
        all.push_str(&texts(app, &column).await.join("\n"));
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

on_both! {
    async fn a_refresh_gives_new_tokens_that_work(app: TestApp) {
        let anonymous = app.anonymous();
        let mut tokens = sign_in(&app).await;
        let mut seen = vec![refresh_token(&tokens)];
        for _ in 0..3 {
            tokens = refresh(&anonymous, &refresh_token(&tokens)).await.is(200);
            assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(900)));
            assert_eq!(tokens.header("cache-control"), Some("no-store"));
            assert_eq!(bearer(&anonymous, &tokens).get("/auth/me").await.is(200)["email"], STUDENT);
            assert!(!seen.contains(&refresh_token(&tokens)));
            seen.push(refresh_token(&tokens));
        }
        anonymous.post("/auth/refresh", json!({})).await.is_problem(422, "invalid")
            .names(&["/refresh_token"]);
    }

    async fn a_used_refresh_token_that_comes_back_revokes_its_family_on_every_instance(app: TestApp) {
        let (here, there) = (app.anonymous(), instance(&app).await);
        let other = sign_in(&app).await;
        let first = refresh_token(&sign_in(&app).await);
        let second = refresh_token(&refresh(&here, &first).await.is(200));
        let third = refresh_token(&refresh(&there, &second).await.is(200));
        refused(refresh(&there, &first).await);
        for token in [&third, &second, &first] {
            refused(refresh(&here, token).await);
        }
        // Another sign-in of the same user is another family.
        refresh(&here, &refresh_token(&other)).await.is(200);
    }

    async fn of_twenty_refreshes_at_once_exactly_one_wins(app: TestApp) {
        let there = instance(&app).await;
        let token = refresh_token(&sign_in(&app).await);
        let mut calls = JoinSet::new();
        for number in 0..20 {
            let (by, token) = (if number % 2 == 0 { app.anonymous() } else { there.clone() }, token.clone());
            calls.spawn(async move { refresh(&by, &token).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) =
            calls.join_all().await.into_iter().partition(|reply| reply.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 19));
        lost.into_iter().for_each(refused);
        // No time of grace: the others were used tokens that came back.
        refused(refresh(&there, &refresh_token(&won[0])).await);
    }

    async fn a_refresh_token_is_refused_that_is_unknown_or_no_token(app: TestApp) {
        let access = text(&sign_in(&app).await, "access_token");
        for token in ["", "x", "\0", &"x".repeat(43), &"x".repeat(100_000), &access] {
            refused(refresh(&app.anonymous(), token).await);
        }
        let token = refresh_token(&sign_in(&app).await);
        let as_access = app.anonymous().signed_in(app.student().id(), token);
        refused(as_access.get("/auth/me").await);
    }

    async fn a_refresh_token_is_good_for_30_days(app: TestApp) {
        let token = refresh_token(&sign_in(&app).await);
        let times = refresh_tokens::table.select((refresh_tokens::created_at, refresh_tokens::expires_at));
        let times: Vec<(Timestamp, Timestamp)> = app.lms.app.db().fetch(times).await.unwrap();
        assert_eq!(times[0].1.micros() - times[0].0.micros(), 30 * 86_400_000_000);
        let expire = "UPDATE refresh_tokens SET expires_at = created_at WHERE user_id = ?";
        run(&app, expire, &app.student().id().to_string()).await.unwrap();
        refused(refresh(&app.anonymous(), &token).await);
    }

    async fn a_purge_removes_what_has_expired_and_nothing_else(app: TestApp) {
        let db = app.lms.app.db();
        let expired = refresh_token(&sign_in(&app).await);
        let expire = "UPDATE refresh_tokens SET expires_at = created_at WHERE user_id = ?";
        run(&app, expire, &app.student().id().to_string()).await.unwrap();
        let alive = refresh_token(&sign_in(&app).await);
        assert_eq!(sessions::purge_expired(db, Timestamp::now()).await.unwrap(), 1);
        assert_eq!(sessions::purge_expired(db, Timestamp::now()).await.unwrap(), 0);
        refused(refresh(&app.anonymous(), &expired).await);
        refresh(&app.anonymous(), &alive).await.is(200);
        let later = Timestamp::from_micros(Timestamp::now().micros() + 31 * 86_400_000_000).unwrap();
        assert_eq!(sessions::purge_expired(db, later).await.unwrap(), 2);
    }

    async fn signing_out_revokes_the_family_however_often(app: TestApp) {
        let anonymous = app.anonymous();
        let other = refresh_token(&sign_in(&app).await);
        let first = refresh_token(&sign_in(&app).await);
        let second = refresh_token(&refresh(&anonymous, &first).await.is(200));
        // The older token of the family will do.
        for token in [first.as_str(), &second, &second, "unknown", ""] {
            anonymous.post("/auth/logout", json!({"refresh_token": token})).await.is(204);
            refused(refresh(&anonymous, &second).await);
        }
        refresh(&anonymous, &other).await.is(200);
    }

    async fn a_disabled_or_archived_user_gets_no_new_tokens(app: TestApp) {
        let admin = app.admin();
        let path = format!("/users/{}", app.student().id());
        let token = refresh_token(&sign_in(&app).await);
        admin.patch(&path, json!({"is_active": false})).await.is(200);
        refused(refresh(&app.anonymous(), &token).await);
        admin.patch(&path, json!({"is_active": true})).await.is(200);
        refused(refresh(&app.anonymous(), &token).await);
        let token = refresh_token(&sign_in(&app).await);
        admin.patch(&format!("{path}/archive"), json!({})).await.is(200);
        refused(refresh(&app.anonymous(), &token).await);
        admin.delete(&path).await.is(204);
        assert_eq!(count(&app, "refresh_tokens").await, 0);
        refused(refresh(&app.anonymous(), &token).await);
    }

    async fn another_password_ends_every_token_at_once_on_every_instance(app: TestApp) {
        let there = instance(&app).await;
        let (one, other) = (sign_in(&app).await, sign_in(&app).await);
        bearer(&there, &other).get("/auth/me").await.is(200);
        change(&bearer(&app.anonymous(), &one), PASSWORD, NEW).await.is(204);
        for tokens in [&one, &other] {
            refused(bearer(&there, tokens).get("/auth/me").await);
            refused(bearer(&app.anonymous(), tokens).get("/users").await);
            refused(refresh(&there, &refresh_token(tokens)).await);
        }
        login(&there, PASSWORD).await.is_problem(401, "unauthenticated").says("Wrong email or password");
        // Within the same second: what is issued now is good.
        let now = login(&there, NEW).await.is(200);
        let now = refresh(&app.anonymous(), &refresh_token(&now)).await.is(200);
        bearer(&there, &now).get("/auth/me").await.is(200);
        app.other_student().get("/auth/me").await.is(200);
    }

    async fn another_password_needs_the_current_one_and_must_be_acceptable(app: TestApp) {
        let student = app.student();
        for wrong in ["not the password", "", "\0", &"x".repeat(200)] {
            change(&student, wrong, NEW).await.is_problem(422, "invalid").names(&["/current_password"]);
        }
        for short in ["1234567", "", &"x".repeat(129), &"ä".repeat(65), "with a \0 in it"] {
            change(&student, PASSWORD, short).await.is_problem(422, "invalid").names(&["/new_password"]);
        }
        change(&app.anonymous(), PASSWORD, NEW).await.is_problem(401, "unauthenticated");
        student.get("/auth/me").await.is(200);
        login(&app.anonymous(), PASSWORD).await.is(200);
    }

    async fn of_two_password_changes_at_once_one_wins(app: TestApp) {
        let student = app.student();
        let (one, other) = tokio::join!(
            change(&student, PASSWORD, "the first new one"),
            change(&student, PASSWORD, "the second new one"),
        );
        let wins = [&one, &other].map(|reply| reply.status == 204);
        assert_eq!(wins.iter().filter(|won| **won).count(), 1, "{one:?} {other:?}");
        let new = if wins[0] { "the first new one" } else { "the second new one" };
        login(&app.anonymous(), new).await.is(200);
    }

    async fn no_token_outlives_a_password_change_that_it_overlaps(app: TestApp) {
        let (here, there) = (app.anonymous(), instance(&app).await);
        let student = app.student();
        let mut work = JoinSet::new();
        for by in [here.clone(), there.clone(), here.clone(), there.clone()] {
            let first = refresh_token(&sign_in(&app).await);
            work.spawn(async move {
                let mut newest = Vec::new();
                let mut token = first;
                loop {
                    let next = refresh(&by, &token).await;
                    if next.status != 200 {
                        return newest;
                    }
                    token = refresh_token(&next);
                    newest = vec![next];
                }
            });
        }
        for by in [here.clone(), there.clone(), there.clone()] {
            work.spawn(async move {
                let reply = login(&by, PASSWORD).await;
                if reply.status == 200 { vec![reply] } else { Vec::new() }
            });
        }
        change(&student, PASSWORD, NEW).await.is(204);
        for tokens in work.join_all().await.into_iter().flatten() {
            refused(refresh(&here, &refresh_token(&tokens)).await);
            refused(bearer(&there, &tokens).get("/auth/me").await);
        }
    }

    async fn no_table_holds_a_token_or_a_password(app: TestApp) {
        let first = sign_in(&app).await;
        let second = refresh(&app.anonymous(), &refresh_token(&first)).await.is(200);
        let all = everything(&app).await;
        let lower = all.to_lowercase();
        for tokens in [&first, &second] {
            for token in [refresh_token(tokens), text(tokens, "access_token")] {
                assert!(!all.contains(&token) && !lower.contains(&hex(token.as_bytes())));
            }
            // The search does find what is there.
            assert!(lower.contains(&hex(&OpaqueToken::hash(&refresh_token(tokens)))));
        }
        assert!(!all.contains(PASSWORD) && all.contains(STUDENT));
    }

    async fn a_sign_in_replaces_a_hash_of_old_parameters(app: TestApp) {
        let is_student = users::email.eq(STUDENT);
        let query = diesel::update(users::table.filter(is_student)).set(users::password_hash.eq(OLD_HASH));
        app.lms.app.db().run(query).await.unwrap();
        let stored = async || {
            let query = users::table.filter(is_student).select(users::password_hash);
            let found: Vec<Option<String>> = app.lms.app.db().fetch(query).await.unwrap();
            found.into_iter().next().flatten().expect("a hash")
        };
        login(&app.anonymous(), "not the password").await.is_problem(401, "unauthenticated");
        assert_eq!(stored().await, OLD_HASH);
        let tokens = sign_in(&app).await;
        let new = stored().await;
        assert!(!app.lms.passwords.needs_rehash(&new), "{new}");
        sign_in(&app).await;
        assert_eq!(stored().await, new);
        bearer(&app.anonymous(), &tokens).get("/auth/me").await.is(200);
    }

    async fn an_address_with_a_nul_is_refused_and_not_a_fault_of_the_server(app: TestApp) {
        let anonymous = app.anonymous();
        anonymous.post("/auth/login", json!({"email": "a\0b", "password": "x"})).await
            .is_problem(422, "invalid").names(&["/email"]);
        anonymous.request(axum::http::Method::POST, "/auth/login")
            .body("application/x-www-form-urlencoded", "username=a%00b&password=x").send().await
            .is_problem(422, "invalid").names(&["/username"]);
    }
}
