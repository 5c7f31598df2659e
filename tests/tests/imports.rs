//! `POST /things/import`: new rows from a file, all or none, refused by the line.

use axum::http::Method;
use crud_core::testing::{Client, Reply, on_both};
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    once::KEY,
    steps::{count, made},
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
    }
}
