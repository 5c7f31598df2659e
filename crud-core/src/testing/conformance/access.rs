//! Callers who may not: nobody, somebody with a bad token, and somebody who is not meant.

use axum::http::{HeaderMap, Method, header};
use serde_json::Value;

use super::{
    rules,
    subject::{Size, Subject},
};
use crate::{
    Principal,
    policy::Action,
    testing::{Client, Reply},
};

rules![
    nobody_writes_without_signing_in,
    a_bad_token_writes_nothing,
    what_is_listed_can_be_read,
    what_is_not_listed_cannot_be_read,
    what_the_policy_never_allows_is_refused,
    a_hidden_row_is_as_one_that_is_not_there,
];

/// Every write, with the action that its policy is asked for.
async fn writes(s: &Subject<'_>, id: &str) -> Vec<(Action, Method, String, Value)> {
    let create = s.body(Size::Required, &Value::Null).await;
    let mut all = vec![(Action::Create, Method::POST, s.all.clone(), create)];
    for (method, path, body) in s.writes(id).await {
        let action = match path.rsplit('/').next() {
            Some("archive") => Action::Archive,
            Some("restore") => Action::Restore,
            _ if method == Method::DELETE => Action::Delete,
            _ => Action::Update,
        };
        all.push((action, method, path, body));
    }
    all
}

async fn send(client: &Client, method: &Method, path: &str, body: &Value) -> Reply {
    let call = client.request(method.clone(), path);
    if body.is_null() {
        call.send().await
    } else {
        call.json(body.clone()).send().await
    }
}

async fn nobody_writes_without_signing_in(s: &Subject<'_>) {
    let row = s.row().await;
    let writes = writes(s, &row.id()).await;
    let before = s.count().await;
    for (action, method, path, body) in writes {
        if !s.r.is_public(action) {
            send(&s.anonymous, &method, &path, &body)
                .await
                .is_problem(401, "unauthenticated");
        }
    }
    for (action, path) in [
        (Action::Get, s.one(&row.id())),
        (Action::List, s.all.clone()),
    ] {
        if !s.r.is_public(action) {
            s.anonymous
                .get(&path)
                .await
                .is_problem(401, "unauthenticated");
        }
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "nobody");
    assert_eq!(s.count().await, before, "nobody wrote a row");
}

async fn a_bad_token_writes_nothing(s: &Subject<'_>) {
    let row = s.row().await;
    let writes = writes(s, &row.id()).await;
    let before = s.count().await;
    let bad = s.anonymous.signed_in(s.admin.id(), "no.good.token");
    for (action, method, path, body) in &writes {
        if !s.r.is_public(*action) {
            send(&bad, method, path, body)
                .await
                .is_problem(401, "unauthenticated");
            let call = s.anonymous.request(method.clone(), path);
            let call = call.header(header::AUTHORIZATION, "Basic YTpi");
            call.json(body.clone())
                .send()
                .await
                .is_problem(401, "unauthenticated");
        }
    }
    Subject::same(&row.json, &s.now(&row.id()).await, "a bad token");
    assert_eq!(s.count().await, before, "a bad token wrote a row");
}

/// A list shows nothing that a read of the same row refuses, and its total counts nothing else.
async fn what_is_listed_can_be_read(s: &Subject<'_>) {
    for _ in 0..2 {
        s.row().await;
        s.full_row().await;
    }
    for client in [&s.anonymous, &s.suite.stranger] {
        let page = client.get(&format!("{}?page_size=100", s.all)).await;
        if page.status != 200 {
            assert!([401, 403].contains(&page.status.as_u16()), "{page}");
            continue;
        }
        assert_eq!(page.total().min(100), page.items().len() as u64, "{page}");
        for id in s.ids(client, "").await {
            client.get(&s.one(&id)).await.is(200);
        }
    }
}

/// Who a client is to the policies.
async fn principal(s: &Subject<'_>, client: &Client) -> Principal {
    let mut headers = HeaderMap::new();
    if let Some(token) = client.authorization() {
        headers.insert(
            header::AUTHORIZATION,
            token.parse().expect("a token is text"),
        );
    }
    let principal = s.suite.app.auth().principal(&headers).await;
    principal.expect("the suite's clients can sign in")
}

