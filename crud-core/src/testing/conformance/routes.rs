//! Which routes there are: those that the entity offers, and no others.

use axum::http::Method;
use serde_json::json;

use super::{rules, subject::Subject};
use crate::{policy::Action, testing::reply::id_of};

rules![
    options_names_the_methods,
    what_has_no_route_is_refused,
    claims_are_about_routes,
    what_a_list_shows_is_as_it_says,
];

/// The paths of an entity with the methods that they can have.
fn paths(s: &Subject<'_>) -> Vec<(String, Vec<(Action, Method)>)> {
    let one = s.one(&s.nothing().to_string());
    vec![
        (
            s.all.clone(),
            vec![
                (Action::List, Method::GET),
                (Action::List, Method::HEAD),
                (Action::Create, Method::POST),
            ],
        ),
        (
            one.clone(),
            vec![
                (Action::Get, Method::GET),
                (Action::Get, Method::HEAD),
                (Action::Update, Method::PATCH),
                (Action::Update, Method::PUT),
                (Action::Delete, Method::DELETE),
            ],
        ),
        (
            format!("{}/bulk", s.all),
            vec![
                (Action::Create, Method::POST),
                (Action::Update, Method::PATCH),
                (Action::Delete, Method::DELETE),
            ],
        ),
        (
            format!("{}/import", s.all),
            vec![(Action::Create, Method::POST)],
        ),
        (
            format!("{one}/archive"),
            vec![(Action::Archive, Method::PATCH)],
        ),
        (
            format!("{one}/restore"),
            vec![(Action::Restore, Method::PATCH)],
        ),
    ]
}

async fn options_names_the_methods(s: &Subject<'_>) {
    for (path, methods) in paths(s) {
        let offered = methods.iter().filter(|(action, _)| s.r.offers(*action));
        let mut offered: Vec<_> = offered.map(|(_, method)| method.as_str()).collect();
        // Without a route of its own, it is the path of a row that is called so.
        if offered.is_empty() {
            continue;
        }
        offered.push("OPTIONS");
        offered.sort_unstable();
        let call = s.anonymous.request(Method::OPTIONS, &path);
        let reply = call.send().await.is(204);
        let allow = reply.header("allow").unwrap_or_default();
        let mut allowed: Vec<_> = allow.split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, offered, "{reply}");
    }
}

async fn what_has_no_route_is_refused(s: &Subject<'_>) {
    for (path, methods) in paths(s) {
        let is_there = methods.iter().any(|(action, _)| s.r.offers(*action));
        for (action, method) in methods {
            // An answer to HEAD has no body to look at.
            if s.r.offers(action) || method == Method::HEAD {
                continue;
            }
            let call = s.admin.request(method.clone(), &path).json(json!({}));
            let reply = call.send().await;
            if is_there || reply.status == 405 {
                let reply = reply.is_problem(405, "method_not_allowed");
                let allow = reply.header("allow").unwrap_or_default();
                let is_allowed = allow.split(',').any(|name| name.trim() == method.as_str());
                assert!(!is_allowed, "{reply}");
            } else {
                reply.is_problem(404, "not_found");
            }
        }
    }
}

async fn claims_are_about_routes(s: &Subject<'_>) {
    let claims = s.suite.app.registry().claims(&crate::Principal::system());
    for action in Action::ALL {
        let claim = format!("{}:{}", s.r.endpoint, action.as_str());
        assert_eq!(claims.contains(&claim), s.r.offers(action), "{claim}");
    }
}

async fn what_a_list_shows_is_as_it_says(s: &Subject<'_>) {
    if !s.r.offers(Action::List) {
        return;
    }
    let page = s.admin.get(&s.all).await.is(200);
    for item in page.items() {
        s.list.accepts(item);
        let path = s.one(&id_of(item).unwrap_or_default());
        if s.list.has("id") && s.r.offers(Action::Get) {
            s.get.accepts(&s.admin.get(&path).await.is(200).json);
        }
    }
}
