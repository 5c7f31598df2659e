//! Many rows by one request: all or none, each under the rules of its entity.

use axum::http::Method;
use crud_core::{
    Error, Uuid,
    prelude::*,
    testing::{Client, Reply, on_both},
};
use lms_server::{entities::organization::Organization, roles::Role};
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::Statements,
    steps::{NOBODY, count, draft, id, lesson, lesson_body, published},
};

/// A place of the list to be at fault: its ends, and the ends of a statement's rows.
const PLACES: [usize; 6] = [0, 1, 249, 250, 251, 499];

async fn bulk(by: &Client, method: Method, all: &str, list: &[Value]) -> Reply {
    let path = format!("{all}/bulk");
    by.request(method, &path).json(json!(list)).send().await
}

fn users(n: usize) -> Vec<Value> {
    let user = |n| json!({"email": format!("{n}@new.example"), "full_name": format!("User {n}")});
    (0..n).map(user).collect()
}

async fn organizations(app: &TestApp, n: usize) -> Vec<String> {
    let new: Vec<_> = (0..n).map(|n| json!({"name": format!("{n}")})).collect();
    let made = bulk(&app.admin(), Method::POST, "/organizations", &new)
        .await
        .is(201);
    let rows = made.json.as_array().expect("a list");
    let id = |row: &Value| row["id"].as_str().expect("an id").to_owned();
    rows.iter().map(id).collect()
}

/// How many statements a request takes, which must succeed.
async fn statements_in(request: impl Future<Output = Reply>) -> usize {
    let (counted, guard) = Statements::watch();
    let reply = request.await;
    drop(guard);
    assert!(reply.status.is_success(), "{reply}");
    counted.count()
}

/// All rows of an entity, whole.
async fn state(app: &TestApp, all: &str) -> Vec<Value> {
    let (mut rows, mut next) = (
        Vec::new(),
        Some(format!("{all}?page_size=100&archived=any")),
    );
    while let Some(path) = next {
        let page = app.admin().get(&path).await.is(200);
        rows.extend_from_slice(page.items());
        next = page.link("next");
    }
    rows
}

/// Has the cache forget the caller, so that each request looks him up.
async fn forget(app: &TestApp) {
    let cache = app.lms.app.db().cache().expect("there is a cache");
    cache.forget().await.expect("it can forget");
}

