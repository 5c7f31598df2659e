//! `import`: data from outside.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use lms_server::{
    demo::first_admin,
    import::{catalogue, oulad::Source},
    progress::say,
};

use super::{configured, connected};

/// The catalogue; the first administrator becomes the instructor of new courses.
pub(crate) async fn oulad(dir: PathBuf) -> Result<()> {
    let lms = connected(&configured()?).await?;
    lms.migrate().await?;
    let admin = first_admin(&lms)
        .await?
        .context("there is no administrator yet: make one with `lms-server admin create EMAIL`")?;
    let imported = catalogue::load(&lms, &Source::Folder(dir), &admin).await?;
    say(&format!(
        "imported {} courses, {} assessments, {} lessons",
        imported.courses, imported.assessments, imported.lessons
    ));
    Ok(())
}
