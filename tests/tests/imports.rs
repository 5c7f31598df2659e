//! `POST /things/import`: new rows from a file, all or none, refused by the line.

use axum::{
    body::Body,
    extract::Request,
    http::{Method, header},
};
use crud_core::testing::{Client, Reply, on_both};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Value, json};
use tests::TestApp;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::{
    once::KEY,
    steps::{count, draft, id, lesson, lesson_body, made, published},
};

const NDJSON: &str = "application/x-ndjson";

async fn import(by: &Client, path: &str, kind: &str, file: impl Into<Vec<u8>>) -> Reply {
    let path = format!("{path}/import");
    by.request(Method::POST, &path)
        .body(kind, file)
        .send()
        .await
}

/// Lines of JSON.
fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// The courses without what the server sets.
async fn courses(by: &Client) -> Vec<Value> {
    let mut rows = by
        .get("/courses?sort=title&page_size=100")
        .await
        .is(200)
        .items()
        .to_vec();
    for row in &mut rows {
        let row = row.as_object_mut().expect("a row");
        for own in [
            "id",
            "version",
            "created_at",
            "updated_at",
            "created_by",
            "updated_by",
        ] {
            row.remove(own);
        }
    }
    rows
}

on_both! {
    async fn what_was_exported_can_be_imported(app: TestApp) {
        let by = app.instructor();
        for (i, title) in ["Plain", "=1+1", "'=1", "'quoted'", "a,\"b\"\r\nc", "ÄÖ — 日本", "-a", "12", "null", "true"]
            .into_iter().enumerate()
        {
            let body = json!({"title": title, "category": if i % 2 == 0 { Some("x") } else { None },
                "estimated_duration_minutes": if i % 3 == 0 { Some(i + 1) } else { None },
                "difficulty_level": if i % 4 == 0 { Some("beginner") } else { None }, "is_published": i % 2 == 1});
            made(&by, "/courses", body).await;
        }
        let before = courses(&by).await;
        assert_eq!(before.len(), 10);
        for (format, kind) in [("ndjson", NDJSON), ("csv", "text/csv; charset=utf-8; header=present")] {
            let file = by.get(&format!("/courses?format={format}")).await.is(200).bytes;
            let taken = import(&by, "/courses", kind, file.clone()).await.is_problem(409, "unique");
            let first = if format == "csv" { "/2/slug" } else { "/1/slug" };
            assert_eq!(taken.faults(), [(first, "unique")]);
            let ids = by.get("/courses?fields=id&page_size=100").await.is(200).column("id");
            by.request(Method::DELETE, "/courses/bulk").json(json!(ids)).send().await.is(204);
            let done = import(&by, "/courses", kind, file).await.is(201);
            assert_eq!(done.json, json!({"created": 10}), "{format}");
            assert_eq!(courses(&by).await, before, "{format}");
        }
    }

    async fn a_file_is_refused_by_the_line_and_leaves_nothing(app: TestApp) {
        let by = app.admin();
        let ok = "{\"name\": \"One\"}\r\n";
        for (file, faults) in [
            (format!("{ok}\n{{\"name\": \" \"}}\n{{\"nam\": 1}}"), vec![("/3/name", "length"), ("/4/name", "required"), ("/4/nam", "unknown_field")]),
            (format!("{ok}[1]\n"), vec![("/2", "type")]),
            (String::new(), vec![("", "length")]),
            // A mark of the order of bytes, and many empty lines.
            (format!("\u{feff}{ok}{}null", "\r\n".repeat(5000)), vec![("/5002", "type")]),
            ("\n \n".to_owned(), vec![("", "length")]),
        ] {
            let refused = import(&by, "/organizations", NDJSON, file.clone()).await.is_problem(422, "invalid");
            let mut found = refused.faults();
            found.sort_unstable();
            let mut faults = faults;
            faults.sort_unstable();
            assert_eq!(found, faults, "{file}");
        }
        let broken = import(&by, "/organizations", NDJSON, format!("{ok}{{\"name\"\n")).await;
        assert_eq!(broken.is_problem(400, "malformed_json").faults(), [("/2", "malformed_json")]);
        for (file, fault) in [
            ("name,what\na,b\n", ("/1", "unknown_field")),
            ("name,name\na,b\n", ("/1", "repeated_field")),
            ("name,description\na,b\n\"c\nd\",e\nf\n", ("/5", "csv")),
            ("\u{feff}\"name\",description\r\na,b\r\n\r\n\r\n\"c\r\nd\",e\r\n\r\n \t,f\r\n", ("/8/name", "length")),
            ("description\nx\n", ("/2/name", "required")),
        ] {
            let refused = import(&by, "/organizations", "text/csv", file).await.is_problem(422, "invalid");
            assert_eq!(refused.faults(), [fault], "{file}");
        }
        // Far in, where others are written already.
        let mut rows: Vec<_> = (0..700).map(|n| json!({"title": format!("Course {n}"), "slug": format!("course-{n}")})).collect();
        rows[650]["slug"] = "course-3".into();
        let refused = import(&app.instructor(), "/courses", NDJSON, lines(&rows)).await.is_problem(409, "unique");
        assert_eq!(refused.faults(), [("/651/slug", "unique")]);
        assert_eq!((count(&app, "courses").await, count(&app, "organizations").await), (0, 0));
        rows[650]["slug"] = "course-650".into();
        import(&app.instructor(), "/courses", NDJSON, lines(&rows)).await.is(201);
        assert_eq!(count(&app, "courses").await, 700);
        let of_caller = format!("/courses?total=exact&instructor_id={}", app.instructor().id());
        assert_eq!(app.instructor().get(&of_caller).await.is(200).total(), 700);
    }

    async fn a_file_has_bounds_and_a_type(app: TestApp) {
        let by = app.admin();
        let row = "{\"name\": \"One\"}\n";
        import(&by, "/organizations", "application/json", row).await.is_problem(415, "unsupported_media_type");
        import(&by, "/organizations", "text/plain", row).await.is_problem(415, "unsupported_media_type");
        let named = by.request(Method::POST, "/organizations/import?format=ndjson").body("text/plain", row);
        named.send().await.is(201);
        let odd = by.request(Method::POST, "/organizations/import?format=xml").body(NDJSON, row);
        assert_eq!(odd.send().await.is_problem(422, "invalid").faults(), [("format", "enum")]);
        let odd = by.request(Method::POST, "/organizations/import?x=1").body(NDJSON, row);
        odd.send().await.is_problem(400, "unknown_parameter");
        let many = import(&by, "/organizations", NDJSON, row.repeat(10_001)).await.is_problem(422, "invalid");
        assert_eq!(many.faults(), [("", "length")]);
        let large = "\n".repeat(16 * 1024 * 1024 + 1);
        import(&by, "/organizations", NDJSON, large).await.is_problem(413, "too_large");
        assert_eq!(count(&app, "organizations").await, 1);
    }

    async fn only_who_may_create_imports_and_a_key_does_it_once(app: TestApp) {
        let row = "{\"name\": \"One\"}\n";
        import(&app.anonymous(), "/organizations", NDJSON, row).await.is_problem(401, "unauthenticated");
        import(&app.student(), "/organizations", NDJSON, "no row at all").await.is_problem(403, "forbidden");
        let once = async || {
            let by = app.admin();
            let call = by.request(Method::POST, "/organizations/import").header(KEY, "file-1");
            call.body(NDJSON, row.repeat(3)).send().await.is(201)
        };
        let (first, second) = (once().await, once().await);
        assert_eq!(first.json, json!({"created": 3}));
        assert_eq!(second.json, first.json);
        assert_eq!(second.header("idempotent-replayed"), Some("true"));
        assert_eq!(count(&app, "organizations").await, 3);
        let by = app.admin();
        let other = by.request(Method::POST, "/organizations/import").header(KEY, "file-1").body(NDJSON, row);
        other.send().await.is_problem(422, "idempotency_key");
        // A refused file used no key.
        let call = || app.admin();
        let refused = call().request(Method::POST, "/organizations/import").header(KEY, "file-2").body(NDJSON, "{}").send().await;
        refused.is_problem(422, "invalid");
        call().request(Method::POST, "/organizations/import").header(KEY, "file-2").body(NDJSON, row).send().await.is(201);
        assert_eq!(count(&app, "organizations").await, 4);
    }

    // Each row is under the rules of `POST`, those too that only the database can tell.
    async fn a_line_that_the_policy_refuses_undoes_the_others(app: TestApp) {
        let by = app.instructor();
        let (own, other) = (draft(&by, "Own").await, draft(&app.other_instructor(), "Other").await);
        let mut rows: Vec<_> = (0..300).map(|n| lesson_body(id(&own), n)).collect();
        rows[280]["course_id"] = id(&other).into();
        let single = by.post("/lessons", rows[280].clone()).await;
        let refused = import(&by, "/lessons", NDJSON, lines(&rows)).await.is_problem(403, "forbidden");
        assert_eq!((refused.faults(), &refused["detail"]), (vec![("/281", "forbidden")], &single["detail"]));
        rows[280]["course_id"] = crate::steps::NOBODY.into();
        let nothing = import(&by, "/lessons", NDJSON, lines(&rows)).await.is_problem(403, "forbidden");
        assert_eq!((nothing.faults(), &nothing["detail"]), (refused.faults(), &refused["detail"]));
        assert_eq!(count(&app, "lessons").await, 0);
    }

    async fn a_file_sets_no_field_that_its_sender_may_not(app: TestApp) {
        let student = app.student();
        let file = format!("assessment_id,content,submitted_day\r\n{0},x,\r\n{0},x,5\r\n", crate::steps::NOBODY);
        let refused = import(&student, "/submissions", "text/csv", file).await.is_problem(403, "forbidden_field");
        assert_eq!(refused.faults(), [("/3/submitted_day", "forbidden_field")]);
        let who = import(&student, "/projects", "text/csv", "created_by,name\nx,y\n").await;
        assert_eq!(who.is_problem(422, "invalid").faults(), [("/1", "unknown_field")]);
        let hash = import(&app.admin(), "/users", NDJSON, "{\"password_hash\": \"x\", \"email\": \"a@b.example\", \"full_name\": \"A\"}").await;
        assert_eq!(hash.is_problem(422, "invalid").faults(), [("/1/password_hash", "unknown_field")]);
    }

    async fn hooks_run_for_every_line(app: TestApp) {
        let (by, course) = (app.admin(), published(&app.instructor(), "Open").await);
        for order in 1..=3 {
            lesson(&app.instructor(), &course, order).await;
        }
        let row = |student: &Client, course: &str| format!("{},{}\n", student.id(), id(course));
        let file = format!("student_id,course_id\n{}{}", row(&app.student(), &course), row(&app.other_student(), &course));
        let twice = format!("{file}{}", row(&app.student(), &course));
        let refused = import(&by, "/enrollments", "text/csv", twice).await.is_problem(409, "enrolled");
        assert_eq!(refused.faults(), [("/4", "enrolled")]);
        let hidden = draft(&app.instructor(), "Draft").await;
        let refused = import(&by, "/enrollments", "text/csv", format!("{file}{}", row(&app.student(), &hidden))).await;
        assert_eq!(refused.is_problem(409, "unpublished").faults(), [("/4", "unpublished")]);
        assert_eq!(count(&app, "lesson_progress").await, 0);
        import(&by, "/enrollments", "text/csv", file).await.is(201);
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (2, 6));
    }

    async fn what_is_imported_is_seen_at_once_and_is_the_first_version(app: TestApp) {
        let by = app.instructor();
        assert_eq!(by.get("/courses").await.is(200).total(), 0);
        import(&by, "/courses", NDJSON, "{\"title\": \"One\"}").await.is(201);
        let page = by.get("/courses").await.is(200);
        assert_eq!(page.total(), 1);
        let path = format!("/courses/{}", page.items()[0]["id"].as_str().unwrap());
        let versions = by.get(&format!("{path}/history")).await.is(200);
        assert_eq!((versions.total(), &versions.items()[0]["action"]), (1, &json!("create")));
    }

    async fn json_comes_back_as_it_was(app: TestApp) {
        let by = app.instructor();
        let values = ["{\"b\":[null,\"'=1\",\"=1\"],\"a\":2}", "{\"n\":1.0000000000000002}", "{\"t\":\"a\\r\\n\\\"b\"}", "{}"];
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["metadata", "title"]).unwrap();
        for (n, value) in values.iter().enumerate() {
            file.write_record([*value, &format!("T{n}")]).unwrap();
        }
        import(&by, "/courses", "text/csv", file.into_inner().unwrap()).await.is(201);
        let mut found: Vec<(String, Value)> = Vec::new();
        for course in by.get("/courses?sort=title").await.is(200).items() {
            let row = by.get(&format!("/courses/{}", course["id"].as_str().unwrap())).await.is(200);
            found.push((row["title"].to_string(), row["metadata"].clone()));
        }
        let expected = values.iter().enumerate().map(|(n, value)| (format!("\"T{n}\""), serde_json::from_str(value).unwrap()));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    // A header of a million names is read up to the first hundred that are none.
    async fn a_file_cannot_be_made_to_cost_more_than_it_weighs(app: TestApp) {
        let by = app.admin();
        for head in ["x,".repeat(1_000_000), "name,".repeat(1_000_000)] {
            let refused = import(&by, "/organizations", "text/csv", format!("{head}\na\n")).await;
            assert_eq!(refused.is_problem(422, "invalid").faults().len(), 100);
        }
        let refused = import(&by, "/organizations", NDJSON, "{}\n".repeat(5000)).await;
        assert_eq!(refused.is_problem(422, "invalid").faults().len(), 100);
    }

    // Kills: as many files in memory as there are clients
    async fn only_so_many_files_are_taken_at_once(app: TestApp) {
        const AT_ONCE: usize = 8;
        let (token, _) = app.lms.app.auth().jwt().issue(app.admin().id(), "admin");
        let (reading, (send, sent)) = (Semaphore::new(0), watch::channel(false));
        let slow = |n: usize| {
            let (reading, mut sent) = (&reading, sent.clone());
            let row = format!("{{\"name\": \"Slow {n}\"}}\n");
            // Its body comes when it is told to.
            let (asked, came) = tokio::sync::oneshot::channel();
            let body = stream::once(async move {
                let _ = asked.send(());
                sent.wait_for(|sent| *sent).await.expect("it is sent");
                Ok::<_, std::convert::Infallible>(row)
            });
            let request = Request::post("/api/v1/organizations/import")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, NDJSON)
                .body(Body::from_stream(body.boxed()))
                .unwrap();
            let answer = app.lms.router().oneshot(request);
            async move {
                let told = async {
                    came.await.expect("the body is read");
                    reading.add_permits(1);
                };
                tokio::join!(answer, told).0.unwrap().status().as_u16()
            }
        };
        let all = join_all((0..AT_ONCE).map(slow));
        let next = async {
            let _all = reading.acquire_many(AT_ONCE as u32).await.unwrap();
            let refused = import(&app.admin(), "/courses", NDJSON, "{\"title\": \"One\"}").await;
            let refused = refused.is_problem(503, "unavailable");
            assert!(refused.header("retry-after").is_some());
            send.send(true).unwrap();
        };
        let (statuses, ()) = tokio::join!(all, next);
        assert_eq!(statuses, [201; AT_ONCE]);
        import(&app.admin(), "/organizations", NDJSON, "{\"name\": \"One\"}").await.is(201);
        assert_eq!(count(&app, "organizations").await, AT_ONCE as i64 + 1);
    }
}
