//! Signing up, in and out: `/auth/register`, `login`, `refresh`, `logout`, `password`, `me`.

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

use self::bodies::{ChangePassword, Login, LoginForm, Me, Refresh, Register, Tokens};
use crate::{
    Lms,
    accounts::NewAccount,
    entities::user::{User, UserGet},
    roles::Role,
    sessions::Session,
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
                .returns::<Tokens>(200, "The tokens")
                .errors(&[401]),
            login,
        )
        .route(
            Operation::post("/auth/refresh", "refresh")
                .summary("Stay signed in")
                .description(
                    "Exchanges a refresh token for the next tokens. It can be used once, with no time \
                     of grace: one that comes back revokes all that came of the same sign-in.",
                )
                .tag(TAG)
                .public()
                .body::<Refresh>()
                .returns::<Tokens>(200, "The next tokens")
                .errors(&[401]),
            refresh,
        )
        .route(
            Operation::post("/auth/logout", "logout")
                .summary("Sign out")
                .description(
                    "Revokes all refresh tokens that came of the same sign-in; nothing happens for \
                     an unknown one.",
                )
                .tag(TAG)
                .public()
                .body::<Refresh>()
                .returns_nothing(204, "Signed out"),
            logout,
        )
        .route(
            Operation::post("/auth/password", "change_password")
                .summary("Change the password")
                .description("Everyone who is signed in as the user must sign in again.")
                .tag(TAG)
                .body::<ChangePassword>()
                .returns_nothing(204, "Changed"),
            change_password,
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
    Ok((StatusCode::CREATED, Json(lms.sign_up(new).await?)))
}

/// Signs a user in; JSON, or the form of OAuth2's password grant.
async fn login(State(lms): State<Lms>, request: Request) -> Result<Response> {
    let login = read_login(request).await?;
    let session = lms.sign_in(&login.email, login.password).await?;
    Ok(answer(session))
}

fn answer(session: Session) -> Response {
    let tokens = Tokens {
        access_token: session.access_token,
        refresh_token: session.refresh_token,
        token_type: "bearer".to_owned(),
        expires_in: session.expires_in,
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (no_store, Json(tokens)).into_response()
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

/// Exchanges a refresh token for the next tokens.
async fn refresh(State(lms): State<Lms>, Checked(body): Checked<Refresh>) -> Result<Response> {
    let session = lms.refresh(&body.refresh_token).await?;
    Ok(answer(session))
}

/// Ends what came of a sign-in.
async fn logout(State(lms): State<Lms>, Checked(body): Checked<Refresh>) -> Result<StatusCode> {
    lms.sign_out(&body.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the caller another password.
async fn change_password(
    State(lms): State<Lms>,
    CurrentUser(by): CurrentUser,
    Checked(body): Checked<ChangePassword>,
) -> Result<StatusCode> {
    let id = by.id().unwrap_or_default();
    lms.change_password(id, body.current_password, body.new_password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who the caller is, and what he may do.
async fn me(State(lms): State<Lms>, CurrentUser(by): CurrentUser) -> Result<Json<Me>> {
    let id = by.id().unwrap_or_default();
    let user = lms.app.on_behalf(&by).get::<User>(id).await?;
    let claims = lms.app.registry().claims(&by);
    Ok(Json(Me { user, claims }))
}
