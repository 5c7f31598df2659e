//! What a handler answers: rows with their entity tags, lists with their links.

use std::fmt::{self, Write as _};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{
    Error, FileFormat, Result, etag,
    operations::{Listing, Row},
    policy::Mask,
    query::{Page, PagedBy},
};

/// A row as a body, with its tag.
pub(super) fn row_response(status: StatusCode, row: &Row, mask: &Mask) -> Response {
    let etag = etag::masked(&row.id, row.version, mask);
    tagged(status, row.json.clone().into(), &etag)
}

/// Rows as a list, which has no tag of its own.
pub(super) fn rows_response(status: StatusCode, rows: &[Row]) -> Response {
    let length: usize = rows.iter().map(|row| row.json.len() + 1).sum();
    let mut list = Vec::with_capacity(length + 1);
    for row in rows {
        list.push(if list.is_empty() { b'[' } else { b',' });
        list.extend_from_slice(&row.json);
    }
    if list.is_empty() {
        list.push(b'[');
    }
    list.push(b']');
    json(status, list.into())
}

/// A body with its tag.
pub(super) fn tagged(status: StatusCode, body: Body, etag: &str) -> Response {
    let mut response = json(status, body);
    tag(response.headers_mut(), etag);
    response
}

/// A row in another form, with the row's tag.
pub(super) async fn file_response(row: Row, mask: &Mask, file: FileFormat) -> Result<Response> {
    let etag = etag::masked(&row.id, row.version, mask);
    let (id, media_type, extension) = (row.id, file.media_type, file.extension);
    let rendered = tokio::task::spawn_blocking(move || file.render(&row.json)).await;
    let bytes = rendered.map_err(Error::internal)??;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let name = format!("inline; filename=\"{id}.{extension}\"");
    if let Ok(name) = name.parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    private(headers);
    tag(headers, &etag);
    Ok(response)
}

/// 304: the client has this version.
pub(super) fn not_modified(etag: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    private(response.headers_mut());
    tag(response.headers_mut(), etag);
    response
}

/// 204.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A page, with its total and its links to other pages (RFC 8288).
pub(super) fn list_response(path: &str, query: &str, page: Page, listing: Listing) -> Response {
    let links = links(path, query, page, &listing);
    let mut response = json(StatusCode::OK, listing.json.into());
    let headers = response.headers_mut();
    if let Some(total) = listing.total {
        headers.insert("x-total-count", HeaderValue::from(total));
    }
    if let Ok(links) = links.parse() {
        headers.insert(header::LINK, links);
    }
    response
}

/// A body of JSON, which has no tag.
pub(super) fn json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // Room for these, for the length, the request's id and a list's links.
    headers.reserve(8);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    private(headers);
    response
}

/// Answers depend on who asks, and must be asked for again.
pub(super) fn private(headers: &mut HeaderMap) {
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
}

fn tag(headers: &mut HeaderMap, etag: &str) {
    if let Ok(etag) = etag.parse() {
        headers.insert(header::ETAG, etag);
    }
}

fn links(path: &str, query: &str, page: Page, listing: &Listing) -> String {
    let kept = kept(query);
    let mut links = String::with_capacity(512);
    let mut link = |relation: &str, words: &dyn Fn(&mut String) -> fmt::Result| {
        let comma = if links.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(links, "{comma}<{path}?{kept}");
        let _ = words(&mut links);
        let _ = write!(links, ">; rel=\"{relation}\"");
    };
    let limit = page.limit;
    let at = |offset: i64| {
        move |to: &mut String| match page.by {
            PagedBy::Offset => write!(to, "limit={limit}&offset={offset}"),
            PagedBy::Number => write!(to, "page={}&page_size={limit}", offset / limit + 1),
            PagedBy::Cursor => write!(to, "page_size={limit}"),
        }
    };
    link("first", &at(0));
    if page.by == PagedBy::Cursor {
        let ways = [
            ("prev", &listing.prev_cursor),
            ("next", &listing.next_cursor),
        ];
        for (relation, cursor) in ways {
            if let Some(cursor) = cursor {
                link(relation, &|to| {
                    write!(to, "cursor={cursor}&page_size={limit}")
                });
            }
        }
        return links;
    }
    if page.offset > 0 {
        link("prev", &at((page.offset - limit).max(0)));
    }
    if listing.more {
        link("next", &at(page.offset + limit));
    }
    if let Some(total) = listing.total {
        link("last", &at((total - 1).max(0) / limit * limit));
    }
    links
}

/// The parameters that stay the same from page to page, each followed by `&`.
fn kept(query: &str) -> String {
    if query.is_empty() {
        return String::new();
    }
    let mut kept = form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    let pages = ["page", "page_size", "limit", "offset", "skip", "cursor"];
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !pages.contains(&&*name) {
            kept.append_pair(&name, &value);
            any = true;
        }
    }
    let mut kept = kept.finish();
    if any {
        kept.push('&');
    }
    kept
}
