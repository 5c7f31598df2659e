//! Ways around the rules that were once open.

use crud_core::testing::on_both;
use serde_json::json;
use tests::TestApp;

on_both! {
    async fn a_list_as_body_sets_no_field_that_is_only_read(app: TestApp) {
        let student = app.student();
        let path = format!("/users/{}", student.id());
        let before = student.get(&path).await.is(200);
        // Serde reads a struct from a list too, by position.
        let body = json!(["student@test.example", "Me", "admin", true]);
        student.patch(&path, body.clone()).await.is_problem(422, "invalid");
        student.put(&path, body).await.is_problem(422, "invalid");
        assert_eq!(student.get(&path).await.json, before.json);
    }
}
