//! `GET /examples/active`: the guide's own endpoint beside the generated ones.

use axum::response::Response;
use crud_core::{
    extract::EntityRequest,
    openapi::{Operation, Routes},
    prelude::*,
};

use super::Example;
use crate::{Lms, schema::examples};

pub(crate) fn routes() -> Routes<Lms> {
    Routes::new().route(
        Operation::get("/examples/active", "list_active_examples")
            .summary("List active examples")
            .description("As `GET /examples`, of those in use.")
            .list_of::<Example>(),
        active,
    )
}

/// The examples that are in use; archived ones are not, unless they are asked for.
async fn active(request: EntityRequest<Example>) -> Result<Response> {
    request
        .list(|search| search.filter(examples::is_active.eq(true)))
        .await
}
