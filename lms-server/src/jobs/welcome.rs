//! The first mail to somebody who signed up.

use std::time::Duration;

use crud_core::{
    jobs::{Job, JobContext, JobError, Retry},
    prelude::*,
};

use crate::{Lms, mail::Mail};

/// Welcomes a new user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendWelcomeEmail {
    /// The user.
    pub user_id: Uuid,
    /// Where mail reaches the user.
    pub email: String,
    /// The user's name.
    pub full_name: String,
}

impl Job for SendWelcomeEmail {
    type State = Lms;
    const NAME: &'static str = "send_welcome_email";
    const RETRY: Retry = Retry::fixed(3, Duration::from_secs(60));

    fn unique_key(&self) -> Option<String> {
        Some(format!("welcome:{}", self.user_id))
    }

    async fn run(&self, cx: &JobContext<'_, Lms>) -> Result<(), JobError> {
        let mail = Mail {
            to: self.email.clone(),
            subject: "Welcome to LMS Platform".to_owned(),
            text: format!(
                "Hello {},\n\nyour account is ready. Sign in with this address and have a look at the courses.\n",
                self.full_name
            ),
            id: format!("welcome.{}", self.user_id),
        };
        cx.state.mailer.send(mail).await
    }
}
