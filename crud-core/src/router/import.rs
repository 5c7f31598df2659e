//! `POST /things/import`: new rows from a file, as an export writes it. Reads the file with [`lines`](super::lines), twice: all
//! of it is checked before a connection is taken, and then written by [`crate::operations`].

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    http::{StatusCode, header},
    response::Response,
    routing::post_service as post,
};

use super::{
    Methods, export, handler,
    lines::{Lines, MOST_REFUSED},
    once::once,
    request::Call,
    response::json,
};
use crate::{
    App, Error, Principal, Result,
    error::FieldError,
    operations::{Format, joined, placed},
    policy::Action,
    query::Params,
    registry::Resource,
    serve::IMPORT_LIMIT,
};

pub(crate) const IMPORT_TYPES: &[&str] = &["application/x-ndjson", "text/csv"];
/// The rows that one file may have.
const MOST_ROWS: u64 = 10_000;
/// The rows that are checked without a break.
const AT_ONCE: u64 = 250;

/// Adds the path, which goes before `/things/{id}`.
pub(super) fn routes(router: Router, app: &App, r: &Arc<Resource>) -> Router {
    let path = format!("{}/{}/import", App::PREFIX, r.endpoint);
    let import = post(handler(app, r, import));
    let methods = Methods::of(r).on(Action::Create, "POST", import);
    methods.mount(router, &path)
}

async fn import(call: Box<Call>) -> Result<Response> {
    let by = call.principal(Action::Create).await?;
    let format = format(&call)?;
    let key = call.key(&by)?;
    let (app, r) = call.parts();
    let cx = app.on_behalf(&by);
    // Whoever may create nothing is told so before his file is read.
    cx.admit(&r, Action::Create)?;
    // Files are in memory: more of them at once than the server has room for are refused before they are read.
    let Ok(_turn) = app.imports().try_acquire() else {
        return Err(Error::Unavailable(None));
    };
    let body = call.bytes(IMPORT_LIMIT).await?;
    check(&r, &by, format, &body).await?;
    let (file, reader) = (body.clone(), by.clone());
    once(key, &app, &by, &body, |cx| {
        Box::pin(async move {
            let lines = Lines::new(&r, format, file)?;
            let mut sets = lines.map(|(line, row)| (line, read(&r, line, row, &reader)));
            let created = cx.import_rows(&r, &mut sets).await?;
            let body = format!("{{\"created\":{created}}}");
            Ok(json(StatusCode::CREATED, body.into()))
        })
    })
    .await
}

/// The format: by the parameter, else by the type of the body.
fn format(call: &Call) -> Result<Format> {
    let mut params = Params::parse(call.query())?;
    let named = params.take_text("format");
    params.finish()?;
    if let Some(name) = named {
        return export::named(&name);
    }
    let given = call.header(&header::CONTENT_TYPE)?.unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    export::of_type(essence).ok_or(Error::UnsupportedMediaType {
        accepted: "application/x-ndjson or text/csv",
    })
}

/// Reads all rows, and tells all that are refused at once.
async fn check(r: &Resource, by: &Principal, format: Format, body: &Bytes) -> Result<()> {
    let (mut count, mut refused, mut error) = (0, 0, None);
    for (line, row) in Lines::new(r, format, body.clone())? {
        count += 1;
        if count % AT_ONCE == 0 {
            // Others have requests too.
            tokio::task::yield_now().await;
        }
        if count > MOST_ROWS {
            let detail = format!("A file may have {MOST_ROWS} rows: send several");
            return Err(Error::invalid("", "length", detail));
        }
        if let Err(fault) = read(r, line, row, by) {
            error = Some(joined(error, fault));
            refused += 1;
            if refused == MOST_REFUSED {
                break;
            }
        }
    }
    match (error, count) {
        (Some(error), _) => Err(error),
        (None, 0) => Err(Error::Invalid(vec![FieldError::at(
            "",
            "length",
            "The file has no rows",
        )])),
        (None, _) => Ok(()),
    }
}

/// One row as the body of a `POST`, refused by its line.
fn read(
    r: &Resource,
    line: u64,
    row: Result<Vec<u8>>,
    by: &Principal,
) -> Result<Vec<crate::dto::Assignment>> {
    let at = format!("/{line}");
    let set = row.and_then(|row| r.read_create(&row, by));
    set.map_err(|error| placed(&at, &at, error))
}
