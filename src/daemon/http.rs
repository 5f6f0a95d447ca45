//! What flows ask of other systems: only what the configuration allows, with a deadline, and not again and again
//! of a system that does not answer.
//!
//! A request is made at most once unless it only reads: when this node or another stopped between asking and telling,
//! nobody knows whether it was carried out, and the flow hears that it failed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use secrecy::ExposeSecret;
use url::Url;

use crate::config::Http;
use crate::decide::Input;
use crate::metrics;
use crate::model::http::{HeaderText, HttpAnswer, HttpRequest};
use crate::model::turn::Job;
use crate::model::{CallId, RunId, Timestamp};

use super::Daemon;

/// After so many failures in a row an origin is left alone for a while.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone; then one request tries whether it answers again.
const OPEN: Duration = Duration::from_secs(30);
/// Requests to one origin at a time.
const IN_FLIGHT_MAX: u32 = 16;
/// Origins remembered; the configuration names far fewer.
const ORIGINS_MAX: usize = 1_000;
/// The largest answer that is handed to a flow.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What is remembered of the systems that flows ask.
#[derive(Debug, Default)]
pub(super) struct Circuits(Mutex<HashMap<String, Circuit>>);

#[derive(Debug, Clone, Copy, Default)]
struct Circuit {
    failures: u32,
    in_flight: u32,
    open_until: Option<Timestamp>,
}

impl Circuits {
    /// Whether this origin may be asked now; if so it must be told what came of it.
    fn enter(&self, origin: &str, now: Timestamp) -> Result<(), &'static str> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ORIGINS_MAX && !all.contains_key(origin) {
            all.retain(|_, circuit| circuit.in_flight > 0 || circuit.open_until > Some(now));
        }
        let circuit = all.entry(origin.to_owned()).or_default();
        if circuit.open_until.is_some_and(|until| until > now) {
            return Err("circuit_open");
        }
        if circuit.in_flight >= IN_FLIGHT_MAX {
            return Err("too_many");
        }
        if circuit.failures >= FAILURES_MAX {
            // This one tries; the others wait for what comes of it.
            circuit.open_until = Some(now + OPEN);
        }
        circuit.in_flight += 1;
        Ok(())
    }

    fn leave(&self, origin: &str, answered: bool, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(circuit) = all.get_mut(origin) else {
            return;
        };
        circuit.in_flight = circuit.in_flight.saturating_sub(1);
        if answered {
            (circuit.failures, circuit.open_until) = (0, None);
            return;
        }
        circuit.failures = circuit.failures.saturating_add(1);
        if circuit.failures >= FAILURES_MAX {
            circuit.open_until = Some(now + OPEN);
        }
    }
}

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
            "not_allowed" => "not_allowed",
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
    let deadline = Duration::from_secs(request.timeout_s.into());
    if job.attempts > 0 && !request.method.is_safe() {
        return Err("outcome_unknown");
    }
    if daemon.now().since(job.due_at) > deadline && job.attempts == 0 {
        return Err("too_late");
    }
    let settings = &daemon.config().http;
    let url = allowed(settings, &request.url).ok_or("not_allowed")?;
    let origin = url.origin().ascii_serialization();
    let made = made(settings, &url, request)?;
    daemon.circuits.enter(&origin, daemon.now())?;
    let reply = daemon.client.send(made, deadline).await;
    // A system that says what is wrong with a request is there; one that breaks down over it is not well.
    let well = reply
        .as_ref()
        .is_ok_and(|reply| !reply.status().is_server_error());
    daemon.circuits.leave(&origin, well, daemon.now());
    let reply = reply.map_err(|_| "no_answer")?;
    if reply.body().len() > ANSWER_BYTES_MAX {
        return Err("too_large");
    }
    Ok(HttpAnswer::Answer {
        status: reply.status().as_u16(),
        body: String::from_utf8_lossy(reply.body()).into_owned(),
    })
}

/// The address, when the configuration allows it: the same scheme, host and port, and a path below the allowed one.
fn allowed(settings: &Http, url: &str) -> Option<Url> {
    if leads_up(url) {
        return None;
    }
    let url = Url::parse(url).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    let below = |allowed: &Url| {
        let prefix = allowed.path().trim_end_matches('/');
        let rest = url.path().strip_prefix(prefix);
        let whole = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        allowed.origin() == url.origin() && whole
    };
    (plain && settings.allow.iter().any(below)).then_some(url)
}

