//! What a write does to a row: stamps, absent and null, merged documents, transactions.

use axum::http::{Method, header};
use crud_core::{
    Context, Error, Principal, Uuid,
    db::DbError,
    testing::{Client, Random, on_both},
};
use lms_server::entities::{
    course::{Course, CourseCreate},
    lesson::{Lesson, LessonCreate},
};
use serde_json::{Map, Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, count, draft, id, lesson, made, published};

/// What ends a transaction of these tests.
#[derive(Debug)]
struct Ended;

impl From<DbError> for Ended {
    fn from(_: DbError) -> Self {
        Self
    }
}

fn new_course(title: &str) -> CourseCreate {
    let body = json!({"title": title});
    serde_json::from_value(body).expect("a course")
}

fn new_lesson(course: Uuid) -> LessonCreate {
    let body = json!({"course_id": course, "title": "L", "content_type": "video", "order": 1});
    serde_json::from_value(body).expect("a lesson")
}

/// RFC 7396, as it is written there.
fn merged(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut target = match target {
        Value::Object(target) => target,
        _ => Map::new(),
    };
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            value => {
                let old = target.remove(name).unwrap_or_default();
                target.insert(name.clone(), merged(old, value));
            }
        }
    }
    Value::Object(target)
}

/// Few names, so that patches meet what is there; some that SQL or JSON could stumble over.
const NAMES: [&str; 8] = [
    "a",
    "b",
    "A",
    "",
    "é",
    "it's \"so\"",
    "a.b[0]/~$",
    "\\u0061\n",
];

fn value(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 | 1 => Value::Null,
        2 => json!(random.below(2) == 0),
        3 => json!(i64::try_from(random.below(1 << 53)).expect("it fits") - (1 << 52)),
        4 => json!(0.5 + random.below(100) as f64),
        5 => json!(*random.pick(&NAMES)),
        6 => (0..random.below(3))
            .map(|_| value(random, depth - 1))
            .collect(),
        _ => object(random, depth - 1),
    }
}

fn object(random: &mut Random, depth: u64) -> Value {
    let names = (0..random.below(4)).map(|_| (*random.pick(&NAMES)).to_owned());
    let names: Vec<_> = names.collect();
    Value::Object(
        names
            .into_iter()
            .map(|name| (name, value(random, depth)))
            .collect(),
    )
}

