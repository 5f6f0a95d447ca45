//! What flows ask of other systems: only what the configuration allows, with a deadline, and not again and again
//! of a system that does not answer.
//!
//! A request is made at most once unless it only reads: when this node or another stopped between asking and telling,
//! nobody knows whether it was carried out, and the flow hears that it failed.
//!
//! Requests have places of their own ([`circuits`]), so that systems that are slow hold no ringing back. Who finds no
//! place waits for one as long as the step would wait for an answer.

mod circuits;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use secrecy::ExposeSecret;
use url::Url;

use crate::ambient::Stopwatch;
use crate::config::Http;
use crate::decide::Input;
use crate::metrics;
use crate::model::http::{HeaderText, HttpAnswer, HttpRequest, SecretRefused};
use crate::model::turn::Job;
use crate::model::{CallId, RunId, Timestamp};

use super::Daemon;

pub(super) use circuits::Circuits;

/// What a request is given at the least once it has its place.
const LEAST: Duration = Duration::from_millis(100);
/// The largest answer that is handed to a flow.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Carries a request out and tells its run.
pub(super) async fn carry(
    daemon: &Daemon,
    job: &Job,
    (run, call, ask): (RunId, Option<CallId>, u32),
    request: &HttpRequest,
) {
    let answer = match asked(daemon, job, request).await {
        Ok(answer) => answer,
        Err(code) => {
            tracing::warn!(job = %job.id, code, "a flow's request to another system was not answered");
            HttpAnswer::None(code.to_owned())
        }
    };
    metrics::flow_requests(word(&answer));
    let once = format!("{run}:{ask}");
    let input = Input::Answered {
        run,
        call,
        ask,
        answer,
    };
    // Should this be lost, the run's own time-out tells it that the request failed.
    if let Err(refused) = daemon.receive_once("answered", Some(&once), input).await {
        let reason = refused.reason();
        tracing::warn!(reason, "what another system answered was not saved");
    }
}

fn word(answer: &HttpAnswer) -> &'static str {
    match answer {
        HttpAnswer::Answer { status, .. } => metrics::status_class(*status),
        HttpAnswer::None(code) => match code.as_str() {
            "not_allowed" | "secret_of_others" | "secret_elsewhere" => "not_allowed",
            "circuit_open" => "circuit_open",
            _ => "none",
        },
    }
}

async fn asked(
    daemon: &Daemon,
    job: &Job,
    request: &HttpRequest,
) -> Result<HttpAnswer, &'static str> {
    if job.attempts > 0 && !request.method.is_safe() {
        return Err("outcome_unknown");
    }
    let left = time_left(daemon.now(), job, request).ok_or("too_late")?;
    let settings = &daemon.config().http;
    let url = settings.rules.allowed(&request.url).ok_or("not_allowed")?;
    let account = daemon
        .directory()
        .account(job.account)
        .map(|it| it.key.clone());
    let made = made(
        settings,
        account.as_deref().unwrap_or_default(),
        &url,
        request,
    )?;
    let way = (job.account, url.origin().ascii_serialization());
    let waited = Stopwatch::start();
    let held = daemon.circuits.place(&way, daemon.now(), left).await?;
    daemon.circuits.enter(&way, daemon.now())?;
    let left = left.saturating_sub(waited.elapsed()).max(LEAST);
    let reply = daemon.client.send(made, left).await;
    // A system that says what is wrong with a request is there; one that breaks down over it is not well.
    let well = reply
        .as_ref()
        .is_ok_and(|reply| !reply.status().is_server_error());
    daemon.circuits.leave(&way, well, daemon.now());
    drop(held);
    let reply = reply.map_err(|_| "no_answer")?;
    if reply.body().len() > ANSWER_BYTES_MAX {
        return Err("too_large");
    }
    Ok(HttpAnswer::Answer {
        status: reply.status().as_u16(),
        body: String::from_utf8_lossy(reply.body()).into_owned(),
    })
}

/// How long an answer is still of use: the step's time runs from the moment that it asked. One that is asked a second
/// time, because a node stopped, has its whole time anew.
fn time_left(now: Timestamp, job: &Job, request: &HttpRequest) -> Option<Duration> {
    let deadline = Duration::from_secs(request.timeout_s.into());
    match job.attempts {
        0 => deadline.checked_sub(now.since(job.due_at)),
        _ => Some(deadline),
    }
}

