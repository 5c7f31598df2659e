//! `admin create`: an administrator who can sign in.

use anyhow::{Context as _, Result};
use lms_server::{accounts::NewAccount, progress::say, roles::Role};

use super::{configured_by, connected, variable};

pub(crate) async fn create(email: String, full_name: String) -> Result<()> {
    // `LMS_ADMIN_PASSWORD` alone is enough here: whose it is, the command says.
    let config = configured_by(&|name| match variable(name) {
        None if name == "LMS_ADMIN_EMAIL" => variable("LMS_ADMIN_PASSWORD").map(|_| email.clone()),
        found => found,
    })?;
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