/// The same document with every character of its names and texts escaped.
fn escaped(document: &Value) -> String {
    let mut text = String::new();
    let mut inside = false;
    let mut after_backslash = false;
    for c in document.to_string().chars() {
        match c {
            '"' if !after_backslash => {
                inside = !inside;
                text.push(c);
            }
            c if inside && !after_backslash && c != '\\' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
        after_backslash = c == '\\' && !after_backslash;
    }
    text
}

on_both! {
    // 2.12, 3.20, 1.03
    async fn what_a_patch_leaves_out_stays_and_null_clears(app: TestApp) {
        let body = json!({"title": "Title", "description": "Text", "category": "code"});
        let course = made(&app.instructor(), "/courses", body).await;
        let patch = json!({"description": null, "difficulty_level": "advanced"});
        app.instructor().patch(&course, patch).await.is(200);
        let left = app.instructor().get(&course).await.is(200);
        for (field, value) in [
            ("title", json!("Title")),
            ("description", Value::Null),
            ("category", json!("code")),
            ("difficulty_level", json!("advanced")),
            ("is_published", json!(false)),
        ] {
            assert_eq!(left[field], value, "{field}");
        }
        for field in ["title", "slug", "is_published"] {
            let refused = app.instructor().patch(&course, json!({field: null})).await;
            refused.is_problem(422, "invalid").names(&[&format!("/{field}")]);
        }
        let unknown = app.instructor().patch(&course, json!({"titel": "x"})).await;
        unknown.is_problem(422, "invalid").names(&["/titel"]);
    }

    // 2.12
    async fn a_put_sets_what_it_leaves_out_to_the_default(app: TestApp) {
        let body = json!({"title": "T", "category": "code", "is_published": true,
            "properties": {"a": 1}});
        let course = made(&app.instructor(), "/courses", body).await;
        let put = app.instructor().put(&course, json!({"title": "New"})).await.is(200);
        for field in ["category", "properties"] {
            assert!(put[field].is_null(), "{field}");
        }
        assert_eq!((&put["title"], &put["is_published"]), (&json!("New"), &json!(false)));
        assert_eq!((&put["slug"], &put["version"]), (&json!("new"), &json!(1)));
        assert_eq!(put["instructor_id"], app.instructor().id().to_string());
    }

    // 2.23, 3.03, 3.04, 3.05, fault 10
    async fn every_write_moves_the_stamps(app: TestApp) {
        let course = draft(&app.instructor(), "Course").await;
        let mut before = app.instructor().get(&course).await.is(200);
        assert_eq!(before["updated_by"], app.instructor().id().to_string());
        let archive = format!("{course}/archive");
        let restore = format!("{course}/restore");
        let steps: [(Client, &str, Value); 4] = [
            (app.admin(), &course, json!({"title": "New"})),
            (app.instructor(), &course, json!({})),
            (app.admin(), &archive, json!({})),
            (app.instructor(), &restore, json!({})),
        ];
        for (n, (by, path, patch)) in steps.into_iter().enumerate() {
            let after = by.patch(path, patch).await.is(200);
            assert_eq!(after["version"], n + 1, "{path}");
            assert_eq!(after["updated_by"], by.id().to_string(), "{path}");
            assert!(after["updated_at"].as_str() > before["updated_at"].as_str(), "{path}");
            assert_ne!(after.etag(), before.etag());
            for field in ["created_at", "created_by", "id"] {
                assert_eq!(after[field], before[field], "{field}");
            }
            before = after;
        }
        let stamps = ["version", "created_at", "updated_at", "created_by", "updated_by", "id"];
        for field in stamps.into_iter().chain(["archived_at"]) {
            let forged = json!({field: before[field]});
            app.admin().patch(&course, forged).await.is_problem(422, "invalid")
                .names(&[&format!("/{field}")]);
        }
    }

    // 3.06
    async fn properties_are_written_read_back_and_merged(app: TestApp) {
        let by = app.admin();
        let body = json!({"name": "Org", "properties": {"a": {"b": 1, "c": [1, null]}, "d": "x"}});
        let path = made(&by, "/organizations", body.clone()).await;
        assert_eq!(by.get(&path).await.is(200)["properties"], body["properties"]);
        let patch = json!({"properties": {"a": {"b": null, "e": {"f": 0.5}}, "d": [1]}});
        let patched = by.patch(&path, patch).await.is(200);
        let whole = json!({"a": {"c": [1, null], "e": {"f": 0.5}}, "d": [1]});
        assert_eq!(patched["properties"], whole);
        let untouched = by.patch(&path, json!({"name": "New"})).await.is(200);
        assert_eq!(untouched["properties"], whole);
        assert!(by.patch(&path, json!({"properties": null})).await.is(200)["properties"].is_null());
        let again = by.patch(&path, json!({"properties": {"a": {"b": null}}})).await.is(200);
        assert_eq!(again["properties"], json!({"a": {}}));
        for other in [json!([]), json!("x"), json!(1)] {
            by.patch(&path, json!({"properties": other})).await.is_problem(422, "invalid")
                .names(&["/properties"]);
        }
    }

    // 3.06: RFC 7396, whatever the documents
    async fn merge_patches_are_those_of_rfc_7396(app: TestApp) {
        let mut random = Random::new();
        let by = app.admin();
        let path = made(&by, "/organizations", json!({"name": "Org"})).await;
        let mut expected = Value::Null;
        for round in 0..150 {
            let patch = if round % 40 == 39 { Value::Null } else { object(&mut random, 4) };
            let text = match random.below(2) {
                0 => patch.to_string(),
                _ => escaped(&patch),
            };
            let before = expected.to_string();
            expected = merged(expected, &patch);
            let call = by.request(Method::PATCH, &path);
            let call = call.body("application/merge-patch+json", format!("{{\"properties\":{text}}}"));
            let patched = call.send().await.is(200);
            assert_eq!(patched["properties"], expected, "round {round}: {before} and {text}");
        }
        assert_eq!(by.get(&path).await.is(200)["properties"], expected);
    }

    // Fault 10: nothing is lost silently
    async fn of_concurrent_patches_of_one_version_exactly_one_wins(app: TestApp) {
        const CALLERS: u64 = 8;
        const EACH: u64 = 5;
        let path = made(&app.admin(), "/organizations", json!({"name": "0"})).await;
        let race = (0..CALLERS).map(|_| {
            let (by, path) = (app.admin(), path.clone());
            tokio::spawn(async move { (count_up(&by, &path, EACH).await, by.id()) })
        });
        let mut lost = 0;
        for caller in race.collect::<Vec<_>>() {
            lost += caller.await.expect("no caller fails").0;
        }
        let row = app.admin().get(&path).await.is(200);
        assert_eq!(row["name"], (CALLERS * EACH).to_string());
        assert_eq!(row["version"], CALLERS * EACH);
        assert!(lost > 0, "the callers never met: this shows nothing");
    }

    // Fault 10
    async fn a_stale_tag_is_412_and_changes_nothing(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let old = by.get(&course).await.is(200).etag();
        let new = by.patch(&course, json!({"title": "New"})).await.is(200).etag();
        let archive = format!("{course}/archive");
        for (method, path) in [
            (Method::PATCH, &course),
            (Method::PUT, &course),
            (Method::PATCH, &archive),
            (Method::DELETE, &course),
        ] {
            let call = by.request(method, path).header(header::IF_MATCH, old.clone());
            let stale = call.json(json!({"title": "Lost"})).send().await;
            let stale = stale.is_problem(412, "precondition_failed");
            assert_eq!(stale.etag(), new);
        }
        assert_eq!(by.get(&course).await.is(200)["title"], "New");
        let call = by.request(Method::DELETE, &course).header(header::IF_MATCH, new);
        call.send().await.is(204);
    }

    // 3.39: several entities in one transaction
    async fn a_transaction_over_two_entities_stands_or_falls_as_one(app: TestApp) {
        let registry = app.lms.app.registry();
        let by = Principal::user(app.instructor().id(), "instructor");
        let db = app.lms.app.db();
        // A course and a lesson of it.
        let (registry_, by_) = (registry, &by);
        let both = db.transaction(async move |tx| {
            let cx = Context::within(registry_, tx, by_);
            let course = cx.create::<Course>(new_course("Whole")).await.map_err(|_| Ended)?;
            cx.create::<Lesson>(new_lesson(course.id)).await.map_err(|_| Ended)
        });
        both.await.expect("both are allowed");
        // The second refers to nothing.
        let (registry_, by_) = (registry, &by);
        let half = db.transaction(async move |tx| {
            let cx = Context::within(registry_, tx, by_);
            cx.create::<Course>(new_course("Half")).await.map_err(|_| Ended)?;
            let nowhere = NOBODY.parse().map_err(|_| Ended)?;
            cx.create::<Lesson>(new_lesson(nowhere)).await.map_err(|_| Ended)
        });
        half.await.expect_err("there is no such course");
        // Both are fine, and then the caller gives up.
        let (registry_, by_) = (registry, &by);
        let given_up = db.transaction(async move |tx| {
            let cx = Context::within(registry_, tx, by_);
            let course = cx.create::<Course>(new_course("Given up")).await.map_err(|_| Ended)?;
            cx.create::<Lesson>(new_lesson(course.id)).await.map_err(|_| Ended)?;
            Err::<(), _>(Ended)
        });
        given_up.await.expect_err("as it says");
        assert_eq!((count(&app, "courses").await, count(&app, "lessons").await), (1, 1));
        assert_eq!(app.instructor().get("/courses").await.is(200).column("title"), ["Whole"]);
    }

    // 3.39: a refusal that is swallowed does not leave its row behind
    async fn a_refused_write_dooms_its_transaction(app: TestApp) {
        let registry = app.lms.app.registry();
        let by = Principal::user(app.instructor().id(), "instructor");
        let foreign = published(&app.other_instructor(), "Foreign").await;
        let foreign: Uuid = id(&foreign).parse().expect("a UUID");
        let (registry_, by_) = (registry, &by);
        let done = app.lms.app.db().transaction(async move |tx| {
            let cx = Context::within(registry_, tx, by_);
            let refused = cx.create::<Lesson>(new_lesson(foreign)).await;
            assert!(matches!(refused, Err(Error::Forbidden(_))));
            Ok::<(), Ended>(())
        });
        done.await.expect_err("the lesson must not stand");
        assert_eq!(count(&app, "lessons").await, 0);
    }

    // 1.02: the rules hold for every transport, not for HTTP alone
    async fn the_operations_ask_the_policy_without_http(app: TestApp) {
        let course = draft(&app.instructor(), "Draft").await;
        let draft: Uuid = id(&course).parse().expect("a UUID");
        let student = Principal::user(app.student().id(), "student");
        let cx = app.lms.app.on_behalf(&student);
        assert!(matches!(cx.get::<Course>(draft).await, Err(Error::NotFound(_))));
        assert!(matches!(cx.delete::<Course>(draft).await, Err(Error::NotFound(_))));
        let created = cx.create::<Course>(new_course("x")).await;
        let Err(Error::Forbidden(reason)) = created.map(|course| course.id) else {
            panic!("a student cannot create a course")
        };
        assert_eq!(reason, "Only instructors can create courses");
        let instructor = Principal::user(app.instructor().id(), "instructor");
        let blank = CourseCreate { title: String::new(), ..new_course("x") };
        let refused = app.lms.app.on_behalf(&instructor).create::<Course>(blank).await;
        assert!(matches!(refused.map(|course| course.id), Err(Error::Invalid(_))));
    }

    // 1.01: what a row becomes, value by value
    async fn a_row_becomes_the_dto_and_the_json_that_say_the_same(app: TestApp) {
        let by = app.instructor();
        let body = json!({"title": "T", "difficulty_level": "beginner", "metadata": {"a": [1.5]},
            "estimated_duration_minutes": 7, "properties": {"b": null}});
        let path = made(&by, "/courses", body).await;
        let json = by.get(&path).await.is(200).json;
        let system = Principal::system();
        let key: Uuid = id(&path).parse().expect("a UUID");
        let dto = app.lms.app.on_behalf(&system).get::<Course>(key).await.expect("it is there");
        assert_eq!(serde_json::to_value(&dto).expect("it is JSON"), json);
        // 3.15: an enum goes over the wire as its value.
        assert_eq!(json["difficulty_level"], "beginner");
        let at = json["created_at"].as_str().expect("a time");
        assert!(at.len() == 27 && at.ends_with('Z'), "{at}");
        // A lesson in the same words.
        let lesson = lesson(&by, &path, 1).await;
        let json = by.get(&lesson).await.is(200).json;
        let key: Uuid = id(&lesson).parse().expect("a UUID");
        let dto = app.lms.app.on_behalf(&system).get::<Lesson>(key).await.expect("it is there");
        assert_eq!(serde_json::to_value(&dto).expect("it is JSON"), json);
    }
}

/// Adds one to the name, `times` times, by read and conditional write. Gives how often it came late.
async fn count_up(by: &Client, path: &str, times: u64) -> u64 {
    let mut late = 0;
    for _ in 0..times {
        loop {
            let row = by.get(path).await.is(200);
            tokio::task::yield_now().await;
            let number: u64 = row["name"]
                .as_str()
                .and_then(|n| n.parse().ok())
                .expect("a number");
            let patch = json!({"name": (number + 1).to_string()});
            let call = by
                .request(Method::PATCH, path)
                .header(header::IF_MATCH, row.etag());
            let answer = call.json(patch).send().await;
            if answer.status == 200 {
                break;
            }
            answer.is_problem(412, "precondition_failed");
            late += 1;
        }
    }
    late
}
