//! `new entity` and `migrate --new`: files for a developer. They need no settings and no database.

use anyhow::{Context as _, Result, anyhow, bail};
use crud_scaffold::Plan;
use lms_server::{progress::say, scaffold};

use super::print;

/// Writes an entity, or only prints it.
pub(crate) fn entity(
    name: &str,
    fields: &[String],
    endpoint: Option<&str>,
    dry_run: bool,
) -> Result<()> {
    let here = std::env::current_dir().context("finding the current folder")?;
    let plan =
        scaffold::entity(&here, name, fields, endpoint, !dry_run).map_err(|told| anyhow!(told))?;
    if dry_run {
        return print(&plan.texts());
    }
    told(&plan);
    say("next: cargo run -- openapi > tests/openapi.json, then ./test");
    Ok(())
}

/// Writes the migration that the declarations ask for.
pub(crate) async fn migration(name: &str) -> Result<()> {
    let here = std::env::current_dir().context("finding the current folder")?;
    let Some(scripts) = scaffold::difference().await? else {
        bail!("the migrations give the declared tables already: there is nothing to write");
    };
    let plan = scaffold::migration(&here, name, scripts).map_err(|told| anyhow!(told))?;
    told(&plan);
    let marks = plan.new.iter().flat_map(|(_, text)| text.lines());
    let marks = marks.filter(|line| line.contains("FILL IN")).count();
    if marks > 0 {
        say(&format!(
            "{marks} places are marked FILL IN: what a declaration cannot say"
        ));
    }
    say("next: cargo run -- migrate, then cargo run -- check");
    Ok(())
}

fn told(plan: &Plan) {
    for line in plan.to_string().lines() {
        say(line);
    }
}
