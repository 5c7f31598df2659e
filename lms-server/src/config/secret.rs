//! The secret that signs tokens: given, or made once and kept beside the database file.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{ConfigError, DatabaseUrl, Env, Secret};

const MIN_BYTES: usize = 32;

/// Where the secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtSecret {
    /// `LMS_JWT_SECRET`
    Given(Secret),
    /// This file beside the database, made when it is missing.
    Kept(PathBuf),
    /// Made anew at each start, as the database is.
    Fresh,
}

impl JwtSecret {
    /// The secret itself: reads the file, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// When the file can't be read or made, others may read it, or its content is too short.
    pub fn resolve(&self) -> Result<Secret, ConfigError> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::Fresh => crud_core::auth::random_secret()
                .map(Secret::new)
                .map_err(|error| fault(format!("No random secret can be made: {error}."))),
            Self::Kept(path) => kept(path),
        }
    }
}

pub(super) fn jwt_secret(env: &mut Env<'_>, database: &DatabaseUrl, bind: SocketAddr) -> JwtSecret {
    // Not trimmed: every byte of a secret counts.
    if let Some(secret) = (env.lookup)("LMS_JWT_SECRET").filter(|secret| !secret.is_empty()) {
        if secret.len() < MIN_BYTES {
            let shown = format!("*** ({} bytes)", secret.len());
            let accepted = format!("a secret of at least {MIN_BYTES} bytes");
            env.fault("LMS_JWT_SECRET", &shown, &accepted);
        }
        return JwtSecret::Given(Secret::new(secret));
    }
    let because = if database.is_postgres() {
        "the database is PostgreSQL"
    } else if !bind.ip().is_loopback() {
        "LMS_BIND is not a loopback address"
    } else {
        return match database.file() {
            Some(file) => JwtSecret::Kept(beside(file)),
            None => JwtSecret::Fresh,
        };
    };
    let accepted = format!("a secret of at least {MIN_BYTES} bytes, needed because {because}");
    env.fault("LMS_JWT_SECRET", "", &accepted);
    JwtSecret::Fresh
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".jwt-secret");
    PathBuf::from(name)
}

fn kept(path: &Path) -> Result<Secret, ConfigError> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let path = path.display();
            return Err(fault(format!(
                "The token secret {path} can't be read: {error}."
            )));
        }
        Ok(secret) => return check(path, secret),
    }
    match make(path) {
        Ok(secret) => Ok(secret),
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read(path) {
            Ok(secret) => check(path, secret),
            Err(error) => Err(cannot_make(path, &error)),
        },
        Err(error) => Err(cannot_make(path, &error)),
    }
}

fn check(path: &Path, secret: String) -> Result<Secret, ConfigError> {
    if secret.len() >= MIN_BYTES {
        return Ok(Secret::new(secret));
    }
    Err(fault(format!(
        "The token secret {} has {} bytes; at least {MIN_BYTES} are accepted. Delete the file to have \
         another made.",
        path.display(),
        secret.len()
    )))
}

fn read(path: &Path) -> io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(io::Error::other(format!(
                "its mode is {mode:03o}, so others may read it; accepted is 600"
            )));
        }
    }
    Ok(fs::read_to_string(path)?.trim_end().to_owned())
}

/// Writes it whole under another name first, so that no process ever reads half of it.
fn make(path: &Path) -> io::Result<Secret> {
    static DRAFTS: AtomicU32 = AtomicU32::new(0);

    let secret = crud_core::auth::random_secret()?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    let draft = DRAFTS.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{draft}", std::process::id()));
    let draft = PathBuf::from(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(secret.as_bytes())?;
        file.sync_all()
    });
    // A hard link, because a rename would replace the secret of a quicker process.
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    linked.map(|()| Secret::new(secret))
}

fn cannot_make(path: &Path, error: &io::Error) -> ConfigError {
    let path = path.display();
    fault(format!(
        "The token secret {path} can't be made: {error}. Set LMS_JWT_SECRET instead."
    ))
}

fn fault(sentence: String) -> ConfigError {
    ConfigError {
        faults: vec![sentence],
    }
}
