//! `GET /things/{id}/history` and `?as_of=`, of entities that declare `history`, and of no other.

use super::{rules, subject::Subject};

rules![what_a_row_was_is_read_again];

async fn what_a_row_was_is_read_again(s: &Subject<'_>) {
    let row = s.row().await;
    let path = s.one(&row.id());
    let then = |at: &str| format!("{path}?as_of={at}");
    if s.r.history.is_none() {
        let reply = s.admin.get(&format!("{path}/history")).await;
        reply.is_problem(404, "not_found");
        let reply = s.admin.get(&then("2100-01-01T00:00:00Z")).await;
        let _ = reply.is_problem(400, "unknown_parameter");
        return;
    }
    let change = s.changes(&row.json).await;
    let changed = s.admin.patch(&path, change).await.is(200);
    let versions = s.admin.get(&format!("{path}/history")).await.is(200);
    let [latest, first] = versions.items() else {
        panic!("there are two versions\n{versions}");
    };
    Subject::same(&latest["row"], &changed.json, "the latest version");
    Subject::same(&first["row"], &row.json, "the first version");
    assert_eq!(
        (&latest["action"], &first["action"]),
        (&"update".into(), &"create".into())
    );
    let at = first["at"].as_str().unwrap_or_default();
    let old = s.admin.get(&then(at)).await.is(200);
    assert_eq!((&old.json, old.etag()), (&row.json, row.etag()));
    s.admin.delete(&path).await.is(204);
    let old = s.admin.get(&then(at)).await.is(200);
    assert_eq!(old.json, row.json);
    s.admin
        .get(&then("2100-01-01T00:00:00Z"))
        .await
        .is_problem(404, "not_found");
    let hidden = s.suite.stranger.get(&format!("{path}/history")).await;
    hidden.is_problem(404, "not_found");
}
