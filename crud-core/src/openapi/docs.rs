//! `/openapi.json` and the page that shows it, `/docs`. All files are in the binary; the page loads
//! nothing from elsewhere, and its security policy forbids that it ever does.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use serde_json::Value;
use utoipa_swagger_ui::Config;

use crate::{Error, Result, etag::Tags};

/// The page runs its own scripts only and asks this server only. Swagger UI sets styles in place.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Addresses are relative, so that the page also works behind a proxy that adds a prefix.
const START: &str = "\
window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: 'openapi.json',
    dom_id: '#swagger-ui',
    presets: [SwaggerUIBundle.presets.apis],
    layout: 'BaseLayout',
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: 'none',
    filter: true,
    validatorUrl: null,
  });
};
";

/// The files of Swagger UI that the page uses, of about a dozen that there are.
const FILES: [&str; 3] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
];

/// The routes that serve a document and the page.
///
/// # Panics
/// If Swagger UI was built without one of its files.
///
/// ```
/// let document = serde_json::json!({"openapi": "3.1.0", "info": {"title": "Campus", "version": "1"}, "paths": {}});
/// let docs: axum::Router = crud_core::openapi::docs::router(&document);
/// assert!(docs.has_routes());
/// ```
pub fn router(document: &Value) -> Router {
    let text = document.to_string();
    let title = document["info"]["title"].as_str().unwrap_or("API");
    let json = File::new(text, "application/json");
    let page = File::new(page(title), "text/html; charset=utf-8");
    let mut files = vec![(
        "start.js",
        File::new(START, "text/javascript; charset=utf-8"),
    )];
    for name in FILES {
        let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default()));
        let Ok(Some(file)) = file else {
            panic!("Swagger UI has no `{name}`")
        };
        files.push((name, File::new(file.bytes.into_owned(), &file.content_type)));
    }
    let files = Arc::new(files);
    let file = async move |Path(name): Path<String>, headers: HeaderMap| {
        let file = files.iter().find(|(known, _)| *known == name);
        let missing = || Error::NotFound("There is nothing at this path".to_owned());
        file.map(|(_, file)| file.answer(&headers))
            .ok_or_else(missing) as Result<_>
    };
    Router::new()
        .route(
            "/openapi.json",
            get(async move |headers: HeaderMap| json.answer(&headers)),
        )
        .route(
            "/docs",
            get(async move |headers: HeaderMap| page.answer(&headers)),
        )
        .route("/docs/{file}", get(file))
}

fn page(title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#
    )
}

/// A file that never changes while the server runs.
#[derive(Clone)]
struct File {
    bytes: Bytes,
    kind: HeaderValue,
    tag: String,
}

impl File {
    fn new(bytes: impl Into<Bytes>, kind: &str) -> Self {
        let bytes = bytes.into();
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self {
            tag: format!("\"{:016x}\"", hasher.finish()),
            kind: kind.parse().expect("a media type is a header value"),
            bytes,
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let known = headers
            .get(header::IF_NONE_MATCH)
            .and_then(|tags| tags.to_str().ok());
        let known = known.is_some_and(|tags| Tags::parse(tags).contains(&self.tag));
        let mut response = match known {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(self.bytes.clone())),
        };
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let fixed = HeaderValue::from_static;
        let tag = self
            .tag
            .parse()
            .expect("hexadecimal digits are a header value");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, fixed("public, no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, fixed(POLICY));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
        response
    }
}
