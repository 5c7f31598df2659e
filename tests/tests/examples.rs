//! Examples, word for word as the backend guide has them.

use crud_core::testing::on_both;
use serde_json::{Value, json};
use tests::TestApp;

use crate::steps::{count, id, made, run};

on_both! {
    // 3.12, 3.17, 3.18, 3.27, 3.28
    async fn an_example_has_the_guides_fields(app: TestApp) {
        let by = app.admin();
        let organization = made(&by, "/organizations", json!({"name": "Org"})).await;
        let short = by.post("/examples", json!({"name": "  First "})).await.is(201);
        for (field, value) in [
            ("name", json!("First")),
            ("description", Value::Null),
            ("is_active", json!(true)),
            ("organization_id", Value::Null),
            ("properties", Value::Null),
            ("archived_at", Value::Null),
            ("display_name", json!("First (Active)")),
        ] {
            assert_eq!(short[field], value, "{field}");
        }
        let whole = json!({
            "name": "x".repeat(255), "description": "d".repeat(4096), "is_active": false,
            "organization_id": id(&organization), "properties": {"colour": "red"},
        });
        let long = by.post("/examples", whole.clone()).await.is(201);
        for (field, value) in whole.as_object().into_iter().flatten() {
            assert_eq!(&long[field], value, "{field}");
        }
        let got = app.anonymous().get(&format!("/examples/{}", long.id())).await.is(200);
        assert_eq!(got["display_name"], format!("{} (Inactive)", "x".repeat(255)));
        assert_eq!(got.json, long.json);
    }

    // 3.12, 3.14, 3.20
    async fn the_limits_of_an_example_are_kept(app: TestApp) {
        let by = app.admin();
        let path = made(&by, "/examples", json!({"name": "Example"})).await;
        for (name, value) in [
            ("name", json!("x".repeat(256))),
            ("name", json!(1)),
            ("description", json!("x".repeat(4097))),
            ("is_active", json!("yes")),
            ("organization_id", json!("no id")),
            ("properties", json!([1])),
            ("display_name", json!("Mine")),
        ] {
            let mut body = json!({"name": "Example"});
            body[name] = value.clone();
            let field = format!("/{name}");
            by.post("/examples", body).await.is_problem(422, "invalid").names(&[&field]);
            by.patch(&path, json!({name: value})).await.is_problem(422, "invalid")
                .names(&[&field]);
        }
        for blank in ["", "   "] {
            for refused in [
                by.post("/examples", json!({"name": blank})).await,
                by.patch(&path, json!({"name": blank})).await,
                by.put(&path, json!({"name": blank})).await,
            ] {
                refused.is_problem(422, "invalid").names(&["/name"])
                    .says("Name cannot be empty");
            }
        }
    }

    // 3.18
    async fn the_display_name_follows_what_it_is_made_of(app: TestApp) {
        let by = app.admin();
        let path = made(&by, "/examples", json!({"name": "A \"quoted\" Name"})).await;
        let off = by.patch(&path, json!({"is_active": false})).await.is(200);
        assert_eq!(off["display_name"], "A \"quoted\" Name (Inactive)");
        let named = by.patch(&path, json!({"name": "Ünï\u{1f600}"})).await.is(200);
        assert_eq!(named["display_name"], "Ünï\u{1f600} (Inactive)");
        let put = by.put(&path, json!({"name": "New"})).await.is(200);
        assert_eq!(put["display_name"], "New (Active)");
        for path in [format!("{path}/archive"), format!("{path}/restore")] {
            assert_eq!(by.patch(&path, json!({})).await.is(200)["display_name"], "New (Active)");
        }
        for parameter in ["display_name=New", "sort=display_name"] {
            app.anonymous().get(&format!("/examples?{parameter}")).await.is(400);
        }
    }

    // 3.13, 3.18
    async fn the_document_says_that_it_is_read_only(app: TestApp) {
        let document = app.anonymous().at_root().get("/openapi.json").await.is(200).json;
        let schemas = &document["components"]["schemas"];
        let field = &schemas["ExampleGet"]["properties"]["display_name"];
        assert_eq!((&field["readOnly"], &field["type"]), (&json!(true), &json!("string")));
        assert_eq!(field["description"], "The name, and whether it is in use.");
        for dto in ["ExampleCreate", "ExampleUpdate", "ExampleList"] {
            assert!(schemas[dto]["properties"]["name"].is_object(), "{dto}");
            assert!(schemas[dto]["properties"].get("display_name").is_none(), "{dto}");
        }
    }

    // 3.19, 3.21, 3.22, 3.23
    async fn examples_are_found_as_the_guide_says(app: TestApp) {
        let by = app.admin();
        let organization = made(&by, "/organizations", json!({"name": "Org"})).await;
        let of = id(&organization).to_owned();
        for body in [
            json!({"name": "Alpha One"}),
            json!({"name": "alpha two", "is_active": false}),
            json!({"name": "Beta", "organization_id": of}),
        ] {
            made(&by, "/examples", body).await;
        }
        let away = made(&by, "/examples", json!({"name": "Alpha gone"})).await;
        by.patch(&format!("{away}/archive"), json!({})).await.is(200);
        for (query, names) in [
            ("name=ALPHA&sort=name", vec!["Alpha One", "alpha two"]),
            ("is_active=false", vec!["alpha two"]),
            ("is_active=true&sort=name", vec!["Alpha One", "Beta"]),
            (&*format!("organization_id={of}"), vec!["Beta"]),
            ("archived=true", vec!["Alpha gone"]),
            ("archived=false&sort=name", vec!["Alpha One", "Beta", "alpha two"]),
            ("name=%25", vec![]),
            ("skip=1&limit=1&sort=name", vec!["Beta"]),
        ] {
            let found = app.anonymous().get(&format!("/examples?{query}")).await.is(200);
            assert_eq!(found.column("name"), names, "{query}");
        }
        let list = app.anonymous().get("/examples").await.is(200);
        let mut fields: Vec<_> = list.items()[0].as_object().into_iter().flatten()
            .map(|(name, _)| name.as_str()).collect();
        fields.sort_unstable();
        let light = ["archived_at", "created_at", "id", "is_active", "name", "updated_at", "version"];
        assert_eq!(fields, light);
    }

    // 3.25, 3.37
    async fn administrators_keep_examples(app: TestApp) {
        let path = made(&app.admin(), "/examples", json!({"name": "E"})).await;
        for other in [app.student(), app.instructor()] {
            other.post("/examples", json!({"name": "x"})).await.is_problem(403, "forbidden")
                .says("Only administrators can change examples");
            other.patch(&path, json!({"name": "x"})).await.is_problem(403, "forbidden");
            other.delete(&path).await.is_problem(403, "forbidden");
        }
        app.anonymous().post("/examples", json!({"name": "x"})).await
            .is_problem(401, "unauthenticated");
    }

    // 3.09
    async fn an_example_goes_with_its_organization(app: TestApp) {
        let by = app.admin();
        let organization = made(&by, "/organizations", json!({"name": "Org"})).await;
        let body = json!({"name": "Inside", "organization_id": id(&organization)});
        let inside = by.post("/examples", body).await.is(201);
        made(&by, "/examples", json!({"name": "Outside"})).await;
        // From either side.
        let of = inside["organization_id"].as_str().unwrap_or_default();
        by.get(&format!("/organizations/{of}")).await.is(200);
        let all = by.get(&format!("/examples?organization_id={of}")).await.is(200);
        assert_eq!(all.column("name"), ["Inside"]);
        let nowhere = json!({"name": "x", "organization_id": crate::steps::NOBODY});
        by.post("/examples", nowhere).await.is_problem(409, "foreign_key")
            .names(&["/organization_id"]);
        by.delete(&organization).await.is(204);
        assert_eq!(by.get("/examples").await.is(200).column("name"), ["Outside"]);
    }

    // 3.08
    async fn a_row_made_without_the_api_gets_the_defaults(app: TestApp) {
        let author = app.admin().id().to_string();
        let sql = "INSERT INTO examples (name, created_by) VALUES ('By hand', ?)";
        run(&app, sql, &author).await.expect("every other column has a default");
        let list = app.anonymous().get("/examples").await.is(200);
        assert_eq!((&list.items()[0]["is_active"], &list.items()[0]["version"]), (&json!(true), &json!(0)));
        let long = format!("INSERT INTO examples (name, created_by) VALUES ('{}', ?)", "x".repeat(256));
        run(&app, &long, &author).await.expect_err("the name is too long");
        assert_eq!(count(&app, "examples").await, 1);
    }
}
