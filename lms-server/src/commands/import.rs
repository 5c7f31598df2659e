//! `import`: data from outside.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use lms_server::{
    demo::first_admin,
    import::{self, oulad::Source},
    progress::say,
};

use super::{configured, connected};

/// All of OULAD's files; the first administrator becomes the instructor of new courses. Fails at its
/// end when rows were wrong; all others are written then.
pub(crate) async fn oulad(dir: PathBuf) -> Result<()> {
    let lms = connected(&configured()?).await?;
    lms.migrate().await?;
    let admin = first_admin(&lms)
        .await?
        .context("there is no administrator yet: make one with `lms-server admin create EMAIL`")?;
    let (new, report) = import::load(&lms, &Source::Folder(dir), &admin).await?;
    say(&format!(
        "new: {} courses, {} assessments, {} lessons, {} users, {} enrollments, {} certificates, {} submissions",
        new.courses,
        new.assessments,
        new.lessons,
        new.users,
        new.enrollments,
        new.certificates,
        new.submissions
    ));
    if report.count > 0 {
        bail!(
            "{} rows are wrong, as said above, and were left out",
            report.count
        );
    }
    Ok(())
}
