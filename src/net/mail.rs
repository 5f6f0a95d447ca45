//! Handing e-mail to the organisation's mail server.

use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use crate::metrics;

/// Connections kept open to the mail server.
const CONNECTIONS_MAX: u32 = 8;
/// An idle connection is closed after this; servers drop them after some minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Wrapped,
    /// Not at all.
    None,
}

/// The organisation's mail server.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// Name and password, when it wants a sign-in.
    pub credentials: Option<(String, SecretString)>,
    /// Sender address of every e-mail.
    pub from: String,
    /// How long handing over one e-mail may take.
    pub timeout: Duration,
}

/// One e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Our id of it; becomes its Message-ID, so that a mail handed over twice is seen as one.
    pub message_id: String,
}

/// Why an e-mail was not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It never will be: the address or the sender is refused. The number is the server's, or 0 when we refused.
    #[error("refused for good ({0})")]
    Refused(u16),
    /// It may go later: the server is away, busy or does not let us in.
    #[error("not handed over: {0}")]
    Failed(&'static str),
}

/// Hands e-mails over, on a few connections that are kept.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailer")
    }
}

impl Mailer {
    /// A mailer for this server. Nothing is connected yet.
    pub fn new(relay: &Relay) -> Result<Self, MailError> {
        let from = relay.from.parse().map_err(|_| MailError::Refused(0))?;
        let pool = PoolConfig::new()
            .max_size(CONNECTIONS_MAX)
            .idle_timeout(IDLE_TIMEOUT);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&relay.host)
            .port(relay.port)
            .tls(tls(relay)?)
            .timeout(Some(relay.timeout))
            .pool_config(pool);
        if let Some((name, password)) = &relay.credentials {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(name.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            timeout: relay.timeout,
        })
    }

    /// Hands one e-mail over; `Ok` when the server took responsibility for it.
    pub async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let result = match self.message(mail) {
            Ok(message) => self.hand_over(message).await,
            Err(error) => Err(error),
        };
        metrics::emails(match result {
            Ok(()) => "sent",
            Err(MailError::Refused(_)) => "refused",
            Err(MailError::Failed(_)) => "failed",
        });
        result
    }

    async fn hand_over(&self, message: Message) -> Result<(), MailError> {
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error)),
            Err(_) => Err(MailError::Failed("took too long")),
        }
    }

    fn message(&self, mail: Mail) -> Result<Message, MailError> {
        let to: Mailbox = mail.to.parse().map_err(|_| MailError::Refused(0))?;
        let id = format!("<{}@{}>", mail.message_id, self.from.email.domain());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(one_line(&mail.subject))
            .message_id(Some(id))
            .singlepart(
                SinglePart::builder()
                    .header(ContentType::TEXT_PLAIN)
                    .body(mail.text),
            )
            .map_err(|_| MailError::Refused(0))?;
        // Keeps out-of-office replies from answering a machine (RFC 3834).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message
            .headers_mut()
            .insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tls(relay: &Relay) -> Result<Tls, MailError> {
    let parameters = || {
        TlsParameters::new(relay.host.clone())
            .map_err(|_| MailError::Failed("no certificates to trust on this machine"))
    };
    Ok(match relay.protection {
        Protection::StartTls => Tls::Required(parameters()?),
        Protection::Wrapped => Tls::Wrapper(parameters()?),
        Protection::None => Tls::None,
    })
}

fn judge(error: &smtp::Error) -> MailError {
    let code = error.status().map_or(0, u16::from);
    match () {
        // A wrong password is 535: permanent for SMTP, but ours to mend, and no fault of the e-mail.
        () if matches!(code, 530 | 534 | 535) => MailError::Failed("the server does not let us in"),
        () if error.is_permanent() => MailError::Refused(code),
        () if error.is_transient() => MailError::Failed("the server asks to come later"),
        () if error.is_timeout() => MailError::Failed("took too long"),
        () if error.is_tls() => MailError::Failed("no protected connection"),
        () => MailError::Failed("no connection"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    /// A mail server that answers `RCPT` as told and gives back what it was handed.
    async fn server(rcpt: &'static str) -> (Mailer, tokio::task::JoinHandle<String>) {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let relay = Relay {
            host: "127.0.0.1".to_owned(),
            port: socket.local_addr().unwrap().port(),
            protection: Protection::None,
            credentials: None,
            from: "Clinic <signalbox@example.org>".to_owned(),
            timeout: Duration::from_secs(5),
        };
        let talk = tokio::spawn(async move {
            let (stream, _) = socket.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 hello\r\n").await.unwrap();
            let (mut said, mut line, mut data) = (String::new(), String::new(), false);
            while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {
                said += &line;
                let answer = match line.trim_end() {
                    "." => "250 kept",
                    _ if data => "",
                    "DATA" => "354 go on",
                    "QUIT" => break,
                    rcpt_line if rcpt_line.starts_with("RCPT") => rcpt,
                    _ => "250 ok",
                };
                data = (data || answer.starts_with("354")) && answer != "250 kept";
                if !answer.is_empty() {
                    stream
                        .write_all(format!("{answer}\r\n").as_bytes())
                        .await
                        .unwrap();
                }
                if answer == "250 kept" {
                    break;
                }
                line.clear();
            }
            said
        });
        (Mailer::new(&relay).unwrap(), talk)
    }

    fn mail(to: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: "Your\r\nBcc: somebody@example.org appointment".to_owned(),
            text: "See you at ten.\n".to_owned(),
            message_id: "msg_1".to_owned(),
        }
    }

    #[tokio::test]
    async fn an_e_mail_is_handed_over() {
        let (mailer, talk) = server("250 ok").await;
        mailer.send(mail("ana@example.org")).await.unwrap();
        let said = talk.await.unwrap();
        for part in [
            "MAIL FROM:<signalbox@example.org>",
            "RCPT TO:<ana@example.org>",
            "Message-ID: <msg_1@example.org>",
            "Auto-Submitted: auto-generated",
            "Subject: Your Bcc: somebody@example.org appointment",
            "See you at ten.",
        ] {
            assert!(said.contains(part), "{part} in\n{said}");
        }
        assert!(!said.contains("\nBcc:"), "{said}");
    }

    #[tokio::test]
    async fn refusals_tell_whether_trying_again_helps() {
        for (rcpt, expected) in [
            ("550 no such person", MailError::Refused(550)),
            (
                "451 come back",
                MailError::Failed("the server asks to come later"),
            ),
        ] {
            let (mailer, _talk) = server(rcpt).await;
            assert_eq!(mailer.send(mail("ana@example.org")).await, Err(expected));
        }
        let (mailer, talk) = server("250 ok").await;
        assert_eq!(
            mailer.send(mail("nobody")).await,
            Err(MailError::Refused(0))
        );
        talk.abort();
        let _ = talk.await;
        let away = mailer.send(mail("ana@example.org")).await;
        assert_eq!(away, Err(MailError::Failed("no connection")));
    }
}
