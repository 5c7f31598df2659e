//! The cache as readers see it: not at all, except that a second read asks the database nothing.

use axum::http::{Method, header};
use crud_core::{
    Context, Principal,
    db::{DbKind, Load as _},
    testing::{Call, Client, Reply, on_both},
};
use lms_server::entities::organization::Organization;
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::Statements,
    steps::{draft, id, lesson, lesson_body, made, published, run},
};

/// An answer, and how many statements it took.
pub(crate) async fn counted(call: Call<'_>) -> (Reply, usize) {
    let (counted, guard) = Statements::watch();
    let reply = call.send().await;
    drop(guard);
    (reply, counted.count())
}

/// How many statements a `GET` takes.
pub(crate) async fn statements(by: &Client, path: &str) -> usize {
    let (reply, statements) = counted(by.request(Method::GET, path)).await;
    reply.is(200);
    statements
}

/// Reads until the next read comes from the cache alone.
async fn warm(by: &Client, path: &str) -> Value {
    let first = by.get(path).await.is(200).json;
    assert_eq!(statements(by, path).await, 0, "{path}");
    first
}

on_both! {
    // Checklist 3.43: kept, and the same to the byte
    async fn a_second_read_asks_the_database_nothing(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let lesson = lesson(&app.instructor(), &course, 1).await;
        for by in [app.anonymous(), app.student(), app.instructor(), app.admin()] {
            let with = format!("{course}?include=lessons,instructor");
            for path in [
                &*course, &lesson, &with, "/courses", "/lessons?page_size=3&sort=-title", "/courses?total=none",
                "/lessons?include=course&page_size=2", "/courses/by-slug/course",
            ] {
                let first = by.get(path).await.is(200);
                assert_eq!(statements(&by, path).await, 0, "{path}");
                let again = by.get(path).await.is(200);
                let bytes = |reply: &Reply| (reply.json.clone(), reply.headers.get("etag").cloned(), reply.headers.len());
                assert_eq!(bytes(&first), bytes(&again));
            }
            let tag = by.get(&lesson).await.is(200).etag();
            let call = by.request(Method::GET, &lesson).header(header::IF_NONE_MATCH, &tag);
            let (reply, statements) = counted(call).await;
            assert_eq!((reply.status.as_u16(), statements), (304, 0));
            assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
            let (reply, statements) = counted(by.request(Method::HEAD, &lesson)).await;
            assert_eq!((reply.status.as_u16(), statements), (200, 0));
        }
    }

    // Kills: an include that is kept with the row that it belongs to
    async fn what_is_included_is_as_new_as_what_includes_it(app: TestApp) {
        let (by, other) = (app.instructor(), app.admin());
        let course = published(&by, "Course").await;
        let mut path = lesson(&by, &course, 1).await;
        for with in [
            format!("{course}?include=lessons,instructor"), "/courses?include=lessons,instructor".to_owned(),
            "/courses/by-slug/course?include=lessons".to_owned(),
        ] {
            let row = |seen: &Value| seen.get("items").map_or(seen, |items| &items[0]).clone();
            let title = |seen: &Value| row(seen)["lessons"][0]["title"].clone();
            for reader in [&by, &other] {
                reader.get(&with).await.is(200);
                assert_eq!(statements(reader, &with).await, 0, "{with}");
            }
            for new in ["One", "Two"] {
                by.patch(&path, json!({"title": new})).await.is(200);
                for reader in [&by, &other] {
                    assert_eq!(title(&reader.get(&with).await.is(200).json), new, "{with}");
                }
            }
            by.delete(&path).await.is(204);
            assert_eq!(row(&by.get(&with).await.is(200).json)["lessons"], json!([]));
            path = lesson(&by, &course, 1).await;
        }
    }

    // Kills: lists that any write of the table ends; a part that is not marked: of before, of after, of who comes or goes
    async fn a_write_leaves_the_lists_of_other_parents_alone(app: TestApp) {
        let by = app.instructor();
        let (a, b) = (published(&by, "A").await, published(&by, "B").await);
        let kept = lesson(&by, &a, 1).await;
        let lists = |course: &str| [
            format!("/lessons?course_id={}", id(course)), format!("{course}/lessons?sort=title"),
            format!("/lessons?course_id={}&include=course&total=none", id(course)),
        ];
        let titles = async |course: &str| {
            let mut all = Vec::new();
            for list in lists(course) {
                let rows = by.get(&list).await.is(200);
                let mut titles: Vec<_> = rows.items().iter().map(|row| row["title"].clone()).collect();
                titles.sort_by_key(ToString::to_string);
                all.push(titles);
            }
            assert!(all.iter().all(|titles| *titles == all[0]), "{all:?}");
            all.swap_remove(0)
        };
        let are_kept = async |course: &str| {
            let mut statements_in_all = 0;
            for list in lists(course) {
                statements_in_all += statements(&by, &list).await;
            }
            statements_in_all == 0
        };
        assert_eq!((titles(&a).await, titles(&b).await), (vec![json!("Lesson 1")], vec![]));
        let moving = lesson(&by, &b, 2).await;
        assert_eq!((are_kept(&a).await, titles(&b).await), (true, vec![json!("Lesson 2")]));
        by.patch(&moving, json!({"title": "New"})).await.is(200);
        assert_eq!((are_kept(&a).await, titles(&b).await), (true, vec![json!("New")]));
        assert_eq!(by.get("/lessons?sort=title").await.is(200).items()[1]["title"], "New");
        for (change, left) in [("archive", vec![]), ("restore", vec![json!("New")])] {
            by.request(Method::PATCH, &format!("{moving}/{change}")).send().await.is(200);
            assert_eq!((are_kept(&a).await, titles(&b).await), (true, left), "{change}");
        }
        // From one to the other, and back.
        by.patch(&moving, json!({"course_id": id(&a)})).await.is(200);
        assert_eq!((titles(&a).await, titles(&b).await), (vec![json!("Lesson 1"), json!("New")], vec![]));
        by.put(&moving, lesson_body(id(&b), 3)).await.is(200);
        assert_eq!((titles(&a).await, titles(&b).await), (vec![json!("Lesson 1")], vec![json!("Lesson 3")]));
        // What says no part marks the table.
        by.post("/lessons/bulk", json!([lesson_body(id(&b), 4)])).await.is(201);
        assert_eq!(titles(&b).await, [json!("Lesson 3"), json!("Lesson 4")]);
        run(&app, "UPDATE lessons SET title = 'Raw' WHERE id = ?", id(&kept)).await.unwrap();
        assert_eq!(titles(&a).await, [json!("Raw")]);
        assert_eq!(titles(&b).await, [json!("Lesson 3"), json!("Lesson 4")]);
        by.delete(&moving).await.is(204);
        assert_eq!((are_kept(&a).await, titles(&b).await), (true, vec![json!("Lesson 4")]));
        by.delete(&b).await.is(204);
        assert_eq!(by.get("/lessons").await.is(200).total(), 1);
    }

    // Checklist 3.34
    async fn a_bulk_is_seen_at_once(app: TestApp) {
        let admin = app.admin();
        warm(&admin, "/organizations").await;
        let new = json!([{"name": "One"}, {"name": "Two"}]);
        let rows = admin.post("/organizations/bulk", new).await.is(201).json;
        let list = warm(&admin, "/organizations").await;
        assert_eq!(list["total"], 2);
        let ids: Vec<_> = [0, 1].map(|i| rows[i]["id"].clone()).into();
        let paths = [0, 1].map(|i| format!("/organizations/{}", ids[i].as_str().expect("an id")));
        for path in &paths {
            warm(&admin, path).await;
        }
        let change = json!([{"id": ids[0], "name": "Three"}, {"id": ids[1], "name": "Four"}]);
        admin.patch("/organizations/bulk", change).await.is(200);
        for (path, name) in paths.iter().zip(["Three", "Four"]) {
            assert_eq!(warm(&admin, path).await["name"], name);
        }
        let call = admin.request(Method::DELETE, "/organizations/bulk");
        call.json(json!(ids)).send().await.is(204);
        assert_eq!(admin.get("/organizations").await.is(200).json["total"], 0);
        for path in &paths {
            admin.get(path).await.is(404);
        }
    }

    async fn that_a_row_is_missing_is_kept_until_it_is_there(app: TestApp) {
        let nobody = format!("/courses/{}", crate::steps::NOBODY);
        let admin = app.admin();
        let first = admin.get(&nobody).await.is(404);
        let (again, statements) = counted(admin.request(Method::GET, &nobody)).await;
        assert_eq!((first.json["detail"].clone(), 0), (again.is(404).json["detail"].clone(), statements));
        // The only way to choose an id.
        let course = published(&app.instructor(), "Course").await;
        let set = match app.kind {
            DbKind::Postgres => format!("UPDATE courses SET id = '{}' WHERE id = ?", crate::steps::NOBODY),
            DbKind::Sqlite => format!("UPDATE courses SET id = x'{}' WHERE id = ?", crate::steps::NOBODY.replace('-', "")),
        };
        run(&app, &set, id(&course)).await.unwrap();
        admin.get(&nobody).await.is(200);
        admin.get(&course).await.is(404);
    }

    // Kills: a list without its row dependency, a count that shares a page's key
    async fn every_write_shows_in_the_next_read(app: TestApp) {
        let by = app.instructor();
        let list = "/courses?sort=title";
        assert_eq!(warm(&app.admin(), list).await["total"], 0);
        let course = draft(&by, "A").await;
        assert_eq!(warm(&app.admin(), list).await["total"], 1);
        warm(&app.admin(), &course).await;

        by.patch(&course, json!({"title": "B"})).await.is(200);
        assert_eq!(warm(&app.admin(), &course).await["title"], "B");
        assert_eq!(warm(&app.admin(), list).await["items"][0]["title"], "B");

        by.put(&course, json!({"title": "C"})).await.is(200);
        assert_eq!(warm(&app.admin(), &course).await["title"], "C");
        assert_eq!(warm(&app.admin(), list).await["items"][0]["title"], "C");

        by.patch(&format!("{course}/archive"), json!({})).await.is(200);
        app.admin().get(&course).await.is(404);
        assert_eq!(warm(&app.admin(), list).await["total"], 0);
        assert_eq!(warm(&app.admin(), "/courses?archived=true").await["total"], 1);

        by.patch(&format!("{course}/restore"), json!({})).await.is(200);
        warm(&app.admin(), &course).await;
        assert_eq!(warm(&app.admin(), list).await["total"], 1);

        run(&app, "UPDATE courses SET title = 'D' WHERE id = ?", id(&course)).await.unwrap();
        assert_eq!(warm(&app.admin(), &course).await["title"], "D");
        assert_eq!(warm(&app.admin(), list).await["items"][0]["title"], "D");

        app.lms.app.db().batch("UPDATE courses SET title = 'E'").await.unwrap();
        assert_eq!(warm(&app.admin(), &course).await["title"], "E");

        by.delete(&course).await.is(204);
        app.admin().get(&course).await.is(404);
        assert_eq!(warm(&app.admin(), list).await["total"], 0);
    }

    // Kills: a new row that is not marked though its id is told before it is there
    async fn a_row_that_was_asked_for_too_early_is_seen_when_it_is_there(app: TestApp) {
        let admin = Principal::user(app.admin().id(), "admin");
        let tx = app.lms.app.db().begin().await.unwrap();
        let within = Context::within(app.lms.app.registry(), &tx, &admin);
        let new = serde_json::from_value(json!({"name": "New"})).expect("a body");
        let id = within.create::<Organization>(new).await.unwrap().id;
        let path = format!("/organizations/{id}");
        app.admin().get(&path).await.is(404);
        tx.commit().await.unwrap();
        app.admin().get(&path).await.is(200);
    }

    async fn a_transaction_shows_all_at_once_and_nothing_if_it_rolls_back(app: TestApp) {
        use lms_server::schema::courses;
        let course = published(&app.instructor(), "A").await;
        let db = app.lms.app.db();
        let rename = |title: &'static str| diesel::update(courses::table).set(diesel::ExpressionMethods::eq(courses::title, title));
        warm(&app.admin(), &course).await;
        let tx = db.begin().await.unwrap();
        tx.run(rename("B")).await.unwrap();
        if app.kind == DbKind::Postgres {
            assert_eq!(statements(&app.admin(), &course).await, 0, "nobody sees it yet");
        }
        tx.rollback().await.unwrap();
        assert_eq!(warm(&app.admin(), &course).await["title"], "A");
        let tx = db.begin().await.unwrap();
        tx.run(rename("C")).await.unwrap();
        drop(tx);
        assert_eq!(warm(&app.admin(), &course).await["title"], "A");
        let tx = db.begin().await.unwrap();
        tx.run(rename("D")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(warm(&app.admin(), &course).await["title"], "D");
        // Called a read by who wrote it.
        let tx = db.begin().await.unwrap();
        let sql = crud_core::db::Stmt::new().sql("UPDATE courses SET title = 'E' RETURNING title");
        tx.load::<String, crud_core::sql_types::Text>(crud_core::db::Access::Read, sql).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(warm(&app.admin(), &course).await["title"], "E");
    }

    // Kills: a delete without what it cascades to, SET NULL included
    async fn what_a_delete_takes_along_is_gone_from_the_cache_too(app: TestApp) {
        let admin = app.admin();
        let course = published(&app.instructor(), "Course").await;
        let module = made(&admin, "/modules", json!({"title": "M", "course_id": id(&course)})).await;
        let mut body = crate::steps::lesson_body(id(&course), 1);
        body["module_id"] = json!(id(&module));
        let lesson = made(&admin, "/lessons", body).await;
        let enrollment = made(&app.student(), "/enrollments", json!({"course_id": id(&course)})).await;
        assert_eq!(warm(&admin, &lesson).await["module_id"], json!(id(&module)));
        warm(&admin, &enrollment).await;
        let of_course = format!("/lesson-progress?enrollment_id={}", id(&enrollment));
        assert_eq!(warm(&admin, &of_course).await["total"], 1);
        admin.delete(&module).await.is(204);
        assert_eq!(warm(&admin, &lesson).await["module_id"], Value::Null);
        admin.delete(&course).await.is(204);
        for gone in [&lesson, &enrollment] {
            admin.get(gone).await.is(404);
        }
        assert_eq!(warm(&admin, &of_course).await["total"], 0);
        for list in ["/lessons", "/enrollments", "/modules"] {
            assert_eq!(warm(&admin, list).await["total"], 0, "{list}");
        }
    }

    async fn what_a_hook_writes_shows_too(app: TestApp) {
        let student = app.student();
        let course = published(&app.instructor(), "Course").await;
        lesson(&app.instructor(), &course, 1).await;
        warm(&student, "/lesson-progress").await;
        let enrollment = made(&student, "/enrollments", json!({"course_id": id(&course)})).await;
        assert_eq!(warm(&student, &enrollment).await["completed_at"], Value::Null);
        let progress = warm(&student, "/lesson-progress").await;
        let progress = format!("/lesson-progress/{}", progress["items"][0]["id"].as_str().unwrap());
        student.patch(&progress, json!({"completed": true})).await.is(200);
        assert_ne!(warm(&student, &enrollment).await["completed_at"], Value::Null);
    }

    // A page, its order and its filters are the key, since the statement is
    async fn no_list_answers_another_question(app: TestApp) {
        let by = app.instructor();
        for (title, category) in [("A", "x"), ("B", "y"), ("C", "x"), ("D", "y")] {
            by.post("/courses", json!({"title": title, "category": category})).await.is(201);
        }
        let titles = async |query: &str| {
            let list = warm(&by, &format!("/courses?{query}")).await;
            let items = list["items"].as_array().unwrap();
            items.iter().map(|item| item["title"].as_str().unwrap()).collect::<String>()
        };
        for (query, expected) in [
            ("sort=title", "ABCD"), ("sort=-title", "DCBA"), ("sort=title&category=x", "AC"),
            ("sort=title&category=y", "BD"), ("sort=title&page_size=2", "AB"), ("sort=title&page_size=2&page=2", "CD"),
            ("sort=title&limit=2&offset=1", "BC"), ("sort=title&archived=true", ""), ("sort=title&title=b", "B"),
            ("sort=title&is_published=true", ""), ("sort=title&is_published=false", "ABCD"),
        ] {
            assert_eq!(titles(query).await, expected, "{query}");
        }
        assert_eq!(warm(&by, "/courses?page_size=2").await["page_size"], 2);
        assert_eq!(warm(&by, "/courses?limit=2&offset=2").await["page"], 2);
        // Text that holds what another value's text looks like.
        assert_eq!(titles("category=x%27,%20%27y").await, "");
    }

    // A file's list is dropped by a change of the schema
    async fn raw_sql_that_is_not_understood_drops_everything(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        warm(&app.student(), &course).await;
        app.lms.app.db().batch("CREATE TABLE anything (x int)").await.unwrap();
        assert_ne!(statements(&app.anonymous(), &course).await, 0);
    }

    // Checklist 3.35, 3.36
    async fn a_route_of_ones_own_is_cached_for_each_caller(app: TestApp) {
        let example = made(&app.admin(), "/examples", json!({"name": "E"})).await;
        for by in [app.student(), app.other_student(), app.student()] {
            let list = warm(&by, "/examples/active").await;
            assert!(list.to_string().contains(id(&example)), "{list}");
        }
        app.admin().patch(&example, json!({"is_active": false})).await.is(200);
        assert!(!warm(&app.student(), "/examples/active").await.to_string().contains(id(&example)));
    }
}
