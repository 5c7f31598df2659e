//! What rows were: every version, by whom and when; the row as of a time; and to whom none of it is shown.

use axum::http::{Method, header};
use crud_core::{
    App, Registry,
    auth::{Auth, TokenAuthenticator},
    dto::Assignments,
    prelude::*,
    testing::{Client, Reply, on_both},
};
use lms_server::{
    entities::course::Course,
    roles::{Role, is_admin},
    schema::courses,
};
use serde_json::{Value, json};
use tests::{TestApp, jwt};

use crate::steps::{NOBODY, count, draft, id, made, published, run};

/// All versions of a row, from the latest.
async fn versions(by: &Client, path: &str) -> Vec<Value> {
    by.get(&format!("{path}/history?page_size=100"))
        .await
        .is(200)
        .items()
        .to_vec()
}

fn told<'v>(versions: &'v [Value], what: &str) -> Vec<&'v Value> {
    versions.iter().map(|version| &version[what]).collect()
}

/// The path of a row as of the time of a version.
fn as_of(path: &str, version: &Value) -> String {
    format!(
        "{path}?archived=any&as_of={}",
        version["at"].as_str().expect("a time")
    )
}

/// A course with a history: made, changed by two, archived, restored.
async fn changed(app: &TestApp) -> (String, Vec<Reply>) {
    let by = app.instructor();
    let made = by
        .post("/courses", json!({"title": "One", "is_published": true}))
        .await
        .is(201);
    let path = format!("/courses/{}", made.id());
    let replies = vec![
        made,
        by.patch(
            &path,
            json!({"title": "Two", "properties": {"a": [1, null, "ä\u{1F600}\"\\"]}}),
        )
        .await
        .is(200),
        app.admin()
            .patch(&path, json!({"description": "By the admin"}))
            .await
            .is(200),
        by.patch(&format!("{path}/archive"), json!({}))
            .await
            .is(200),
        by.patch(&format!("{path}/restore"), json!({}))
            .await
            .is(200),
    ];
    (path, replies)
}

