//! What administrators do about jobs: look at them, and have dead ones tried again.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
};
use crud_core::{
    auth::CurrentUser,
    error::FieldError,
    jobs::{JobRow, JobState, list, retry},
    openapi::{Operation, Routes},
    prelude::*,
    query::Params,
};

use crate::{Lms, roles::is_admin};

/// The most jobs in one answer.
const MOST: i64 = 100;

/// Which jobs are asked for.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the parameters; `jobs` reads them")]
struct JobsQuery {
    /// Only jobs in this state; dead ones when left out.
    state: Option<JobState>,
    /// Only jobs with smaller ids: those after the last one of an answer.
    before: Option<i64>,
}

/// Jobs, the newest first.
#[derive(Serialize, JsonSchema)]
struct JobList {
    /// At most 100.
    items: Vec<JobRow>,
}

pub(crate) fn routes() -> Routes<Lms> {
    Routes::new()
        .route(
            Operation::get("/admin/jobs", "list_jobs")
                .summary("List jobs")
                .description(
                    "For administrators. Dead jobs, or those in another state; at most 100.",
                )
                .tag(TAG)
                .query::<JobsQuery>()
                .returns::<JobList>(200, "The jobs")
                .errors(&[403]),
            jobs,
        )
        .route(
            Operation::post("/admin/jobs/{id}/retry", "retry_job")
                .summary("Try a dead job again")
                .description("For administrators. The job has all its tries again.")
                .tag(TAG)
                .path::<i64>("id", "The job's id")
                .returns_nothing(204, "It is in the queue again")
                .errors(&[403, 404, 422]),
            again,
        )
}

const TAG: &str = "admin";

async fn jobs(
    State(lms): State<Lms>,
    CurrentUser(by): CurrentUser,
    uri: Uri,
) -> Result<Json<JobList>> {
    admit(&by)?;
    let mut params = Params::parse(uri.query().unwrap_or_default())?;
    let state = params.take("state").unwrap_or(JobState::Dead);
    let before = params.take("before");
    params.finish()?;
    let items = list(lms.app.db(), state, before, MOST)
        .await
        .map_err(Error::database)?;
    Ok(Json(JobList { items }))
}

async fn again(
    State(lms): State<Lms>,
    CurrentUser(by): CurrentUser,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode> {
    admit(&by)?;
    let Ok(Path(id)) = id else {
        let fault = FieldError::parameter("id", "type", "The id of a job is a whole number");
        return Err(Error::Invalid(vec![fault]));
    };
    match retry(lms.app.db(), id).await.map_err(Error::database)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::NotFound(format!("There is no dead job {id}"))),
    }
}

fn admit(by: &Principal) -> Result<()> {
    match is_admin(by) {
        true => Ok(()),
        false => Err(Error::Forbidden("Only administrators see jobs".into())),
    }
}