/// Whether a part of the path is nothing but dots, in whatever spelling: reading the address would take it for the way
/// up, out of what the flow's writer wrote.
fn leads_up(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or("");
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split(['/', '\\']).any(|part| {
        let part = part.to_ascii_lowercase().replace("%2e", ".");
        matches!(part.as_str(), "." | "..")
    })
}

fn made(settings: &Http, url: &Url, request: &HttpRequest) -> Result<Request<Bytes>, &'static str> {
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
                let secret = settings.secrets.get(name).ok_or("no_such_secret")?;
                (format!("{before}{}", secret.expose_secret()), true)
            }
        };
        let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| "no_such_header")?;
        value.set_sensitive(secret);
        made.headers_mut().insert(name, value);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::http::HttpMethod;

    fn settings() -> Http {
        let allow = ["https://crm.example.org/api/", "http://127.0.0.1:9000"];
        Http {
            allow: allow.map(|url| Url::parse(url).unwrap()).to_vec(),
            secrets: [("crm".to_owned(), "hush".to_owned().into())].into(),
        }
    }

    #[test]
    fn only_what_is_allowed_is_asked() {
        for (url, expected) in [
            ("https://crm.example.org/api", true),
            ("https://crm.example.org/api/a?b=c", true),
            ("https://CRM.example.org:443/api/a", true),
            ("http://127.0.0.1:9000/anything", true),
            ("https://crm.example.org/apix", false),
            ("https://crm.example.org/api/a/../b", false),
            ("https://crm.example.org/api/%2E%2e/b", false),
            ("https://crm.example.org/api/contacts/.", false),
            ("https://crm.example.org/api/v1.2/..a", true),
            ("https://crm.example.org/api/../admin", false),
            ("https://crm.example.org/api/%2e%2e/admin", false),
            ("http://crm.example.org/api", false),
            ("https://crm.example.org:8443/api", false),
            ("https://crm.example.org@evil.example.net/api", false),
            ("https://user:word@crm.example.org/api", false),
            ("https://evil.example.net/api", false),
            ("ftp://crm.example.org/api", false),
            ("nonsense", false),
        ] {
            assert_eq!(allowed(&settings(), url).is_some(), expected, "{url}");
        }
    }

    #[test]
    fn secrets_are_put_in_as_the_request_leaves() {
        let url = Url::parse("https://crm.example.org/api").unwrap();
        let with = |name: &str, text: &str| {
            let request = HttpRequest {
                method: HttpMethod::Post,
                url: url.to_string(),
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
            };
            made(&settings(), &url, &request)
        };
        let request = with("crm", "Pia").unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer hush");
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!(request.method(), "POST");
        assert_eq!(with("other", "Pia").unwrap_err(), "no_such_secret");
        assert_eq!(with("crm", "a\r\nb: c").unwrap_err(), "no_such_header");
    }

    #[test]
    fn who_does_not_answer_is_left_alone_for_a_while() {
        let circuits = Circuits::default();
        let at = |seconds: i64| Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000);
        let fails = |now| {
            circuits.enter("https://a", now).unwrap();
            circuits.leave("https://a", false, now);
        };
        (0..4).for_each(|second| fails(at(second)));
        assert_eq!(circuits.enter("https://b", at(4)), Ok(()));
        fails(at(4));
        assert_eq!(circuits.enter("https://a", at(5)), Err("circuit_open"));
        assert_eq!(circuits.enter("https://b", at(5)), Ok(()), "others go on");
        // After the pause one tries, and the others wait for it.
        assert_eq!(circuits.enter("https://a", at(34)), Ok(()));
        assert_eq!(circuits.enter("https://a", at(34)), Err("circuit_open"));
        circuits.leave("https://a", false, at(35));
        assert_eq!(circuits.enter("https://a", at(60)), Err("circuit_open"));
        assert_eq!(circuits.enter("https://a", at(65)), Ok(()));
        circuits.leave("https://a", true, at(66));
        for _ in 0..IN_FLIGHT_MAX {
            assert_eq!(circuits.enter("https://a", at(66)), Ok(()));
        }
        assert_eq!(circuits.enter("https://a", at(66)), Err("too_many"));
        circuits.leave("https://a", true, at(67));
        assert_eq!(circuits.enter("https://a", at(67)), Ok(()));
    }
}
