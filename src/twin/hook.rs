//! Delivering webhooks: signed, bounded in time, and repeated as the address' fragment asks for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;
use uuid::Uuid;

use super::shared::Shared;
use super::sign::{Form, encoded, signature};
use super::transcript::LineKind;
use super::twiml::DOCUMENT_BYTES_MAX;

const CONNECT_MS_DEFAULT: u64 = 5_000;
const READ_MS_DEFAULT: u64 = 15_000;
const READ_MS_MAX: u64 = 15_000;
const RETRIES_MAX: u32 = 5;
/// Seconds between two tries, in the twin's time.
const RETRY_PAUSE_S: f64 = 1.0;
/// But never less than this: however fast the twin's time goes, a process that starts anew takes its own.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(500);
/// Webhooks of one source waiting for their turn, at most.
const ORDERED_HOOKS_MAX: usize = 64;

/// A webhook to be delivered.
#[derive(Clone)]
pub(super) struct Hook {
    /// The address, with the fragment that says how failures are treated.
    pub(super) url: Url,
    pub(super) get: bool,
    pub(super) form: Form,
}

/// How failures are treated: the connection overrides of the address' fragment.
#[derive(Debug, PartialEq)]
struct Overrides {
    retries: u32,
    policy: String,
    read: Duration,
}

impl Overrides {
    fn read(fragment: Option<&str>) -> Self {
        let mut found = Self {
            retries: 1,
            policy: "ct".to_owned(),
            read: Duration::from_millis(READ_MS_DEFAULT),
        };
        for (name, value) in form_urlencoded::parse(fragment.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "rc" => found.retries = value.parse().unwrap_or(1).min(RETRIES_MAX),
                "rp" => found.policy = value.into_owned(),
                "rt" | "tt" => {
                    let ms: u64 = value.parse().unwrap_or(READ_MS_DEFAULT);
                    found.read = Duration::from_millis(ms.clamp(100, READ_MS_MAX)).min(found.read);
                }
                _ => {}
            }
        }
        found
    }

    fn repeats(&self, class: &str) -> bool {
        self.policy
            .split(',')
            .any(|word| word == "all" || word == class)
    }
}

/// How one try failed: its class in the fragment's terms, and words for people.
struct Failure {
    class: &'static str,
    text: String,
}

/// The client that webhooks are sent with.
pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_millis(CONNECT_MS_DEFAULT))
        .user_agent("TwilioProxy/1.1")
        .build()
}

impl Shared {
    /// Delivers a webhook and returns the body of the answer; what went wrong, for people, otherwise.
    pub(super) async fn deliver(self: &Arc<Self>, hook: Hook) -> Result<String, String> {
        let token = self.world().uuid();
        if self.world().faults.deliver_twice {
            let (twin, again) = (self.clone(), hook.clone());
            self.spawn(async move {
                let _ = twin.repeat(&again, token).await;
            });
        }
        self.repeat(&hook, token).await
    }

    async fn repeat(&self, hook: &Hook, token: Uuid) -> Result<String, String> {
        let overrides = Overrides::read(hook.url.fragment());
        let path = hook.url.path().to_owned();
        let mut tried = 0;
        loop {
            let failure = match self.attempt(hook, token, overrides.read).await {
                Ok((status, body)) => {
                    self.line(
                        LineKind::Hook,
                        None,
                        None,
                        format!("{path} answered {status}"),
                    );
                    return Ok(body);
                }
                Err(failure) => failure,
            };
            let text = format!("{path} {}", failure.text);
            self.line(LineKind::Fault, None, None, text.clone());
            if tried >= overrides.retries || !overrides.repeats(failure.class) {
                return Err(text);
            }
            tried += 1;
            let pause = self.real(RETRY_PAUSE_S).max(RETRY_PAUSE_MIN);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        hook: &Hook,
        token: Uuid,
        read: Duration,
    ) -> Result<(u16, String), Failure> {
        let sent = self.signed(hook, token).timeout(read).send().await;
        let mut answer = sent.map_err(|fault| failure(&fault))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|fault| failure(&fault))? {
            body.extend_from_slice(&part);
            if body.len() > DOCUMENT_BYTES_MAX {
                return Err(Failure::new(
                    "rt",
                    "answered more than 64 kB (11750)".to_owned(),
                ));
            }
        }
        let class = if status.is_server_error() {
            "5xx"
        } else {
            "4xx"
        };
        if !status.is_success() {
            return Err(Failure::new(class, format!("answered {}", status.as_u16())));
        }
        let body = String::from_utf8(body)
            .map_err(|_| Failure::new("rt", "answered what is no UTF-8".to_owned()))?;
        Ok((status.as_u16(), body))
    }

    fn signed(&self, hook: &Hook, token: Uuid) -> reqwest::RequestBuilder {
        let mut url = hook.url.clone();
        url.set_fragment(None);
        let secret = &self.settings.auth_token;
        let (request, signed) = if hook.get {
            url.query_pairs_mut().extend_pairs(&hook.form);
            let signed = signature(secret, url.as_str(), &[]);
            (self.client.get(url), signed)
        } else {
            let signed = signature(secret, url.as_str(), &hook.form);
            let kind = "application/x-www-form-urlencoded; charset=UTF-8";
            let request = self.client.post(url).header("content-type", kind);
            (request.body(encoded(&hook.form)), signed)
        };
        request
            .header("x-twilio-signature", signed)
            .header("i-twilio-idempotency-token", token.to_string())
            .header("accept", "*/*")
    }

    /// A sender of webhooks that keeps their order; it ends when the sender is dropped.
    pub(super) fn ordered_hooks(self: &Arc<Self>) -> mpsc::Sender<Hook> {
        let (sender, mut queue) = mpsc::channel(ORDERED_HOOKS_MAX);
        let twin = self.clone();
        self.spawn(async move {
            while let Some(hook) = queue.recv().await {
                // A failure is a line of the transcript already.
                let _ = twin.deliver(hook).await;
            }
        });
        sender
    }
}

impl Failure {
    fn new(class: &'static str, text: String) -> Self {
        Self { class, text }
    }
}

fn failure(fault: &reqwest::Error) -> Failure {
    if fault.is_connect() {
        return Failure::new("ct", "could not be connected (11210)".to_owned());
    }
    let text = if fault.is_timeout() {
        "did not answer in time (11200)"
    } else {
        "broke off (11200)"
    };
    Failure::new("rt", text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_say_how_failures_are_treated() {
        for (fragment, retries, class, repeats) in [
            (None, 1, "ct", true),
            (None, 1, "5xx", false),
            (Some("rc=5&rp=all"), 5, "4xx", true),
            (Some("rc=9&rp=5xx,rt"), 5, "rt", true),
            (Some("rc=2&rp=5xx,rt"), 2, "4xx", false),
        ] {
            let found = Overrides::read(fragment);
            assert_eq!(
                (found.retries, found.repeats(class)),
                (retries, repeats),
                "{fragment:?}"
            );
        }
        assert_eq!(
            Overrides::read(Some("rt=200")).read,
            Duration::from_millis(200)
        );
    }
}
