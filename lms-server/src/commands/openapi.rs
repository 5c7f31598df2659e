//! `openapi`: the API's description, for clients and generators.

use anyhow::Result;

use super::print;

pub(crate) fn run() -> Result<()> {
    print("{}")
}