fn made(
    settings: &Http,
    account: &str,
    url: &Url,
    request: &HttpRequest,
) -> Result<Request<Bytes>, &'static str> {
    let body = Bytes::from(request.body.clone().unwrap_or_default());
    let mut made = Request::builder()
        .method(request.method.as_str())
        .uri(url.as_str())
        .body(body)
        .map_err(|_| "no_such_address")?;
    for (name, text) in &request.headers {
        let name: HeaderName = name.parse().map_err(|_| "no_such_header")?;
        let (text, secret) = match text {
            HeaderText::Text(text) => (text.clone(), false),
            HeaderText::Secret { name, before } => {
                let secret = secret(settings, account, url, name)?;
                (format!("{before}{secret}"), true)
            }
        };
        let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| "no_such_header")?;
        value.set_sensitive(secret);
        made.headers_mut().insert(name, value);
    }
    Ok(made)
}

/// A secret laid open, when it may be sent there by this account.
fn secret<'s>(
    settings: &'s Http,
    account: &str,
    url: &Url,
    name: &str,
) -> Result<&'s str, &'static str> {
    let may = settings.rules.sends(name, account, url);
    may.map_err(|refused| match refused {
        SecretRefused::Unknown => "no_such_secret",
        SecretRefused::Account => "secret_of_others",
        SecretRefused::Address => "secret_elsewhere",
    })?;
    let secret = settings.secrets.get(name).ok_or("no_such_secret")?;
    Ok(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::http::{HttpMethod, HttpRules, SecretRule};
    use crate::model::turn::JobKind;
    use crate::model::{Id, JobId};

    fn settings() -> Http {
        let url = |text| Url::parse(text).unwrap();
        let crm = SecretRule {
            places: vec![url("https://crm.example.org/api")],
            accounts: vec!["clinic".to_owned()],
        };
        Http {
            rules: HttpRules {
                allow: vec![url("https://crm.example.org")],
                secrets: [("crm".to_owned(), crm)].into(),
            },
            secrets: [("crm".to_owned(), "hush".to_owned().into())].into(),
        }
    }

    fn request(url: &str, name: &str, text: &str) -> HttpRequest {
        HttpRequest {
            method: HttpMethod::Post,
            url: url.to_owned(),
            headers: vec![
                (
                    "authorization".into(),
                    HeaderText::Secret {
                        name: name.into(),
                        before: "Bearer ".into(),
                    },
                ),
                ("x-name".into(), HeaderText::Text(text.into())),
            ],
            body: Some("{}".into()),
            timeout_s: 5,
        }
    }

    #[test]
    fn secrets_are_put_in_as_the_request_leaves() {
        let with = |account: &str, at: &str, name: &str, text: &str| {
            let url = Url::parse(at).unwrap();
            made(&settings(), account, &url, &request(at, name, text))
        };
        let api = "https://crm.example.org/api";
        let sent = with("clinic", api, "crm", "Pia").unwrap();
        assert_eq!(sent.headers()["authorization"], "Bearer hush");
        assert!(sent.headers()["authorization"].is_sensitive());
        assert_eq!(sent.method(), "POST");
        for (account, at, name, text, expected) in [
            ("clinic", api, "other", "Pia", "no_such_secret"),
            ("college", api, "crm", "Pia", "secret_of_others"),
            ("", api, "crm", "Pia", "secret_of_others"),
            (
                "clinic",
                "https://crm.example.org/echo",
                "crm",
                "Pia",
                "secret_elsewhere",
            ),
            ("clinic", api, "crm", "a\r\nb: c", "no_such_header"),
        ] {
            let refused = with(account, at, name, text).unwrap_err();
            assert_eq!(refused, expected, "{account} {at} {name}");
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn the_time_of_a_step_runs_from_when_it_asked() {
        let left = |seconds: i64, attempts: u16| {
            let job = Job {
                id: JobId::from_uuid(uuid::Uuid::from_u128(1)),
                account: Id::from_uuid(uuid::Uuid::from_u128(1)),
                connection: String::new(),
                kind: JobKind::Http {
                    run: Id::from_uuid(uuid::Uuid::from_u128(2)),
                    call: None,
                    ask: 1,
                    request: request("https://crm.example.org", "crm", ""),
                },
                due_at: at(0),
                attempts,
            };
            let JobKind::Http { request, .. } = &job.kind else {
                unreachable!()
            };
            time_left(at(seconds), &job, request).map(|left| left.as_secs())
        };
        assert_eq!(
            (left(0, 0), left(2, 0), left(6, 0)),
            (Some(5), Some(3), None)
        );
        assert_eq!(
            left(60, 1),
            Some(5),
            "it had no answer from a node that stopped"
        );
    }
}
