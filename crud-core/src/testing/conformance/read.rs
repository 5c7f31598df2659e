//! `GET /things/{id}`.

use axum::http::{Method, header};

use super::{rules, subject::Subject};

rules![
    head_answers_as_get_without_a_body,
    a_known_version_is_not_sent_again,
    an_unknown_parameter_is_refused,
];

async fn head_answers_as_get_without_a_body(s: &Subject<'_>) {
    let row = s.row().await;
    for path in [s.one(&row.id()), s.all.clone()] {
        let get = s.admin.get(&path).await.is(200);
        let head = s.admin.request(Method::HEAD, &path).send().await.is(200);
        assert!(head.bytes.is_empty(), "{head}");
        for name in [
            "etag",
            "content-type",
            "x-total-count",
            "link",
            "cache-control",
            "vary",
        ] {
            assert_eq!(
                head.header(name),
                get.header(name),
                "`{name}` differs\n{head}"
            );
        }
    }
    let nothing = s.one(&s.nothing().to_string());
    s.admin.request(Method::HEAD, &nothing).send().await.is(404);
}

async fn a_known_version_is_not_sent_again(s: &Subject<'_>) {
    let row = s.row().await;
    let (path, tag) = (s.one(&row.id()), row.etag());
    let known = [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"other\", {tag}"),
        "*".to_owned(),
    ];
    for known in known {
        let call = s
            .admin
            .request(Method::GET, &path)
            .header(header::IF_NONE_MATCH, known);
        let reply = call.send().await.is(304);
        assert!(reply.bytes.is_empty(), "{reply}");
        assert_eq!(reply.etag(), tag);
    }
    let other = s
        .admin
        .request(Method::GET, &path)
        .header(header::IF_NONE_MATCH, "\"other\"");
    other.send().await.is(200);
    let change = s.changes(&row.json).await;
    s.admin.patch(&path, change).await.is(200);
    let call = s
        .admin
        .request(Method::GET, &path)
        .header(header::IF_NONE_MATCH, tag);
    call.send().await.is(200);
}

async fn an_unknown_parameter_is_refused(s: &Subject<'_>) {
    let row = s.row().await;
    let path = format!("{}?no_such=1", s.one(&row.id()));
    s.admin
        .get(&path)
        .await
        .is_problem(400, "unknown_parameter");
}
