//! What the environment says of jobs and mail.

use std::time::Duration;

use lettre::message::Mailbox;

use super::Env;

/// How patient workers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobTimes {
    /// `LMS_JOBS_POLL`: how often a worker looks for jobs of other instances.
    pub poll: Duration,
    /// `LMS_JOBS_LEASE`: how long the job of a killed worker is out of reach.
    pub lease: Duration,
}

/// `LMS_MAIL_FROM`: who mails are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFrom(pub Mailbox);

impl Default for MailFrom {
    fn default() -> Self {
        let address = "LMS Platform <no-reply@localhost>";
        Self(address.parse().expect("the constant is an address"))
    }
}

pub(super) fn times(env: &mut Env<'_>) -> JobTimes {
    JobTimes {
        poll: seconds(env, "LMS_JOBS_POLL", 1.0, 0.01),
        lease: seconds(env, "LMS_JOBS_LEASE", 30.0, 0.1),
    }
}

/// Seconds, from `least` to an hour.
fn seconds(env: &mut Env<'_>, name: &str, default: f64, least: f64) -> Duration {
    let given = env.get(name);
    let wanted = match &given {
        Some(text) => text.parse().unwrap_or(f64::NAN),
        None => default,
    };
    if !(least..=3600.0).contains(&wanted) {
        let accepted = format!("a number of seconds from {least} to 3600");
        env.fault(name, given.as_deref().unwrap_or_default(), &accepted);
        return Duration::from_secs_f64(default);
    }
    Duration::from_secs_f64(wanted)
}

pub(super) fn mail_from(env: &mut Env<'_>) -> MailFrom {
    let Some(text) = env.get("LMS_MAIL_FROM") else {
        return MailFrom::default();
    };
    match text.parse() {
        Ok(mailbox) => MailFrom(mailbox),
        Err(_) => {
            let accepted = "an address such as LMS Platform <no-reply@example.org>";
            env.fault("LMS_MAIL_FROM", &text, accepted);
            MailFrom::default()
        }
    }
}
