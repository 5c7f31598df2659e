//! What the policies must not let through: foreign rows, new values, references, roles by name.

use axum::http::{Method, header};
use crud_core::{
    Error, Principal,
    testing::{Client, Reply, on_both},
};
use lms_server::entities::course::{Course, CourseUpdate};
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{NOBODY, draft, id, lesson, lesson_body, made, published};

/// Everything that two refusals must have in common.
fn face(reply: Reply) -> (u16, Value) {
    let mut body = reply.json;
    body.as_object_mut().map(|body| body.remove("request_id"));
    (reply.status.as_u16(), body)
}

fn module(course: &str) -> Value {
    json!({"title": "Module", "course_id": course})
}

/// Another instructor's draft, with a module and a lesson in it.
async fn foreign(app: &TestApp) -> [String; 3] {
    let other = app.other_instructor();
    let course = draft(&other, "Foreign").await;
    let module = made(&other, "/modules", module(id(&course))).await;
    let lesson = lesson(&other, &course, 1).await;
    [course, module, lesson]
}

on_both! {
    // 2.24, 3.37
    async fn what_hangs_on_a_draft_is_hidden_with_it(app: TestApp) {
        let [course, module, lesson] = foreign(&app).await;
        for client in [app.anonymous(), app.student(), app.instructor()] {
            for path in [&course, &module, &lesson] {
                client.get(path).await.is_problem(404, "not_found");
            }
            for list in ["/courses", "/modules", "/lessons"] {
                assert_eq!(client.get(list).await.is(200).total(), 0, "{list}");
            }
        }
        let owner = app.other_instructor();
        owner.patch(&course, json!({"is_published": true})).await.is(200);
        for path in [&course, &module, &lesson] {
            app.anonymous().get(path).await.is(200);
        }
        // An archived course takes its content with it.
        owner.patch(&format!("{course}/archive"), json!({})).await.is(200);
        for path in [&course, &module, &lesson] {
            app.student().get(path).await.is_problem(404, "not_found");
        }
    }

    // Fault 16
    async fn a_course_cannot_be_handed_to_somebody_else(app: TestApp) {
        let course = draft(&app.instructor(), "Mine").await;
        let other = app.other_instructor().id().to_string();
        let hand_on = json!({"title": "Changed", "instructor_id": other});
        app.instructor().patch(&course, hand_on.clone()).await.is_problem(403, "forbidden")
            .says("Not authorized to update this course");
        let kept = app.instructor().get(&course).await.is(200);
        assert_eq!((&kept["title"], &kept["version"]), (&json!("Mine"), &json!(0)));
        let handed = app.admin().patch(&course, hand_on).await.is(200);
        assert_eq!(handed["instructor_id"], other);
        app.other_instructor().patch(&course, json!({"title": "Theirs"})).await.is(200);
        app.instructor().get(&course).await.is_problem(404, "not_found");
    }

    // Fault 16
    async fn a_course_is_not_taken_over_by_replacing_it(app: TestApp) {
        let course = published(&app.instructor(), "Theirs").await;
        let whole = json!({"title": "New", "is_published": true});
        app.other_instructor().put(&course, whole.clone()).await.is_problem(403, "forbidden");
        let replaced = app.admin().put(&course, whole).await.is(200);
        assert_eq!(replaced["title"], "New");
        assert_eq!(replaced["instructor_id"], app.instructor().id().to_string());
    }

    // Fault 16, 17
    async fn lessons_and_modules_stay_in_courses_of_their_instructor(app: TestApp) {
        let by = app.instructor();
        let own = draft(&by, "Own").await;
        let other = published(&app.other_instructor(), "Other").await;
        let inside = lesson(&by, &own, 1).await;
        let part = made(&by, "/modules", module(id(&own))).await;
        let moved = json!({"course_id": id(&other)});
        for (endpoint, body) in [("/lessons", lesson_body(id(&other), 1)), ("/modules", module(id(&other)))] {
            by.post(endpoint, body).await.is_problem(403, "forbidden").says("Only the course's instructor");
        }
        for path in [&inside, &part] {
            by.patch(path, moved.clone()).await.is_problem(403, "forbidden");
            assert_eq!(by.get(path).await.is(200)["course_id"], id(&own), "{path}");
        }
        by.put(&inside, lesson_body(id(&other), 1)).await.is_problem(403, "forbidden");
        // Leaving every course would make it the administrators'.
        by.patch(&part, json!({"course_id": null})).await.is_problem(403, "forbidden");
        let second = draft(&by, "Second").await;
        by.patch(&inside, json!({"course_id": id(&second)})).await.is(200);
    }

    // 2.25
    async fn a_reference_to_nothing_and_to_a_hidden_row_answer_alike(app: TestApp) {
        let by = app.instructor();
        let [course, module_of_other, _] = foreign(&app).await;
        let own = draft(&by, "Own").await;
        let inside = lesson(&by, &own, 1).await;
        let within = |module: &str| {
            let mut body = lesson_body(id(&own), 2);
            body["module_id"] = json!(module);
            body
        };
        let (hidden, part) = (id(&course), id(&module_of_other));
        for (endpoint, to_hidden, to_nothing) in [
            ("/lessons", lesson_body(hidden, 1), lesson_body(NOBODY, 1)),
            ("/modules", module(hidden), module(NOBODY)),
            ("/lessons", within(part), within(NOBODY)),
        ] {
            let hidden = face(by.post(endpoint, to_hidden.clone()).await);
            assert_eq!(hidden.0, 403, "{to_hidden}");
            assert_eq!(hidden, face(by.post(endpoint, to_nothing).await), "{to_hidden}");
        }
        for field in ["course_id", "module_id"] {
            let other = if field == "course_id" { hidden } else { part };
            let hidden = face(by.patch(&inside, json!({field: other})).await);
            assert_eq!(hidden.0, 403, "{field}");
            assert_eq!(hidden, face(by.patch(&inside, json!({field: NOBODY})).await), "{field}");
        }
        // Who may refer to every row is told that there is none.
        let refused = app.admin().post("/lessons", lesson_body(NOBODY, 1)).await;
        refused.is_problem(409, "foreign_key").names(&["/course_id"]);
        let course = app.admin().patch(&own, json!({"instructor_id": NOBODY})).await;
        course.is_problem(409, "foreign_key").names(&["/instructor_id"]);
    }

    // 2.25
    async fn a_lesson_is_put_into_modules_of_its_own_instructor(app: TestApp) {
        let by = app.instructor();
        let course = draft(&by, "Own").await;
        let part = made(&by, "/modules", module(id(&course))).await;
        let inside = lesson(&by, &course, 1).await;
        let put = by.patch(&inside, json!({"module_id": id(&part)})).await.is(200);
        assert_eq!(put["module_id"], id(&part));
        let out = by.patch(&inside, json!({"module_id": null, "title": "Out"})).await.is(200);
        assert!(out["module_id"].is_null());
        by.patch(&inside, json!({"module_id": id(&part)})).await.is(200);
        by.delete(&part).await.is(204);
        assert!(by.get(&inside).await.is(200)["module_id"].is_null());
    }

    // Fault 15
    async fn a_role_counts_by_its_whole_name_only(app: TestApp) {
        let registry = app.lms.app.registry();
        let claims = |role: &str| registry.claims(&Principal::user(app.student().id(), role));
        let nothing = claims("student");
        for role in ["course_admin", "_admin", "Admin", "admin ", "administrator", "adm", "", "root"] {
            assert_eq!(claims(role), nothing, "{role}");
        }
        assert!(claims("admin").len() > nothing.len());
        for role in ["course_admin", "Admin"] {
            let user = format!("/users/{}", app.student().id());
            app.admin().patch(&user, json!({"role": role})).await.is_problem(422, "invalid")
                .names(&["/role"]);
        }
    }

    // Fault 14: what was granted for one thing answers no later question about another
    async fn a_right_to_one_thing_is_no_right_to_another(app: TestApp) {
        let own = published(&app.instructor(), "Own").await;
        let other = published(&app.other_instructor(), "Other").await;
        let [own, other] = [own, other].map(|path| id(&path).parse().expect("a UUID"));
        let by = Principal::user(app.instructor().id(), "instructor");
        let rename = || serde_json::from_value::<CourseUpdate>(json!({"title": "T"})).expect("a patch");
        // In one context, as one request has it: first what is granted, then what is not, and again.
        let cx = app.lms.app.on_behalf(&by);
        for _ in 0..2 {
            cx.get::<Course>(own).await.expect("his own");
            cx.get::<Course>(other).await.expect("it is published");
            cx.update::<Course>(own, rename()).await.expect("his own");
            let refused = cx.update::<Course>(other, rename()).await;
            assert!(matches!(refused.map(|row| row.id), Err(Error::Forbidden(_))));
            assert!(matches!(cx.delete::<Course>(other).await, Err(Error::Forbidden(_))));
        }
        // The same caller in another role has the other role's rights.
        let student = Principal::user(app.instructor().id(), "student");
        let cx = app.lms.app.on_behalf(&student);
        let new = serde_json::from_value(json!({"title": "T"})).expect("a course");
        let refused = cx.create::<Course>(new).await;
        assert!(matches!(refused.map(|row| row.id), Err(Error::Forbidden(_))));
    }

    // 0.05, 3.32, fault 19
    async fn organizations_are_kept_by_administrators(app: TestApp) {
        let path = made(&app.admin(), "/organizations", json!({"name": "Org"})).await;
        let archive = format!("{path}/archive");
        for (client, status, code) in [
            (app.anonymous(), 401, "unauthenticated"),
            (app.student(), 403, "forbidden"),
            (app.instructor(), 403, "forbidden"),
        ] {
            client.get(&path).await.is(200);
            for refused in [
                client.post("/organizations", json!({"name": "x"})).await,
                client.patch(&path, json!({"name": "x"})).await,
                client.put(&path, json!({"name": "x"})).await,
                client.patch(&archive, json!({})).await,
                client.delete(&path).await,
            ] {
                refused.is_problem(status, code);
            }
        }
        for admin in [app.admin(), app.other_admin()] {
            admin.patch(&archive, json!({})).await.is(200);
            admin.patch(&format!("{path}/restore"), json!({})).await.is(200);
        }
    }

    // Whatever is asked for, and of whom: the cache, a statement, an include, an export.
    async fn what_hangs_on_an_archived_course_is_hidden_until_it_is_restored(app: TestApp) {
        let by = app.instructor();
        let course = published(&by, "Course").await;
        let lesson = lesson(&by, &course, 1).await;
        let shown = async |by: &Client| {
            let got = by.get(&lesson).await.status == 200;
            let any = by.get(&format!("{lesson}?archived=any")).await.status == 200;
            let query = format!("/lessons?course_id={}&archived=any", id(&course));
            let listed = by.get(&query).await.is(200).total();
            let include = by.get(&format!("{course}?include=lessons&archived=any")).await;
            let included = include["lessons"].as_array().map_or(0, Vec::len);
            let lines = by.get(&query.replace('?', "?format=ndjson&")).await.is(200).bytes.len();
            (got, any, listed, included, lines > 0)
        };
        for client in [app.anonymous(), app.student(), by.clone(), app.admin()] {
            assert_eq!(shown(&client).await, (true, true, 1, 1, true));
            by.patch(&format!("{course}/archive"), json!({})).await.is(200);
            assert_eq!(shown(&client).await, (false, false, 0, 0, false));
            by.patch(&format!("{course}/restore"), json!({})).await.is(200);
        }
    }

    // Fault 19: whoever may change a course may archive it
    async fn an_instructor_archives_and_restores_his_course(app: TestApp) {
        let course = published(&app.instructor(), "Course").await;
        let (away, back) = (format!("{course}/archive"), format!("{course}/restore"));
        app.student().patch(&away, json!({})).await.is_problem(403, "forbidden")
            .says("Not authorized to archive this course");
        let archived = app.instructor().patch(&away, json!({})).await.is(200);
        assert!(archived["archived_at"].is_string());
        app.student().get(&course).await.is_problem(404, "not_found");
        let restored = app.instructor().patch(&back, json!({})).await.is(200);
        assert!(restored["archived_at"].is_null());
        app.student().get(&course).await.is(200);
    }

    // API1: what was read as its owner is no key to it
    async fn a_tag_of_a_hidden_row_opens_nothing(app: TestApp) {
        let course = draft(&app.instructor(), "Draft").await;
        let tag = app.instructor().get(&course).await.is(200).etag();
        let asked = async |client: Client, method: Method| {
            let call = client.request(method, &course).header(header::IF_NONE_MATCH, tag.clone());
            call.send().await.status.as_u16()
        };
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(asked(app.instructor(), method.clone()).await, 304);
            assert_eq!(asked(app.student(), method.clone()).await, 404);
            assert_eq!(asked(app.anonymous(), method).await, 404);
        }
    }
}
