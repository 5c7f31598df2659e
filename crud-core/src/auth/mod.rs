//! stub
use axum::http::HeaderMap;
use crate::{Principal, Result};
pub struct Auth;
impl Auth {
    pub async fn principal(&self, _: &HeaderMap) -> Result<Principal> { Ok(Principal::anonymous()) }
    pub async fn optional_principal(&self, _: &HeaderMap) -> Result<Principal> { Ok(Principal::anonymous()) }
}