on_both! {
    async fn every_version_of_a_row_is_kept_with_who_and_when(app: TestApp) {
        let (path, replies) = changed(&app).await;
        let found = versions(&app.instructor(), &path).await;
        assert_eq!(told(&found, "version"), [4, 3, 2, 1, 0]);
        assert_eq!(told(&found, "action"), ["restore", "archive", "update", "update", "create"]);
        let (own, admin) = (app.instructor().id().to_string(), app.admin().id().to_string());
        assert_eq!(told(&found, "by"), [&own, &own, &admin, &own, &own]);
        for (version, reply) in found.iter().rev().zip(&replies) {
            assert_eq!(version["row"], reply.json);
            assert_eq!(version["at"], reply["updated_at"]);
        }
        app.admin().delete(&path).await.is(204);
        let found = versions(&app.admin(), &path).await;
        assert_eq!(told(&found, "version"), [5, 4, 3, 2, 1, 0]);
        assert_eq!((&found[0]["action"], &found[0]["by"]), (&json!("delete"), &json!(admin)));
        assert!(found[0]["row"].is_null() && found[0]["at"].as_str() > found[1]["at"].as_str());
        assert_eq!(found[1]["row"], replies[4].json);
    }

    async fn a_row_is_read_as_it_was(app: TestApp) {
        let (path, replies) = changed(&app).await;
        let (by, found) = (app.instructor(), versions(&app.instructor(), &path).await);
        for (version, reply) in found.iter().rev().zip(&replies) {
            let then = by.get(&as_of(&path, version)).await.is(200);
            assert_eq!((&then.json, then.etag()), (&reply.json, reply.etag()));
            let known = by.request(Method::GET, &as_of(&path, version));
            known.header(header::IF_NONE_MATCH, reply.etag()).send().await.is(304);
        }
        let archived = found[1]["at"].as_str().unwrap();
        by.get(&format!("{path}?as_of={archived}")).await.is_problem(404, "not_found");
        by.get(&format!("{path}?as_of={archived}&archived=true")).await.is(200);
        by.get(&format!("{path}?as_of=2020-01-01T00:00:00Z")).await.is_problem(404, "not_found");
        let later = by.get(&format!("{path}?as_of=2100-01-01T00:00:00Z")).await.is(200);
        assert_eq!(later.json, replies[4].json);
        // The same moment in another zone.
        let at = found[2]["at"].as_str().unwrap().replace('Z', "%2B00:00");
        assert_eq!(by.get(&format!("{path}?as_of={at}")).await.is(200).json, replies[2].json);
        let part = by.get(&format!("{path}?as_of={at}&fields=title")).await.is(200).json;
        assert_eq!(part, json!({"title": replies[2].json["title"]}));
        by.get(&format!("{path}?as_of=yesterday")).await.is_problem(422, "invalid").names(&["as_of"]);
        let mixed = by.get(&format!("{path}?as_of={archived}&include=lessons")).await;
        let _ = mixed.is_problem(400, "mixed_parameters");
        app.admin().delete(&path).await.is(204);
        for (version, reply) in found.iter().rev().zip(&replies) {
            by.get(&as_of(&path, version)).await.is_problem(404, "not_found");
            assert_eq!(app.admin().get(&as_of(&path, version)).await.is(200).json, reply.json);
        }
        let now = format!("{path}?archived=any&as_of=2100-01-01T00:00:00Z");
        app.admin().get(&now).await.is_problem(404, "not_found");
    }

    async fn a_history_comes_in_pages(app: TestApp) {
        let path = draft(&app.instructor(), "0").await;
        for n in 1..25 {
            app.instructor().patch(&path, json!({"title": format!("{n}")})).await.is(200);
        }
        let mut found = Vec::new();
        let mut next = Some(format!("{path}/history?page_size=10"));
        while let Some(page) = next {
            let page = app.instructor().get(&page).await.is(200);
            assert_eq!(page.total(), 25);
            found.extend(page.items().to_vec());
            next = page.link("next");
        }
        let expected: Vec<_> = (0..25).rev().map(Value::from).collect();
        assert_eq!(told(&found, "version"), expected.iter().collect::<Vec<_>>());
        let beyond = app.instructor().get(&format!("{path}/history?page=9&total=none")).await.is(200);
        assert!(beyond.items().is_empty() && beyond["total"].is_null());
        let few = app.instructor().get(&format!("{path}/history?limit=2&offset=1&total=none")).await.is(200);
        assert_eq!((few.items()[0]["version"].as_i64(), few.items().len()), (Some(23), 2));
        for (query, code) in [("sort=title", "unknown_parameter"), ("page=1&limit=1", "mixed_pagination")] {
            app.instructor().get(&format!("{path}/history?{query}")).await.is_problem(400, code);
        }
        app.instructor().patch(&format!("{path}/history"), json!({})).await.is_problem(405, "method_not_allowed");
    }

    // Kills: a history that asks the policy of today's row only, or of the old one only
    async fn versions_that_the_caller_could_not_have_seen_are_not_shown(app: TestApp) {
        let by = app.instructor();
        let path = draft(&by, "Secret plans").await;
        let hidden = by.get(&path).await.is(200);
        by.patch(&path, json!({"title": "Open", "is_published": true})).await.is(200);
        for reader in [app.anonymous(), app.student(), app.other_instructor()] {
            let found = reader.get(&format!("{path}/history")).await.is(200);
            assert_eq!((found.total(), told(found.items(), "version")), (1, vec![&json!(1)]));
            let then = format!("{path}?as_of={}", hidden["updated_at"].as_str().unwrap());
            reader.get(&then).await.is_problem(404, "not_found");
        }
        assert_eq!(versions(&by, &path).await.len(), 2);
        let published = by.get(&path).await.is(200);
        by.patch(&path, json!({"is_published": false})).await.is(200);
        for reader in [app.anonymous(), app.student(), app.other_instructor()] {
            let missing = reader.get(&format!("/courses/{NOBODY}/history")).await.is_problem(404, "not_found");
            let found = reader.get(&format!("{path}/history")).await.is_problem(404, "not_found");
            let detail = |reply: &Reply| reply["detail"].as_str().unwrap().to_owned();
            assert_eq!(detail(&found).replace(id(&path), NOBODY), detail(&missing));
            for total in ["exact", "none"] {
                let path = format!("{path}/history?total={total}&page=3");
                reader.get(&path).await.is_problem(404, "not_found");
            }
            let then = format!("{path}?as_of={}", published["updated_at"].as_str().unwrap());
            reader.get(&then).await.is_problem(404, "not_found");
        }
    }

    async fn values_come_back_exactly(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let exam = json!({"title": "E", "course_id": id(&course), "assessment_type": "Exam"});
        let exam = made(&app.instructor(), "/assessments", exam).await;
        made(&app.student(), "/enrollments", json!({"course_id": id(&course)})).await;
        let body = json!({"assessment_id": id(&exam), "content": "\u{1} 'x' \"y\" \\n\u{2028}\u{1F600}"});
        let path = made(&app.student(), "/submissions", body).await;
        let mut replies = vec![app.student().get(&path).await.is(200)];
        for score in [0.1 + 0.2, 100.0 / 3.0, 0.0, 5e-324, 100.0] {
            replies.push(app.instructor().patch(&path, json!({"score": score})).await.is(200));
        }
        replies.push(app.instructor().patch(&path, json!({"score": null})).await.is(200));
        let properties = json!({"properties": {"n": [1e300, 9_007_199_254_740_993_i64, {"null": null}], "": "\u{7f}"}});
        replies.push(app.admin().patch(&path, properties).await.is(200));
        replies.push(app.admin().patch(&path, json!({"submitted_day": -7, "is_banked": true})).await.is(200));
        replies.push(app.admin().patch(&path, json!({"score": 1})).await.is(200));
        let found = versions(&app.student(), &path).await;
        assert_eq!(found.len(), replies.len());
        for (version, reply) in found.iter().rev().zip(&replies) {
            assert_eq!(version["row"], reply.json);
            let then = app.student().get(&as_of(&path, version)).await.is(200);
            assert_eq!(then.bytes, reply.bytes);
        }
        // The history is the submission's, and so under its policy.
        for other in [app.other_student(), app.other_instructor()] {
            other.get(&format!("{path}/history")).await.is_problem(404, "not_found");
            other.get(&as_of(&path, &found[1])).await.is_problem(404, "not_found");
        }
        app.anonymous().get(&format!("{path}/history")).await.is_problem(401, "unauthenticated");
    }

    async fn a_write_that_is_refused_leaves_no_history(app: TestApp) {
        let by = app.instructor();
        let (path, taken) = (draft(&by, "Course").await, draft(&by, "Taken").await);
        let stale = by.request(Method::PATCH, &path).header(header::IF_MATCH, "\"none\"");
        stale.json(json!({"title": "No"})).send().await.is(412);
        by.patch(&path, json!({"slug": "taken"})).await.is_problem(409, "unique");
        by.patch(&path, json!({"title": ""})).await.is(422);
        by.patch(&path, json!({"instructor_id": app.other_instructor().id()})).await.is(403);
        app.other_instructor().patch(&path, json!({"title": "No"})).await.is(404);
        by.patch(&format!("{path}/restore"), json!({})).await.is(200);
        let stale = by.request(Method::DELETE, &path).header(header::IF_MATCH, "\"none\"");
        stale.send().await.is(412);
        app.other_instructor().delete(&path).await.is(404);
        let lost = json!([{"id": id(&path), "title": "No"}, {"id": id(&taken), "version": 7}]);
        by.patch("/courses/bulk", lost).await.is(412);
        let gone = by.request(Method::DELETE, "/courses/bulk").json(json!([id(&path), NOBODY]));
        gone.send().await.is(404);
        assert_eq!(count(&app, "crud_history").await, 0);
        assert_eq!(told(&versions(&by, &path).await, "version"), [0]);
    }

    async fn bulks_are_kept_row_by_row(app: TestApp) {
        let by = app.instructor();
        let new: Vec<_> = (0..30).map(|n| json!({"title": format!("Course {n}")})).collect();
        let made = by.post("/courses/bulk", json!(new)).await.is(201);
        let rows: Vec<_> = made.json.as_array().unwrap().clone();
        let changes: Vec<_> = rows.iter().map(|row| json!({"id": row["id"], "category": "C"})).collect();
        by.patch("/courses/bulk", json!(changes)).await.is(200);
        let ids: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
        for row in &rows {
            let path = format!("/courses/{}", row["id"].as_str().unwrap());
            let found = versions(&by, &path).await;
            assert_eq!((told(&found, "version"), &found[1]["row"]), (vec![&json!(1), &json!(0)], row));
        }
        by.request(Method::DELETE, "/courses/bulk").json(json!(ids)).send().await.is(204);
        for row in &rows {
            let path = format!("/courses/{}", row["id"].as_str().unwrap());
            let found = versions(&app.admin(), &path).await;
            assert_eq!(told(&found, "action"), ["delete", "update", "create"]);
            by.get(&format!("{path}/history")).await.is_problem(404, "not_found");
        }
    }

    async fn versions_never_skip_or_repeat(app: TestApp) {
        let path = published(&app.instructor(), "Contended").await;
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (by, path) = (app.instructor(), path.clone());
            writers.spawn(async move {
                for m in 0..10 {
                    by.patch(&path, json!({"title": format!("{n}.{m}")})).await.is(200);
                }
            });
        }
        while let Some(done) = writers.join_next().await {
            done.expect("a writer ends");
        }
        let found = versions(&app.instructor(), &path).await;
        let expected: Vec<_> = (0..=80).rev().map(Value::from).collect();
        assert_eq!(told(&found, "version"), expected.iter().collect::<Vec<_>>());
        let titles: std::collections::HashSet<_> = found.iter().map(|v| v["row"]["title"].to_string()).collect();
        assert_eq!(titles.len(), 81);
        assert!(found.iter().all(|version| version["row"]["version"] == version["version"]));
    }

    // An import sets columns that no DTO has, and writes no history of its own.
    async fn a_row_that_was_imported_has_its_history_from_the_first_change(app: TestApp) {
        let system = Principal::system();
        let mut set = Assignments::<courses::table>::default();
        set.set(courses::title, "Imported");
        set.set(courses::slug, "imported");
        set.set(courses::is_published, true);
        set.set(courses::instructor_id, app.instructor().id());
        let ids = app.lms.app.on_behalf(&system).insert_many::<Course>(vec![set]).await.unwrap();
        let path = format!("/courses/{}", ids[0]);
        assert_eq!(count(&app, "crud_history").await, 0);
        let before = app.admin().get(&path).await.is(200);
        assert_eq!(told(&versions(&app.admin(), &path).await, "action"), ["create"]);
        app.admin().patch(&path, json!({"title": "Changed"})).await.is(200);
        let found = versions(&app.admin(), &path).await;
        assert_eq!((told(&found, "action"), &found[1]["row"]), (vec![&json!("update"), &json!("create")], &before.json));
        // What was there before the entity had a history is not known.
        run(&app, "DELETE FROM crud_history WHERE row_id = ?", id(&path)).await.unwrap();
        assert_eq!(told(&versions(&app.admin(), &path).await, "action"), ["update"]);
        app.admin().get(&as_of(&path, &found[1])).await.is_problem(404, "not_found");
    }

    async fn an_entity_without_history_has_none_of_it(app: TestApp) {
        let path = made(&app.admin(), "/organizations", json!({"name": "O"})).await;
        app.admin().get(&format!("{path}/history")).await.is(404);
        let unknown = app.admin().get(&format!("{path}?as_of=2100-01-01T00:00:00Z")).await;
        unknown.is_problem(400, "unknown_parameter");
        app.admin().patch(&path, json!({"name": "P"})).await.is(200);
        app.admin().delete(&path).await.is(204);
        assert_eq!(count(&app, "crud_history").await, 0);
    }

    // Kills: a history that shows rows as they are kept
    async fn what_is_hidden_of_a_row_is_hidden_of_its_history(app: TestApp) {
        let db = app.lms.app.db().clone();
        let auth = Auth::new(jwt(), TokenAuthenticator);
        let router = App::new(db, Registry::new().entity::<Guarded>(), auth).router();
        let guarded = Client::new(router);
        let signed_in = |id, role: Role| {
            let (token, _) = app.lms.app.auth().jwt().issue(id, role.as_str());
            guarded.signed_in(id, token)
        };
        let admin = signed_in(app.admin().id(), Role::Admin);
        let student = signed_in(app.student().id(), Role::Student);
        let path = published(&app.instructor(), "Course").await;
        for secret in ["canary one", "canary two"] {
            admin.patch(&path, json!({"description": secret})).await.is(200);
        }
        let all = versions(&admin, &path).await;
        assert_eq!(all[1]["row"]["description"], "canary one");
        assert_eq!(all[1]["by"], app.admin().id().to_string());
        let seen = student.get(&format!("{path}/history")).await.is(200);
        let then = student.get(&as_of(&path, &all[1])).await.is(200);
        for reply in [&seen, &then] {
            let text = String::from_utf8_lossy(&reply.bytes).into_owned();
            for hidden in ["canary", "description", "updated_by", &app.admin().id().to_string()] {
                assert!(!text.contains(hidden), "{hidden} in {text}");
            }
        }
        assert!(seen.items().iter().all(|version| version["by"].is_null()));
        assert_eq!(then["version"], 1);
        // The tag says of what the caller sees.
        assert_ne!(then.etag(), admin.get(&as_of(&path, &all[1])).await.is(200).etag());
    }
}

