//! `GET /things?format=ndjson|csv`: every row of a list in one answer, which is sent while it is read.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::stream;

use super::{request::Call, response::private};
use crate::{
    App, Error, Principal, Result,
    error::FieldError,
    id::Id,
    operations::{Format, Part},
    query::{ListRequest, parse_export},
    registry::Resource,
};

/// Rows of the first part, and of the largest.
const FIRST_ROWS: i64 = 100;
const MOST_ROWS: i64 = 1000;
/// What a part is to have, so that an export takes the same memory whatever its rows are.
const PART_BYTES: usize = 512 * 1024;

const FORMATS: [(&str, Format, &str, &str); 2] = [
    (
        "ndjson",
        Format::Ndjson,
        "application/x-ndjson",
        "application/x-ndjson",
    ),
    (
        "csv",
        Format::Csv,
        "text/csv",
        "text/csv; charset=utf-8; header=present",
    ),
];

/// The format that is asked for instead of a page: by the parameter, else by the first type of `Accept`.
///
/// # Errors
/// 422 if there is no such format.
pub(super) fn wanted(call: &Call) -> Result<Option<Format>> {
    if call.query().contains("format=") {
        let mut given = form_urlencoded::parse(call.query().as_bytes());
        if let Some((_, name)) = given.find(|(name, _)| name == "format") {
            return named(&name).map(Some);
        }
    }
    let Some(accepted) = call.header(&header::ACCEPT)? else {
        return Ok(None);
    };
    let first = accepted.split([',', ';']).next().unwrap_or_default().trim();
    Ok(of_type(first))
}

/// The format of a name.
///
/// # Errors
/// 422 if there is none.
pub(super) fn named(name: &str) -> Result<Format> {
    let known = FORMATS.iter().find(|(known, ..)| *known == name);
    known.map(|(_, format, ..)| *format).ok_or_else(|| {
        let detail = "`format` must be one of ndjson, csv".to_owned();
        Error::Invalid(vec![FieldError::parameter("format", "enum", detail)])
    })
}

/// The format of a media type.
pub(super) fn of_type(name: &str) -> Option<Format> {
    let mut formats = FORMATS.iter();
    let known = formats.find(|(_, _, media_type, _)| media_type.eq_ignore_ascii_case(name));
    known.map(|(_, format, ..)| *format)
}

/// Begins the answer: what is refused is refused before.
pub(super) async fn answer(call: &Call, by: Principal, format: Format) -> Result<Response> {
    let (app, resource) = call.parts();
    let request = parse_export(&app.on_behalf(&by), &resource, call.query(), FIRST_ROWS)?;
    let name = format!(
        "attachment; filename=\"{}.{}\"",
        resource.endpoint,
        extension(format)
    );
    let mut export = Export {
        app,
        by,
        resource,
        format,
        request,
        after: None,
        more: true,
    };
    let first = export.part().await?;
    let rest = stream::try_unfold(export, async |mut export| {
        if !export.more {
            return Ok(None);
        }
        match export.part().await {
            Ok(part) => Ok(Some((part, export))),
            // The answer breaks off, which the client notices: it has no end.
            Err(error) => {
                tracing::warn!(%error, "an export broke off");
                Err(std::io::Error::other("the export broke off"))
            }
        }
    });
    let parts = stream::once(async { Ok(first) });
    let parts = futures_util::StreamExt::chain(parts, rest);
    let mut response = Response::new(Body::from_stream(parts));
    let headers = response.headers_mut();
    let content_type = FORMATS.iter().find(|(_, known, ..)| *known == format);
    if let Some((.., content_type)) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(name) = name.parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    private(headers);
    headers.insert(header::VARY, HeaderValue::from_static(super::LIST_VARIES));
    Ok(response)
}

fn extension(format: Format) -> &'static str {
    FORMATS
        .iter()
        .find(|(_, known, ..)| *known == format)
        .map_or("", |(name, ..)| name)
}

/// An export that is under way.
struct Export {
    app: App,
    by: Principal,
    resource: Arc<Resource>,
    format: Format,
    request: ListRequest,
    after: Option<Id>,
    more: bool,
}

impl Export {
    async fn part(&mut self) -> Result<Bytes> {
        let cx = self.app.on_behalf(&self.by);
        let (r, request) = (&self.resource, &mut self.request);
        let part = cx.export_rows(r, request, self.after.as_ref(), self.format);
        let part = part.await?;
        self.request.page.limit = fitting(&part);
        self.after = part.last.or_else(|| self.after.take());
        self.more = part.more;
        Ok(part.bytes.into())
    }
}

/// As many rows as probably make a part.
fn fitting(part: &Part) -> i64 {
    let row = part.bytes.len() / part.rows.max(1);
    let rows = i64::try_from(PART_BYTES / row.max(1)).unwrap_or(MOST_ROWS);
    rows.clamp(1, MOST_ROWS)
}
