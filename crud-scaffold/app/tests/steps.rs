//! Steps that many tests take.

use crud_core::testing::Client;
use serde_json::Value;

/// Creates a row; gives its path.
pub(crate) async fn made(by: &Client, endpoint: &str, body: Value) -> String {
    let row = by.post(endpoint, body).await.is(201);
    format!("{endpoint}/{}", row.id())
}
