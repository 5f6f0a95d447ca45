//! What flows ask of other systems: only what the configuration allows, with a deadline, and not again and again
//! of a system that does not answer.
//!
//! A request is made at most once unless it only reads: when this node or another stopped between asking and telling,
//! nobody knows whether it was carried out, and the flow hears that it failed.
//!
//! Requests have places of their own, so that systems that are slow hold no ringing back. Who finds no place waits for
//! one as long as the step would wait for an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use secrecy::ExposeSecret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use url::Url;

use crate::ambient::Stopwatch;
use crate::config::Http;
use crate::decide::Input;
use crate::metrics;
use crate::model::http::{HeaderText, HttpAnswer, HttpRequest, SecretRefused};
use crate::model::turn::Job;
use crate::model::{AccountId, CallId, RunId, Timestamp};

use super::Daemon;

/// After so many failures in a row an origin is left alone for a while.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone; then one request tries whether it answers again.
const OPEN: Duration = Duration::from_secs(30);
/// Requests of one account to one origin at a time.
const ORIGIN_IN_FLIGHT_MAX: usize = 16;
/// Requests that wait for a place; more fail at once.
const WAITING_MAX: usize = 1_000;
/// Accounts and origins remembered; those that nothing is to be remembered of are forgotten first.
const ORIGINS_MAX: usize = 1_000;
/// What a request is given at the least once it has its place.
const LEAST: Duration = Duration::from_millis(100);
/// The largest answer that is handed to a flow.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Whose requests, and to which origin. One account's requests, which may be what breaks a system, shall not close it
/// to the others.
type Way = (AccountId, String);

/// What is remembered of the systems that flows ask, and the places that requests take.
#[derive(Debug)]
pub(super) struct Circuits {
    ways: Mutex<HashMap<Way, Circuit>>,
    /// All requests under way.
    places: Semaphore,
    /// All requests that wait or are under way.
    asking: Semaphore,
}

#[derive(Debug)]
struct Circuit {
    failures: u32,
    open_until: Option<Timestamp>,
    places: Arc<Semaphore>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            failures: 0,
            open_until: None,
            places: Arc::new(Semaphore::new(ORIGIN_IN_FLIGHT_MAX)),
        }
    }
}

impl Circuit {
    fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| until > now)
    }

    /// Whether forgetting it would change nothing: it is closed, and nobody has a place or waits for one.
    fn is_idle(&self, now: Timestamp) -> bool {
        !self.is_open(now) && Arc::strong_count(&self.places) == 1
    }
}

/// What a request holds while it is under way.
#[derive(Debug)]
struct Held<'c> {
    _of_way: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'c>,
    _asking: SemaphorePermit<'c>,
}

impl Circuits {
    /// With so many requests under way at a time.
    pub(super) fn new(in_flight_max: usize) -> Self {
        Self {
            ways: Mutex::default(),
            places: Semaphore::new(in_flight_max),
            asking: Semaphore::new(in_flight_max + WAITING_MAX),
        }
    }

