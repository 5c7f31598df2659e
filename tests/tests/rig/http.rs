//! An HTTP client that keeps one connection to a server, and tells an answer from none at all.

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    body::Bytes,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// After so long without an answer, nothing is known.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Http {
    port: u16,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What came back: a body that is not JSON is text.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Http {
    pub(crate) const fn new(port: u16) -> Self {
        Self {
            port,
            connection: None,
        }
    }

    /// `None`: the server is not there, or went away before its answer was complete.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let asked = self.ask(method, path, token, body);
        let answer = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
        if answer.is_none() {
            self.connection = None;
        }
        answer
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let usable = self.connection.as_mut().filter(|known| !known.is_closed());
        let connection = match usable {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
                    .await
                    .ok()?;
                stream.set_nodelay(true).ok()?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
                tokio::spawn(connection);
                self.connection.insert(sender)
            }
        };
        connection.ready().await.ok()?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(body.into())).expect("a request");
        let response = connection.send_request(request).await.ok()?;
        let status = response.status();
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Some(Answer { status, body })
    }
}
