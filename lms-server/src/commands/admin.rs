//! `admin create`: an administrator who can sign in.

use anyhow::{Context as _, Result};
use lms_server::{accounts::NewAccount, progress::say, roles::Role};

use super::{configured, connected};

pub(crate) async fn create(email: String, full_name: String) -> Result<()> {
    let config = configured()?;
    let password = match &config.admin {
        Some(admin) => admin.password.reveal().to_owned(),
        None => ask()?,
    };
    let lms = connected(&config).await?;
    lms.migrate().await?;
    let new = NewAccount {
        email,
        full_name,
        password,
        role: Role::Admin,
    };
    let user = lms.add_account(new).await?;
    say(&format!("{} is an administrator now", user.email));
    Ok(())
}

/// The first line of standard input.
fn ask() -> Result<String> {
    say("Password:");
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("reading the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