on_both! {
    async fn a_fault_at_any_place_leaves_nothing_of_a_bulk(app: TestApp) {
        let (by, before) = (app.admin(), count(&app, "users").await);
        for place in PLACES {
            let at = format!("/{place}/email");
            let mut list = users(500);
            list[place]["email"] = "none".into();
            let wrong = bulk(&by, Method::POST, "/users", &list).await;
            let _ = wrong.is_problem(422, "invalid").names(&[&at]);
            list[place]["email"] = "student@test.example".into();
            let taken = bulk(&by, Method::POST, "/users", &list).await;
            let _ = taken.is_problem(409, "unique").names(&[&at]);
            assert_eq!(count(&app, "users").await, before, "at {place}");
        }
        bulk(&by, Method::POST, "/users", &users(500)).await.is(201);
        assert_eq!(count(&app, "users").await, before + 500);
    }

    async fn a_fault_at_any_place_of_a_change_undoes_all_of_it(app: TestApp) {
        let (by, ids) = (app.admin(), organizations(&app, 500).await);
        let before = state(&app, "/organizations").await;
        for place in PLACES {
            let mut ids = ids.clone();
            ids[place] = NOBODY.to_owned();
            let change = |id: &String| json!({"id": id, "name": "Other"});
            let list: Vec<_> = ids.iter().map(change).collect();
            let missing = bulk(&by, Method::PATCH, "/organizations", &list).await;
            let expected = format!("/{place}");
            assert_eq!(missing.is_problem(404, "not_found").faults(), [(&*expected, "not_found")]);
            let list: Vec<_> = ids.into_iter().map(Value::from).collect();
            let missing = bulk(&by, Method::DELETE, "/organizations", &list).await;
            assert_eq!(missing.is_problem(404, "not_found").faults(), [(&*expected, "not_found")]);
            assert_eq!(state(&app, "/organizations").await, before, "at {place}");
        }
        let change = |id: &String| json!({"id": id, "name": "Other", "version": 0});
        let list: Vec<_> = ids.iter().rev().map(change).collect();
        let changed = bulk(&by, Method::PATCH, "/organizations", &list).await.is(200);
        let rows = changed.json.as_array().expect("a list");
        assert!(rows.iter().all(|row| row["version"] == 1 && row["name"] == "Other"));
        assert!(rows.iter().zip(&list).all(|(row, sent)| row["id"] == sent["id"]));
        let list: Vec<_> = ids.into_iter().map(Value::from).collect();
        bulk(&by, Method::DELETE, "/organizations", &list).await.is(204);
        assert_eq!(count(&app, "organizations").await, 0);
    }

    async fn one_foreign_row_among_a_hundred_refuses_all(app: TestApp) {
        let by = app.instructor();
        let new: Vec<_> = (0..100).map(|n| json!({"title": format!("Course {n}")})).collect();
        let made = bulk(&by, Method::POST, "/courses", &new).await.is(201);
        let own: Vec<_> = made.json.as_array().expect("a list").iter().map(|row| row["id"].clone()).collect();
        let hidden = draft(&app.other_instructor(), "Hidden").await;
        let seen = published(&app.other_instructor(), "Seen").await;
        let before = state(&app, "/courses").await;
        for (other, status, code) in [(id(&hidden), 404, "not_found"), (id(&seen), 403, "forbidden")] {
            let single = by.patch(&format!("/courses/{other}"), json!({"title": "Mine"})).await;
            let single = single.is_problem(status, code);
            let mut ids = own.clone();
            ids[63] = other.into();
            let list: Vec<_> = ids.iter().map(|id| json!({"id": id, "title": "Mine"})).collect();
            let refused = bulk(&by, Method::PATCH, "/courses", &list).await.is_problem(status, code);
            assert_eq!(refused["detail"], single["detail"]);
            assert_eq!(refused.faults(), [("/63", code)]);
            let refused = bulk(&by, Method::DELETE, "/courses", &ids).await.is_problem(status, code);
            assert_eq!(refused.faults(), [("/63", code)]);
        }
        // A row that would hang on somebody else's, and a field that is not the caller's to set.
        let course = own[0].as_str().expect("an id");
        let mut list: Vec<_> = (0..100).map(|n| lesson_body(course, n)).collect();
        list[63] = lesson_body(id(&seen), 63);
        let refused = bulk(&by, Method::POST, "/lessons", &list).await.is_problem(403, "forbidden");
        assert_eq!(refused.faults(), [("/63", "forbidden")]);
        assert_eq!(count(&app, "lessons").await, 0);
        assert_eq!(state(&app, "/courses").await, before);
        let student = app.student();
        let list = [json!({"id": student.id().to_string(), "full_name": "Me", "role": "admin"})];
        let refused = bulk(&student, Method::PATCH, "/users", &list).await;
        assert_eq!(refused.is_problem(403, "forbidden_field").faults(), [("/0/role", "forbidden_field")]);
    }

    // The hooks of each row run, in the one transaction.
    async fn enrolling_in_many_courses_keeps_the_rules_of_each(app: TestApp) {
        let (by, mut list) = (app.student(), Vec::new());
        for n in 0..5 {
            let course = published(&app.instructor(), &format!("Course {n}")).await;
            for order in 0..n {
                lesson(&app.instructor(), &course, order).await;
            }
            list.push(json!({"course_id": id(&course)}));
        }
        let closed = json!({"course_id": id(&draft(&app.instructor(), "Draft").await)});
        let other = json!({"course_id": list[3]["course_id"], "student_id": app.other_student().id().to_string()});
        let again = list[0].clone();
        for (wrong, status, code) in [(closed, 409, "unpublished"), (other, 403, "forbidden"), (again, 409, "enrolled")] {
            let mut list = list.clone();
            list[3] = wrong;
            let refused = bulk(&by, Method::POST, "/enrollments", &list).await.is_problem(status, code);
            assert_eq!(refused.faults(), [("/3", code)]);
            assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (0, 0));
        }
        bulk(&by, Method::POST, "/enrollments", &list).await.is(201);
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (5, 10));
        // All lessons done at once complete what they are of.
        let progress = by.get("/lesson-progress?page_size=100").await.is(200).column("id");
        let done: Vec<_> = progress.iter().map(|id| json!({"id": id, "completed": true})).collect();
        let done = bulk(&by, Method::PATCH, "/lesson-progress", &done).await.is(200);
        assert!(done.json.as_array().expect("a list").iter().all(|row| row["version"] == 1));
        let completed = by.get("/enrollments?completed=true").await.is(200);
        assert_eq!(completed.total(), 4);
    }

    async fn rows_of_one_title_get_slugs_of_their_own(app: TestApp) {
        let list = vec![json!({"title": "The same"}); 12];
        let made = bulk(&app.instructor(), Method::POST, "/courses", &list).await.is(201);
        let slugs: Vec<_> = made.json.as_array().expect("a list").iter().map(|row| row["slug"].clone()).collect();
        let expected = (2..=12).map(|n| json!(format!("the-same-{n}")));
        assert_eq!(slugs, [json!("the-same")].into_iter().chain(expected).collect::<Vec<_>>());
    }

    async fn many_rows_take_as_many_statements_as_few(app: TestApp) {
        let by = app.admin();
        let new = |n: usize| (0..n).map(|n| json!({"name": format!("{n}")})).collect::<Vec<_>>();
        // What is read once: which tables follow which.
        bulk(&by, Method::POST, "/organizations", &new(1)).await.is(201);
        let mut taken = Vec::new();
        for n in [1, 100, 250, 1000] {
            forget(&app).await;
            taken.push(statements_in(bulk(&by, Method::POST, "/organizations", &new(n))).await);
        }
        // One looks the caller up; one writes up to 250 rows.
        let few = taken[0];
        assert_eq!(taken, [few, few, few, few + 3]);
        let ids = organizations(&app, 700).await;
        let mut taken = Vec::new();
        for some in [&ids[..1], &ids[1..101], &ids[101..]] {
            let list: Vec<_> = some.iter().cloned().map(Value::from).collect();
            forget(&app).await;
            taken.push(statements_in(bulk(&by, Method::DELETE, "/organizations", &list)).await);
        }
        assert!(taken.iter().all(|n| *n == taken[0]), "{taken:?}");
    }

    async fn changes_of_the_same_rows_in_any_order_wait_for_each_other(app: TestApp) {
        let ids = organizations(&app, 60).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..12 {
            let by = app.admin();
            let change = |id: &String| json!({"id": id, "description": format!("By {n}")});
            let mut list: Vec<_> = ids.iter().map(change).collect();
            list.rotate_left(n * 5);
            if n % 2 == 0 {
                list.reverse();
            }
            tasks.spawn(async move { bulk(&by, Method::PATCH, "/organizations", &list).await.status });
        }
        assert!(tasks.join_all().await.iter().all(|status| *status == 200));
        for row in state(&app, "/organizations").await {
            let row = app.admin().get(&format!("/organizations/{}", row["id"].as_str().expect("an id"))).await;
            assert_eq!(row["version"], 12);
        }
    }

    // Removed by one statement, which does not say whom it is about.
    async fn what_is_still_referred_to_is_named_and_nothing_is_removed(app: TestApp) {
        let by = app.admin();
        published(&app.instructor(), "Course").await;
        let before = count(&app, "users").await;
        let clients = [app.student(), app.other_instructor(), app.instructor(), app.other_student()];
        let list = clients.map(|client| json!(client.id().to_string()));
        let reply = bulk(&by, Method::DELETE, "/users", &list).await.is_problem(409, "foreign_key");
        assert_eq!(reply.says("still refer to this user").faults(), [("/2", "foreign_key")]);
        assert_eq!(count(&app, "users").await, before);
        bulk(&by, Method::DELETE, "/users", &list[..2]).await.is(204);
        assert_eq!(count(&app, "users").await, before - 2);
    }

    async fn many_rows_are_changed_and_removed_without_http(app: TestApp) {
        let admin = Principal::user(app.admin().id(), Role::Admin.as_str());
        let cx = app.lms.app.on_behalf(&admin);
        let ids = organizations(&app, 3).await;
        let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().expect("a UUID")).collect();
        let change = |id: &Uuid| (*id, serde_json::from_value(json!({"name": "Other"})).expect("a body"));
        let rows = cx.update_many::<Organization>(ids.iter().map(change).collect()).await.unwrap();
        assert!(rows.iter().zip(&ids).all(|(row, id)| row.id == *id && row.version == 1));
        match cx.delete_many::<Organization>(&[ids[0], ids[1], ids[0]]).await {
            Err(Error::Invalid(faults)) => assert_eq!(faults[0].pointer.as_deref(), Some("/2")),
            other => panic!("{other:?}"),
        }
        // In a transaction, of which nothing stands once one is refused.
        let tx = app.lms.app.db().begin().await.unwrap();
        let within = Context::within(app.lms.app.registry(), &tx, &admin);
        let nobody: Uuid = NOBODY.parse().expect("a UUID");
        let refused = within.delete_many::<Organization>(&[ids[0], nobody]).await;
        assert_eq!(refused.map_err(|error| error.code()), Err("not_found"));
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&app, "organizations").await, 3);
        cx.delete_many::<Organization>(&ids).await.unwrap();
        assert_eq!(count(&app, "organizations").await, 0);
    }
}
