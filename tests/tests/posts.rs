//! Posts: drafts, authors, and every route with its status codes.

use axum::http::{Method, header};
use crud_core::testing::on_both;
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, count, made, run};

fn post(title: &str, published: bool) -> Value {
    json!({"title": title, "content": "Words", "published": published})
}

on_both! {
    // 1.05, 1.07, 1.08, 1.11, 1.15
    async fn a_post_belongs_to_who_writes_it(app: TestApp) {
        let by = app.student();
        let body = json!({"title": " Hello ", "content": "World"});
        let created = by.post("/posts", body).await.is(201);
        assert_eq!(created["title"], "Hello");
        assert_eq!(created["published"], false);
        assert_eq!(created["author_id"], by.id().to_string());
        let location = created.header("location").map(str::to_owned);
        assert_eq!(location, Some(format!("/api/v1/posts/{}", created.id())));
        let mut names: Vec<_> = created.json.as_object().into_iter().flatten()
            .map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, [
            "archived_at", "author_id", "content", "created_at", "created_by", "id",
            "properties", "published", "title", "updated_at", "updated_by", "version",
        ]);
        let other = app.other_student().id().to_string();
        let chosen = json!({"title": "T", "content": "C", "author_id": other});
        by.post("/posts", chosen).await.is_problem(422, "invalid").names(&["/author_id"]);
        app.anonymous().post("/posts", post("T", true)).await.is_problem(401, "unauthenticated");
    }

    // 1.07
    async fn the_limits_of_a_post_are_kept(app: TestApp) {
        let by = app.student();
        for (name, value) in [
            ("title", json!("")),
            ("title", json!("  ")),
            ("title", json!("x".repeat(201))),
            ("content", json!("")),
            ("published", json!("maybe")),
        ] {
            let mut body = post("Title", false);
            body[name] = value.clone();
            let field = format!("/{name}");
            by.post("/posts", body).await.is_problem(422, "invalid").names(&[&field]);
            let path = made(&by, "/posts", post("Title", false)).await;
            let change = json!({name: value});
            by.patch(&path, change).await.is_problem(422, "invalid").names(&[&field]);
        }
        made(&by, "/posts", json!({"title": "x".repeat(200), "content": "c"})).await;
    }

    // 1.12
    async fn a_draft_is_its_authors_and_the_administrators(app: TestApp) {
        let draft = made(&app.student(), "/posts", post("Draft", false)).await;
        let id = draft.rsplit('/').next().unwrap_or_default();
        app.student().get(&draft).await.is(200);
        app.admin().get(&draft).await.is(200);
        for other in [app.other_student(), app.instructor(), app.anonymous()] {
            other.get(&draft).await.is_problem(404, "not_found")
                .says(&format!("Post {id} not found"));
        }
        let missing = app.student().get(&format!("/posts/{NOBODY}")).await;
        missing.is_problem(404, "not_found").says(&format!("Post {NOBODY} not found"));
        app.student().patch(&draft, json!({"published": true})).await.is(200);
        app.anonymous().get(&draft).await.is(200);
    }

    // 1.13
    async fn only_its_author_changes_and_deletes_a_post(app: TestApp) {
        let path = made(&app.student(), "/posts", post("Post", true)).await;
        for other in [app.other_student(), app.instructor(), app.admin()] {
            other.patch(&path, json!({"title": "x"})).await.is_problem(403, "forbidden")
                .says("Not authorized to update this post");
            other.put(&path, post("x", true)).await.is_problem(403, "forbidden");
            other.delete(&path).await.is_problem(403, "forbidden")
                .says("Not authorized to delete this post");
        }
        app.anonymous().delete(&path).await.is_problem(401, "unauthenticated");
        let draft = made(&app.student(), "/posts", post("Draft", false)).await;
        app.other_student().patch(&draft, json!({})).await.is_problem(404, "not_found");
        app.student().delete(&path).await.is(204);
        app.student().get(&path).await.is_problem(404, "not_found");
        assert_eq!(count(&app, "posts").await, 1);
    }

    async fn administrators_put_posts_away(app: TestApp) {
        let path = made(&app.student(), "/posts", post("Post", true)).await;
        let away = format!("{path}/archive");
        app.other_student().patch(&away, json!({})).await.is_problem(403, "forbidden");
        app.admin().patch(&away, json!({})).await.is(200);
        app.anonymous().get(&path).await.is_problem(404, "not_found");
        app.admin().patch(&format!("{path}/restore"), json!({})).await.is(200);
        app.anonymous().get(&path).await.is(200);
    }

    // 1.03, 1.15
    async fn a_patch_changes_what_it_names_and_a_put_replaces(app: TestApp) {
        let by = app.student();
        let path = made(&by, "/posts", post("Title", true)).await;
        let patched = by.patch(&path, json!({"content": "Other"})).await.is(200);
        assert_eq!((&patched["title"], &patched["content"]), (&json!("Title"), &json!("Other")));
        assert_eq!(patched["published"], true);
        let put = by.put(&path, json!({"title": "New", "content": "All new"})).await.is(200);
        assert_eq!((&put["title"], &put["published"]), (&json!("New"), &json!(false)));
        assert_eq!(put["author_id"], by.id().to_string());
        by.put(&path, json!({"title": "New"})).await.is_problem(422, "invalid")
            .names(&["/content"]);
        let stale = by.request(Method::PATCH, &path).header(header::IF_MATCH, patched.etag());
        stale.json(json!({"title": "x"})).send().await.is_problem(412, "precondition_failed");
    }

    // 1.10, 1.14
    async fn a_list_has_what_everyone_sees_and_ones_own_drafts(app: TestApp) {
        for (by, who) in [(app.student(), "a"), (app.other_student(), "b")] {
            made(&by, "/posts", post(&format!("{who} draft"), false)).await;
            made(&by, "/posts", post(&format!("{who} post"), true)).await;
        }
        let list = app.anonymous().get("/posts").await.is(200);
        assert_eq!((list.total(), list.column("title")), (2, vec![json!("b post"), json!("a post")]));
        assert!(list.items().iter().all(|row| row.get("content").is_none()));
        let list = app.student().get("/posts").await.is(200);
        let seen = [json!("b post"), json!("a post"), json!("a draft")];
        assert_eq!((list.total(), list.column("title")), (3, seen.to_vec()));
        let own = format!("/posts?author_id={}", app.student().id());
        let list = app.student().get(&own).await.is(200);
        assert_eq!(list.column("title"), ["a post", "a draft"]);
        assert_eq!(app.other_student().get(&own).await.is(200).column("title"), ["a post"]);
        let drafts = app.student().get("/posts?published=false").await.is(200);
        assert_eq!(drafts.column("title"), ["a draft"]);
        assert_eq!(app.admin().get("/posts").await.is(200).total(), 4);
        let page = app.anonymous().get("/posts?page_size=1&page=2").await.is(200);
        assert_eq!((page.column("title"), page["pages"].clone()), (vec![json!("a post")], json!(2)));
    }

    // 1.06, 1.05: a row without the API; an author stays while there are posts
    async fn a_post_can_be_made_at_the_shell_and_keeps_its_author(app: TestApp) {
        let author = app.student().id().to_string();
        let sql = "INSERT INTO posts (title, content, author_id) VALUES ('By hand', 'Words', ?)";
        run(&app, sql, &author).await.expect("every other column has a default");
        assert_eq!(app.student().get("/posts").await.is(200).column("title"), ["By hand"]);
        let refused = app.admin().delete(&format!("/users/{author}")).await;
        refused.is_problem(409, "foreign_key").says("Other rows still refer to this user");
    }
}