    fn ways(&self) -> MutexGuard<'_, HashMap<Way, Circuit>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places of this way, unless it is closed now.
    fn places_of(&self, way: &Way, now: Timestamp) -> Result<Arc<Semaphore>, &'static str> {
        let mut ways = self.ways();
        if ways.len() >= ORIGINS_MAX && !ways.contains_key(way) {
            ways.retain(|_, circuit| !circuit.is_idle(now));
        }
        let circuit = ways.entry(way.clone()).or_default();
        match circuit.is_open(now) {
            true => Err("circuit_open"),
            false => Ok(circuit.places.clone()),
        }
    }

    /// Waits for a place, at most so long.
    async fn place(
        &self,
        way: &Way,
        now: Timestamp,
        wait: Duration,
    ) -> Result<Held<'_>, &'static str> {
        let asking = self.asking.try_acquire().map_err(|_| "too_many")?;
        let of_way = self.places_of(way, now)?;
        // First the origin's: who waits for a slow system keeps nobody from another.
        let held = async {
            let of_way = of_way.acquire_owned().await.ok()?;
            let of_all = self.places.acquire().await.ok()?;
            Some(Held {
                _of_way: of_way,
                _of_all: of_all,
                _asking: asking,
            })
        };
        let held = tokio::time::timeout(wait, held).await;
        held.ok().flatten().ok_or("too_many")
    }

    /// Whether a request that has its place may be made now; if so it must be told what came of it.
    fn enter(&self, way: &Way, now: Timestamp) -> Result<(), &'static str> {
        let mut ways = self.ways();
        let circuit = ways.entry(way.clone()).or_default();
        if circuit.is_open(now) {
            return Err("circuit_open");
        }
        if circuit.failures >= FAILURES_MAX {
            // This one tries; the others wait for what comes of it.
            circuit.open_until = Some(now + OPEN);
        }
        Ok(())
    }

    fn leave(&self, way: &Way, answered: bool, now: Timestamp) {
        let mut ways = self.ways();
        let Some(circuit) = ways.get_mut(way) else {
            return;
        };
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

    fn account(n: u128) -> AccountId {
        Id::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn way(n: u128, origin: &str) -> Way {
        (account(n), origin.to_owned())
    }

    #[test]
    fn who_does_not_answer_is_left_alone_for_a_while() {
        let circuits = Circuits::new(64);
        let (a, b, others) = (
            way(1, "https://a"),
            way(1, "https://b"),
            way(2, "https://a"),
        );
        let fails = |now| {
            circuits.enter(&a, now).unwrap();
            circuits.leave(&a, false, now);
        };
        (0..4).for_each(|second| fails(at(second)));
        assert_eq!(circuits.enter(&b, at(4)), Ok(()));
        fails(at(4));
        assert_eq!(circuits.enter(&a, at(5)), Err("circuit_open"));
        assert_eq!(circuits.places_of(&a, at(5)).err(), Some("circuit_open"));
        assert_eq!(circuits.enter(&b, at(5)), Ok(()), "other systems go on");
        assert_eq!(
            circuits.enter(&others, at(5)),
            Ok(()),
            "so do other accounts"
        );
        // After the pause one tries, and the others wait for it.
        assert_eq!(circuits.enter(&a, at(34)), Ok(()));
        assert_eq!(circuits.enter(&a, at(34)), Err("circuit_open"));
        circuits.leave(&a, false, at(35));
        assert_eq!(circuits.enter(&a, at(60)), Err("circuit_open"));
        assert_eq!(circuits.enter(&a, at(65)), Ok(()));
        circuits.leave(&a, true, at(66));
        assert_eq!(circuits.enter(&a, at(66)), Ok(()));
    }

    #[tokio::test]
    async fn who_finds_no_place_waits_for_one_within_its_time() {
        let circuits = Circuits::new(ORIGIN_IN_FLIGHT_MAX + 1);
        let (a, b) = (way(1, "https://a"), way(1, "https://b"));
        let wait = Duration::from_millis(50);
        let mut held = Vec::new();
        for _ in 0..ORIGIN_IN_FLIGHT_MAX {
            held.push(circuits.place(&a, at(0), wait).await.unwrap());
        }
        assert_eq!(
            circuits.place(&a, at(0), wait).await.err(),
            Some("too_many")
        );
        // Those who wait for a slow system keep nobody from another.
        let (got, other) = tokio::join!(circuits.place(&a, at(0), wait), async {
            let other = circuits.place(&b, at(0), wait).await;
            held.pop();
            other
        });
        assert!(got.is_ok() && other.is_ok());
        // All places are taken now, whoever asks.
        let full = circuits.place(&way(2, "https://c"), at(0), wait).await;
        assert_eq!(full.err(), Some("too_many"));
        drop((held, got, other));
        assert_eq!(
            circuits.places.available_permits(),
            ORIGIN_IN_FLIGHT_MAX + 1
        );
        assert_eq!(
            circuits.asking.available_permits(),
            ORIGIN_IN_FLIGHT_MAX + 1 + WAITING_MAX
        );
    }

    #[test]
    fn ways_that_nothing_is_to_be_remembered_of_are_forgotten() {
        let circuits = Circuits::new(64);
        let closed = way(0, "https://closed");
        for second in 0..5 {
            circuits.enter(&closed, at(second)).unwrap();
            circuits.leave(&closed, false, at(second));
        }
        let mut in_use = Vec::new();
        for n in 1..=2 * ORIGINS_MAX {
            let places = circuits
                .places_of(&way(n as u128, "https://a"), at(5))
                .unwrap();
            in_use.extend((n == 1).then_some(places));
        }
        let ways = circuits.ways();
        assert!(ways.len() <= ORIGINS_MAX, "{}", ways.len());
        assert!(ways.contains_key(&closed) && ways.contains_key(&way(1, "https://a")));
    }

    #[test]
    fn the_time_of_a_step_runs_from_when_it_asked() {
        let left = |seconds: i64, attempts: u16| {
            let job = Job {
                id: JobId::from_uuid(uuid::Uuid::from_u128(1)),
                account: account(1),
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
