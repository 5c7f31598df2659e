use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request},
    routing::get,
};
use tower::ServiceExt as _;

use super::*;
use crate::{Uuid, auth::JwtConfig};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn auth(authenticator: impl Authenticator + 'static) -> Arc<Auth> {
    let secret = b"a secret of exactly 32 bytes ...";
    let jwt = Jwt::new(JwtConfig::new(secret)).unwrap();
    Arc::new(Auth::new(jwt, authenticator))
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(header::AUTHORIZATION, value);
    }
    headers
}

fn id() -> Uuid {
    ID.parse().unwrap()
}

/// Refuses every user in the way it is told.
struct Refuses(fn() -> Error);

impl Authenticator for Refuses {
    fn principal<'a>(&'a self, _: &'a Claims) -> BoxFuture<'a, Result<Principal>> {
        let error = self.0();
        Box::pin(async move { Err(error) })
    }
}

#[tokio::test]
async fn no_header_is_anonymous_and_a_good_token_is_its_user() {
    let auth = auth(TokenAuthenticator);
    assert!(auth.principal(&headers(&[])).await.unwrap().is_anonymous());
    let (token, _) = auth.jwt().issue(id(), "student");
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        let headers = headers(&[&format!("{scheme} {token}")]);
        let principal = auth.principal(&headers).await.unwrap();
        assert_eq!(principal, Principal::user(id(), "student"));
        assert_eq!(auth.optional_principal(&headers).await.unwrap(), principal);
    }
}

#[tokio::test]
async fn a_header_that_is_not_bearer_is_401_invalid_authorization_header() {
    let auth = auth(TokenAuthenticator);
    let (token, _) = auth.jwt().issue(id(), "student");
    let good = format!("Bearer {token}");
    let odd: [&[&str]; 8] = [
        &[""],
        &["Bearer"],
        &["Bearer   "],
        &["Basic dTpw"],
        &[&token],
        &["Bearer ä"],
        &[&format!("Bearer\t{token}")],
        &[&good, &good],
    ];
    for values in odd {
        let headers = headers(values);
        let error = auth.principal(&headers).await.unwrap_err();
        assert_eq!(error.status(), 401);
        assert_eq!(
            error.to_string(),
            "Invalid authorization header",
            "{values:?}"
        );
        assert!(
            auth.optional_principal(&headers)
                .await
                .unwrap()
                .is_anonymous()
        );
    }
}

#[tokio::test]
async fn a_bad_token_is_401_invalid_token_and_anonymous_where_that_is_allowed() {
    let auth = auth(TokenAuthenticator);
    let (token, _) = auth.jwt().issue(id(), "student");
    for bad in [
        "x",
        &token[1..],
        &format!("{token} {token}"),
        &format!("{token},{token}"),
    ] {
        let headers = headers(&[&format!("Bearer {bad}")]);
        let error = auth.principal(&headers).await.unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.to_string().as_str()),
            (401, "Invalid token")
        );
        assert!(
            auth.optional_principal(&headers)
                .await
                .unwrap()
                .is_anonymous()
        );
    }
}

#[tokio::test]
async fn a_subject_that_is_no_uuid_is_an_invalid_token() {
    let claims = Claims {
        sub: "someone@example.org".to_owned(),
        role: None,
        generation: None,
        exp: 0,
        iat: None,
        nbf: None,
        iss: None,
        aud: None,
        typ: None,
        foreign: false,
    };
    let error = TokenAuthenticator.principal(&claims).await.unwrap_err();
    assert_eq!(error.to_string(), "Invalid token");
}

#[tokio::test]
async fn a_user_who_may_not_sign_in_is_anonymous_but_a_broken_lookup_is_an_error() {
    let disabled = auth(Refuses(|| {
        Error::Unauthenticated("User account is disabled".into())
    }));
    let (token, _) = disabled.jwt().issue(id(), "student");
    let headers = headers(&[&format!("Bearer {token}")]);
    let error = disabled.principal(&headers).await.unwrap_err();
    assert_eq!(error.to_string(), "User account is disabled");
    assert!(
        disabled
            .optional_principal(&headers)
            .await
            .unwrap()
            .is_anonymous()
    );
    let away = auth(Refuses(|| Error::Unavailable(None)));
    assert_eq!(away.principal(&headers).await.unwrap_err().status(), 503);
    assert_eq!(
        away.optional_principal(&headers)
            .await
            .unwrap_err()
            .status(),
        503
    );
}

#[tokio::test]
async fn extractors_require_or_allow_a_caller() {
    let auth = auth(TokenAuthenticator);
    let name = |principal: Principal| principal.role().unwrap_or("anonymous").to_owned();
    let app = Router::new()
        .route(
            "/me",
            get(async move |CurrentUser(user): CurrentUser| name(user)),
        )
        .route(
            "/any",
            get(async move |Caller(caller): Caller| name(caller)),
        )
        .with_state(Arc::clone(&auth));
    let (token, _) = auth.jwt().issue(id(), "student");
    let good = format!("Bearer {token}");
    for (path, header, status) in [
        ("/me", None, 401),
        ("/me", Some("Bearer x"), 401),
        ("/me", Some(good.as_str()), 200),
        ("/any", None, 200),
        ("/any", Some("Bearer x"), 200),
        ("/any", Some(good.as_str()), 200),
    ] {
        let mut request = Request::get(path);
        if let Some(header) = header {
            request = request.header(header::AUTHORIZATION, header);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path} {header:?}");
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        assert_eq!(challenge.is_some(), status == 401);
    }
}