/// Where both have the same scope.
async fn what_is_not_listed_cannot_be_read(s: &Subject<'_>) {
    let rows = [s.row().await, s.full_row().await];
    for client in [&s.anonymous, &s.suite.stranger] {
        let by = principal(s, client).await;
        let (get, list) = (s.r.rule(&by, Action::Get), s.r.rule(&by, Action::List));
        if get.predicate.to_string() != list.predicate.to_string() {
            continue;
        }
        let listed = match list.is_never() {
            true => Vec::new(),
            false => s.ids(client, "").await,
        };
        for row in rows.iter().filter(|row| !listed.contains(&row.id())) {
            let reply = client.get(&s.one(&row.id())).await;
            let refused = [401, 404].contains(&reply.status.as_u16());
            assert!(refused, "a row that is not listed can be read\n{reply}");
        }
    }
}

async fn what_the_policy_never_allows_is_refused(s: &Subject<'_>) {
    let stranger = &s.suite.stranger;
    let by = principal(s, stranger).await;
    for row in [s.row().await, s.full_row().await] {
        let writes = writes(s, &row.id()).await;
        let before = s.count().await;
        for (action, method, path, body) in writes {
            if s.r.rule(&by, action).is_never() {
                let reply = send(stranger, &method, &path, &body).await;
                let refused = [403, 404].contains(&reply.status.as_u16());
                assert!(refused, "the policy never allows it\n{reply}");
            }
        }
        Subject::same(&row.json, &s.now(&row.id()).await, "a stranger");
        assert_eq!(s.count().await, before, "a stranger wrote a row");
    }
}

async fn a_hidden_row_is_as_one_that_is_not_there(s: &Subject<'_>) {
    for row in [s.row().await, s.full_row().await] {
        let id = row.id();
        for client in [&s.anonymous, &s.suite.stranger] {
            let hidden = client.get(&s.one(&id)).await;
            if hidden.status != 404 {
                continue;
            }
            assert!(
                !s.ids(client, "").await.contains(&id),
                "a hidden row is listed\n{row}"
            );
            let nothing = s.nothing().to_string();
            let missing = client
                .get(&s.one(&nothing))
                .await
                .is_problem(404, "not_found");
            alike(&hidden, &id, &missing, &nothing);
            let absent = s.writes(&nothing).await;
            for ((method, path, body), (_, other, same)) in s.writes(&id).await.iter().zip(&absent)
            {
                let hidden = send(client, method, path, body).await;
                let missing = send(client, method, other, same).await;
                let refused = [401, 403, 404].contains(&hidden.status.as_u16());
                assert!(refused, "a hidden row can be written\n{hidden}");
                alike(&hidden, &id, &missing, &nothing);
            }
        }
        Subject::same(
            &row.json,
            &s.now(&id).await,
            "someone who does not see the row",
        );
    }
}

/// Two answers that differ in the id and the request's id only.
#[track_caller]
fn alike(hidden: &Reply, id: &str, missing: &Reply, other: &str) {
    let text = |reply: &Reply, id: &str| {
        let mut json = reply.json.clone();
        json["request_id"] = Value::Null;
        // Word by word: a number may be a part of something else.
        let json = json.to_string();
        let ends = |letter: char| !letter.is_alphanumeric() && letter != '-';
        let words = json
            .split_inclusive(ends)
            .map(|word| match word.strip_prefix(id) {
                Some(rest) if rest.chars().count() <= 1 && rest.chars().all(ends) => {
                    format!("<id>{rest}")
                }
                _ => word.to_owned(),
            });
        words.collect::<String>()
    };
    assert_eq!(
        hidden.status, missing.status,
        "the status tells that a row exists\n{hidden}\n{missing}"
    );
    assert_eq!(
        text(hidden, id),
        text(missing, other),
        "the body tells that a row exists"
    );
}
