//! `PATCH /things/{id}/archive` and `…/restore`, where the table has `archived_at`.

use axum::http::Method;

use super::{
    rules,
    subject::{Size, Subject},
};

rules![
    an_archived_row_is_hidden_until_it_is_asked_for,
    archiving_and_restoring_twice_changes_nothing,
    an_archived_row_is_not_edited,
    what_cannot_be_archived_has_no_such_route,
];

/// The calls that archive and restore a row.
fn paths(s: &Subject<'_>, id: &str) -> (String, String) {
    (
        format!("{}/archive", s.one(id)),
        format!("{}/restore", s.one(id)),
    )
}

async fn patch(s: &Subject<'_>, path: &str) -> crate::testing::Reply {
    s.admin.request(Method::PATCH, path).send().await
}

async fn an_archived_row_is_hidden_until_it_is_asked_for(s: &Subject<'_>) {
    if !s.r.archivable {
        return;
    }
    let row = s.row().await;
    let (id, path) = (row.id(), s.one(&row.id()));
    let (archive, restore) = paths(s, &id);
    let shown = async |query: &str| {
        let listed = s.ids(s.admin, query).await.contains(&id);
        let got = s.admin.get(&format!("{path}?{query}")).await.status == 200;
        (listed, got)
    };
    assert_eq!(
        shown("archived=true").await,
        (false, false),
        "a live row is shown as archived"
    );
    let archived = patch(s, &archive).await.is(200);
    s.get.accepts(&archived.json);
    assert!(archived["archived_at"].is_string(), "{archived}");
    assert_eq!(archived["version"], 1, "{archived}");
    assert_ne!(archived.etag(), row.etag());
    assert_eq!(shown("").await, (false, false), "an archived row is shown");
    assert_eq!(
        shown("archived=false").await,
        (false, false),
        "an archived row is shown"
    );
    assert_eq!(
        shown("archived=true").await,
        (true, true),
        "an archived row can't be found"
    );
    assert_eq!(
        shown("archived=any").await,
        (true, true),
        "an archived row can't be found"
    );
    let reply = s.admin.get(&format!("{}?archived=maybe", s.all)).await;
    let _ = reply.is_problem(422, "invalid").names(&["archived"]);
    let restored = patch(s, &restore).await.is(200);
    assert!(restored["archived_at"].is_null(), "{restored}");
    assert_eq!(restored["version"], 2, "{restored}");
    assert_eq!(shown("").await, (true, true), "a restored row is hidden");
    assert_eq!(
        shown("archived=any").await,
        (true, true),
        "a restored row is hidden"
    );
}

async fn archiving_and_restoring_twice_changes_nothing(s: &Subject<'_>) {
    if !s.r.archivable {
        return;
    }
    let row = s.row().await;
    let (archive, restore) = paths(s, &row.id());
    let unneeded = patch(s, &restore).await.is(200);
    assert_eq!(unneeded.json, row.json, "restoring a live row changes it");
    for path in [archive, restore] {
        let once = patch(s, &path).await.is(200);
        let twice = patch(s, &path).await.is(200);
        assert_eq!(once.json, twice.json, "the second time changes the row");
        assert_eq!(once.etag(), twice.etag());
    }
}

async fn an_archived_row_is_not_edited(s: &Subject<'_>) {
    if !s.r.archivable {
        return;
    }
    let row = s.row().await;
    let path = s.one(&row.id());
    let (archive, _) = paths(s, &row.id());
    let archived = patch(s, &archive).await.is(200);
    let (change, mut body) = (
        s.changes(&row.json).await,
        s.body(Size::Required, &row.json).await,
    );
    s.name(&mut body, &row.id());
    let _ = s
        .admin
        .patch(&path, change)
        .await
        .is_problem(409, "archived")
        .says("restore");
    let _ = s
        .admin
        .put(&path, body)
        .await
        .is_problem(409, "archived")
        .says("restore");
    Subject::same(&archived.json, &s.now(&row.id()).await, "a refused edit");
    s.admin.delete(&path).await.is(204);
    s.admin
        .get(&format!("{path}?archived=any"))
        .await
        .is_problem(404, "not_found");
}

async fn what_cannot_be_archived_has_no_such_route(s: &Subject<'_>) {
    if s.r.archivable {
        return;
    }
    let row = s.row().await;
    let (archive, restore) = paths(s, &row.id());
    for path in [archive, restore] {
        patch(s, &path).await.is_problem(404, "not_found");
    }
    let reply = s.admin.get(&format!("{}?archived=any", s.all)).await;
    let _ = reply.is_problem(400, "unknown_parameter");
}