/// Courses, of which only administrators see what they are about, and who changed them.
#[derive(EntityInterface)]
#[entity(
    endpoint = "courses",
    table = courses,
    create = GuardedCreate,
    get = GuardedGet,
    list = GuardedList,
    update = GuardedUpdate,
    query = GuardedQuery,
    search = search,
    policy = GuardedPolicy,
    history
)]
struct Guarded;

/// Nobody makes one.
#[dto(create, table = courses)]
struct GuardedCreate {
    title: String,
}

/// A course.
#[dto(get, table = courses)]
struct GuardedGet {
    title: String,
    description: Option<String>,
}

/// A course in a list.
#[dto(list, table = courses)]
struct GuardedList {
    title: String,
}

/// What can be changed.
#[dto(update, table = courses)]
struct GuardedUpdate {
    description: Option<Option<String>>,
}

/// No filters.
#[dto(query)]
struct GuardedQuery {}

fn search(search: Search<courses::table>, _: &GuardedQuery) -> Search<courses::table> {
    search
}

struct GuardedPolicy;

impl Policy<courses::table> for GuardedPolicy {
    fn scope(_: &Principal, _: Action) -> Scope<courses::table> {
        Scope::all()
    }

    fn fields(principal: &Principal) -> Fields<courses::table> {
        match is_admin(principal) {
            true => Fields::all(),
            false => Fields::all()
                .hide(courses::description)
                .hide(courses::updated_by),
        }
    }
}
