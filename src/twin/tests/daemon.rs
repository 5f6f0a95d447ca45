//! A small daemon that answers as told, checks signatures, and keeps what it got.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use super::super::sign::{Form, decoded, signature};
use super::*;

pub(super) const OURS: &str = "+12025550188";
pub(super) const CALLER: &str = "+12025550143";
pub(super) const ANA: &str = "+12025550101";
pub(super) const BEN: &str = "+12025550102";
/// Real time that a test waits for something before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A webhook as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    path: String,
    pub(super) form: Form,
    pub(super) signed: bool,
    pub(super) token: String,
}

impl Seen {
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.form.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Status and body of the answers still to give, by path.
type Answers = BTreeMap<String, VecDeque<(u16, String)>>;

#[derive(Clone)]
pub(super) struct Daemon {
    base: Url,
    answers: Arc<Mutex<Answers>>,
    seen: watch::Sender<Vec<Seen>>,
}

impl Daemon {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let daemon = Self {
            base: Url::parse(&base).expect("a URL"),
            answers: Arc::default(),
            seen: watch::Sender::new(Vec::new()),
        };
        let own = daemon.clone();
        let handler = move |request: Request| {
            let own = own.clone();
            async move { own.take(request).await }
        };
        let router = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        daemon
    }

    /// Queues an answer; the last one of a path stays.
    pub(super) fn answer(&self, path: &str, status: u16, body: &str) {
        let mut answers = self.answers.lock().expect("unbroken");
        answers
            .entry(path.to_owned())
            .or_default()
            .push_back((status, body.to_owned()));
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.base.join(path).expect("a URL").to_string()
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    pub(super) fn seen(&self, path: &str) -> Vec<Seen> {
        self.all()
            .into_iter()
            .filter(|seen| seen.path == path)
            .collect()
    }

    /// The webhooks to a path as soon as there are so many.
    pub(super) async fn wait(&self, path: &str, count: usize) -> Vec<Seen> {
        self.wait_until(path, |seen| seen.len() >= count).await
    }

    /// The webhooks to a path as soon as they are as wanted.
    pub(super) async fn wait_until(
        &self,
        path: &str,
        wanted: impl Fn(&[Seen]) -> bool,
    ) -> Vec<Seen> {
        let mut watch = self.seen.subscribe();
        let of = |all: &Vec<Seen>| -> Vec<Seen> {
            all.iter()
                .filter(|seen| seen.path == path)
                .cloned()
                .collect()
        };
        let enough = |all: &Vec<Seen>| wanted(&of(all));
        let waited = tokio::time::timeout(PATIENCE, watch.wait_for(enough))
            .await
            .is_ok();
        assert!(
            waited,
            "{path} did not get what was wanted: {:#?}",
            self.all()
        );
        self.seen(path)
    }

    async fn take(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let form = decoded(&to_bytes(body, 100_000).await.expect("a body"));
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .map_or("", |v| v.to_str().expect("text"))
                .to_owned()
        };
        let url = self
            .base
            .join(parts.uri.path_and_query().expect("a path").as_str())
            .expect("a URL");
        let path = parts.uri.path().to_owned();
        let seen = Seen {
            signed: header("x-twilio-signature") == signature("secret", url.as_str(), &form),
            token: header("i-twilio-idempotency-token"),
            path: path.clone(),
            form,
        };
        let answer = {
            let mut answers = self.answers.lock().expect("unbroken");
            match answers.get_mut(&path) {
                Some(queue) if queue.len() > 1 => queue.pop_front(),
                Some(queue) => queue.front().cloned(),
                None => None,
            }
        };
        self.seen.send_modify(|all| all.push(seen));
        let (status, body) = answer.unwrap_or((200, "<Response/>".to_owned()));
        let status = StatusCode::from_u16(status).expect("a status");
        (status, [("content-type", "text/xml")], body).into_response()
    }
}

/// A daemon and a twin at a speed that leaves a busy machine time to press a key.
pub(super) struct Stage {
    pub(super) daemon: Daemon,
    pub(super) twin: Twin,
    pub(super) base: Url,
    pub(super) client: reqwest::Client,
}

pub(super) async fn stage(answers: &[(&str, &str)]) -> Stage {
    stage_of(answers, |_| ()).await
}

pub(super) async fn stage_of(
    answers: &[(&str, &str)],
    change: impl FnOnce(&mut TwinSettings),
) -> Stage {
    let daemon = Daemon::start().await;
    for (path, body) in answers {
        daemon.answer(path, 200, body);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let base = Url::parse(&base).expect("a URL");
    let number = |number: &str| TwinNumber {
        number: number.to_owned(),
        name: "Main line".to_owned(),
    };
    let person = |name: &str, phone: &str| TwinPerson {
        name: name.to_owned(),
        phone: phone.to_owned(),
    };
    let mut settings = TwinSettings {
        account_sid: "AC1".to_owned(),
        auth_token: "secret".to_owned(),
        hooks_base: daemon.base.join("hooks").expect("a URL"),
        hook_options: "rc=5&rp=all".to_owned(),
        own_base: base.clone(),
        numbers: vec![number(OURS)],
        people: vec![person("Ana", ANA), person("Ben", BEN)],
        outside: vec![person("Cem", CALLER)],
        inbox: None,
        seconds_per_second: 25.0,
        opt_out: false,
        now: crate::ambient::now,
        seed: 7,
    };
    change(&mut settings);
    let twin = Twin::new(settings).expect("a twin");
    let serving = twin.clone();
    tokio::spawn(async move { serving.serve(listener).await });
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    Stage {
        daemon,
        twin,
        base,
        client: client.build().expect("a client"),
    }
}

impl Stage {
    /// Waits for a line of this kind and phone (any, when empty) that contains the text.
    pub(super) async fn sees(&self, kind: LineKind, phone: &str, text: &str) -> Line {
        let wanted = |line: &Line| {
            let same = phone.is_empty() || line.phone.as_deref() == Some(phone);
            line.kind == kind && same && line.text.contains(text)
        };
        let found = self.twin.wait_for(0, PATIENCE, wanted).await;
        found.unwrap_or_else(|| panic!("no {kind:?} with {text:?} in {:#?}", self.twin.lines(0)))
    }

    /// A request with the right credentials; `None` when there was no answer.
    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Option<(u16, Value)> {
        let url = format!("{}2010-04-01/Accounts/AC1/{path}", self.base);
        let request = self
            .client
            .post(url)
            .basic_auth("AC1", Some("secret"))
            .form(form);
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.expect("JSON")))
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let url = format!("{}2010-04-01/Accounts/AC1/{path}", self.base);
        let answer = self
            .client
            .get(url)
            .basic_auth("AC1", Some("secret"))
            .send()
            .await;
        answer.expect("an answer").json().await.expect("JSON")
    }

    pub(super) async fn send(&self, from: &str, to: &str, body: &str) -> Option<(u16, Value)> {
        let status = self.daemon.url("/status");
        let form = [
            ("From", from),
            ("To", to),
            ("Body", body),
            ("StatusCallback", status.as_str()),
        ];
        self.post("Messages.json", &form).await
    }
}
