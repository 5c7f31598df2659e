//! Mail: through the server of `SMTP_URL`, or into the log where there is none. Only jobs send, so that a server that is
//! away delays a mail and does not lose it.

use std::time::Duration;

use crud_core::jobs::JobError;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

/// How long one step of the talk with the server may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// Tells it from all other mails: a second delivery has the same, so a server may drop it.
    pub id: String,
}

/// Sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    via: Via,
}

#[derive(Clone)]
enum Via {
    Log,
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// Sends into the log.
    pub const fn log(from: Mailbox) -> Self {
        Self {
            from,
            via: Via::Log,
        }
    }

    /// Sends to the server of a URL: `smtp://` (plain; `?tls=required` for STARTTLS) or `smtps://`, with user and
    /// password where they are needed.
    ///
    /// # Errors
    /// A sentence if the URL is none; it does not show the URL.
    pub fn smtp(url: &str, from: Mailbox) -> Result<Self, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| format!("SMTP_URL cannot be used: {error}"))?
            .timeout(Some(PATIENCE))
            .build();
        Ok(Self {
            from,
            via: Via::Smtp(transport),
        })
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// To be tried again if the server is away or busy; final if it refuses the mail, or the address is none.
    pub async fn send(&self, mail: Mail) -> Result<(), JobError> {
        let to: Mailbox = mail.to.parse().map_err(|error| {
            JobError::give_up(format!("`{}` is no address for mail: {error}", mail.to))
        })?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(JobError::give_up)?;
        match &self.via {
            Via::Log => {
                tracing::info!(
                    to = mail.to,
                    subject = mail.subject,
                    id = mail.id,
                    "sending simulated"
                );
                Ok(())
            }
            Via::Smtp(transport) => match transport.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(JobError::give_up(told(&error))),
                Err(error) => Err(JobError::retry(told(&error))),
            },
        }
    }
}

/// An error with its sources, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text = format!("{text}: {next}");
        source = next.source();
    }
    text
}
