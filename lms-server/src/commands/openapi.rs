//! `openapi`: the API's description, for clients and generators.

use anyhow::Result;

use super::print;

pub(crate) fn run() -> Result<()> {
    print(&serde_json::to_string_pretty(&lms_server::document())?)
}
