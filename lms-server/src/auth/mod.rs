//! Signing up and in: `/auth/register`, `/auth/login`, `/auth/me`.

mod bodies;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use crud_core::{
    Result,
    auth::CurrentUser,
    extract::Checked,
    openapi::{Operation, Routes},
    serve::{BODY_LIMIT, read_body},
};

use self::bodies::{Login, LoginForm, Me, Register, Token};
use crate::{
    Lms,
    accounts::NewAccount,
    entities::user::{User, UserGet},
    roles::Role,
};

/// The routes, with their descriptions.
pub(crate) fn routes() -> Routes<Lms> {
    Routes::new()
        .route(
            Operation::post("/auth/register", "register")
                .summary("Sign up")
                .description("The new user is a student.")
                .tag(TAG)
                .public()
                .body::<Register>()
                .returns::<UserGet>(201, "The user")
                .errors(&[409]),
            register,
        )
        .route(
            Operation::post("/auth/login", "login")
                .summary("Sign in")
                .description("JSON, or the form of OAuth2's password grant.")
                .tag(TAG)
                .public()
                .body::<Login>()
                .body_as::<LoginForm>(&["application/x-www-form-urlencoded"])
                .returns::<Token>(200, "A token for the API")
                .errors(&[401]),
            login,
        )
        .route(
            Operation::get("/auth/me", "me")
                .summary("The caller, and what he may do")
                .tag(TAG)
                .returns::<Me>(200, "The caller"),
            me,
        )
}

const TAG: &str = "auth";

/// Signs a student up.
async fn register(
    State(lms): State<Lms>,
    Checked(body): Checked<Register>,
) -> Result<(StatusCode, Json<UserGet>)> {
    let new = NewAccount {
        email: body.email,
        full_name: body.full_name,
        password: body.password,
        role: Role::Student,
    };
    Ok((StatusCode::CREATED, Json(lms.add_account(new).await?)))
}

/// Signs a user in; JSON, or the form of OAuth2's password grant.
async fn login(State(lms): State<Lms>, request: Request) -> Result<Response> {
    let login = read_login(request).await?;
    let (id, role) = lms.sign_in(&login.email, login.password).await?;
    let (access_token, expires_in) = lms.app.auth().jwt().issue(id, role.as_str());
    let token = Token {
        access_token,
        token_type: "bearer".to_owned(),
        expires_in,
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Json(token)).into_response())
}

async fn read_login(request: Request) -> Result<Login> {
    if is_form(request.headers()) {
        let bytes = read_body(request.into_body(), BODY_LIMIT).await?;
        return Login::from_form(&bytes);
    }
    let Checked(login) = Checked::from_request(request, &()).await?;
    Ok(login)
}

fn is_form(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    given.starts_with("application/x-www-form-urlencoded")
}

/// Who the caller is, and what he may do.
async fn me(State(lms): State<Lms>, CurrentUser(by): CurrentUser) -> Result<Json<Me>> {
    let id = by.id().unwrap_or_default();
    let user = lms.app.on_behalf(&by).get::<User>(id).await?;
    let claims = lms.app.registry().claims(&by);
    Ok(Json(Me { user, claims }))
}
