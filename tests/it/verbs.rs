//! Steps that reach beyond the thread: other systems, other phones, members, other flows.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use signalbox::twin::{LineKind, PhoneAction};
use tokio::net::TcpListener;

use crate::support::on_both_stores;
use crate::support::stage::{CLEO, CLINIC, Kind, SHARED, STRANGER, Stage, TOKEN, Wish};

on_both_stores!(
    a_text_flow_asks_another_system,
    a_system_that_is_not_allowed_is_not_asked,
    a_caller_waits_for_an_answer_and_is_handed_on,
    a_called_flow_comes_back,
);

/// Another system: it keeps what it was asked, and answers about Rosa.
#[derive(Clone, Default)]
struct Other(Arc<Mutex<Vec<String>>>);

impl Other {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let other = Self::default();
        let router = Router::new().fallback(answer).with_state(other.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (other, base)
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn answer(
    State(other): State<Other>,
    method: Method,
    at: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = headers.get("authorization").map(|value| value.to_str());
    let line = format!("{method} {at} {token:?} {}", String::from_utf8_lossy(&body));
    other.0.lock().unwrap().push(line);
    if at.path().ends_with("/nobody") {
        return StatusCode::NOT_FOUND.into_response();
    }
    r#"{"person":{"name":"Rosa"}}"#.into_response()
}

/// A stage that may ask `{base}/api`.
async fn stage(kind: Kind, base: &str) -> Stage {
    let mut wish = Wish::new(kind);
    wish.config = format!(
        "http:\n  allow: [{base}/api]\n  secrets: {{ crm: {{ env: SIGNALBOX_TEST_TOKEN, for: {base}/api }} }}\n"
    );
    Stage::wished(wish).await
}

async fn a_text_flow_asks_another_system(kind: Kind) {
    let (other, base) = Other::start().await;
    let stage = stage(kind, &base).await;
    let flow = format!(
        r#"
flow: hello
account: college
on: sms
steps:
  who:
    http:
      url: "{base}/api/people?phone={{{{ message.from }}}}"
      method: POST
      headers: {{ authorization: {{ secret: crm, before: "Bearer " }} }}
      body: {{ text: "{{{{ message.text }}}}" }}
      save_as: {{ flow.name: person.name }}
    then: {{ ok: nobody, else: end }}
  nobody:
    http: {{ url: "{base}/api/nobody" }}
    then: {{ refused: greet, else: end }}
  greet:
    reply: "Hello {{{{ flow.name }}}}, {{{{ steps.nobody.status }}}}"
    next: tell
  tell:
    notify: {{ user: ana, by: [email, text], subject: "{{{{ flow.name }}}} wrote", text: Look }}
    next: end
"#
    );
    stage.publish("hello.yaml", &flow).await;
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage
        .sees(LineKind::TextOut, STRANGER, "Hello Rosa, 404")
        .await;
    stage.sees(LineKind::TextOut, "", "Look").await;
    stage.mail("Rosa wrote").await;
    let phone = STRANGER.replace('+', "%2B");
    assert_eq!(
        other.asked(),
        [
            format!(
                "POST /api/people?phone={phone} Some(Ok(\"Bearer {TOKEN}\")) {{\"text\":\"hello\"}}"
            ),
            "GET /api/nobody None ".to_owned(),
        ]
    );
    // The secret is nowhere but in the request.
    let kept = "SELECT CAST(raw AS TEXT) FROM event";
    assert!(!stage.said().contains(TOKEN));
    for row in stage.rows.column(kept).await {
        assert!(!row.contains(TOKEN), "{row}");
    }
    let asked = || stage.metric("signalbox_flow_requests_total", &[]);
    assert_eq!(asked().await, 2.0);
}

async fn a_system_that_is_not_allowed_is_not_asked(kind: Kind) {
    let (other, base) = Other::start().await;
    let stage = stage(kind, &base).await;
    let flow = format!(
        "flow: hello\naccount: college\non: sms\nsteps:\n  who:\n    http: {{ url: \"{base}/{{{{ message.text }}}}\" }}\n    then: {{ failed: sorry, else: end }}\n  sorry:\n    reply: Not today\n    next: end\n"
    );
    stage.publish("hello.yaml", &flow).await;
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage.sees(LineKind::TextOut, STRANGER, "Not today").await;
    assert!(other.asked().is_empty());
    let refused = stage.metric(
        "signalbox_flow_requests_total",
        &[("outcome", "not_allowed")],
    );
    assert_eq!(refused.await, 1.0);
}

async fn a_caller_waits_for_an_answer_and_is_handed_on(kind: Kind) {
    let (other, base) = Other::start().await;
    let stage = stage(kind, &base).await;
    let flow = format!(
        "flow: in-turn\naccount: clinic\non: call\nsteps:\n  hello:\n    say: One moment please\n    next: who\n  who:\n    http: {{ url: \"{base}/api/people\", save_as: {{ flow.name: person.name }} }}\n    then: {{ ok: greet, else: end }}\n  greet:\n    say: \"Hello {{{{ flow.name }}}}\"\n    next: on\n  on:\n    transfer: \"{CLEO}\"\n"
    );
    stage.publish("in-turn.yaml", &flow).await;
    let call = stage.twin.call(STRANGER, CLINIC).unwrap();
    stage
        .sees(LineKind::Hears, STRANGER, "One moment please")
        .await;
    stage.sees(LineKind::Hears, STRANGER, "Hello Rosa").await;
    stage.sees(LineKind::Rings, CLEO, "").await;
    stage.twin.phone(CLEO, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Connected, "", "").await;
    stage.twin.hang_up(&call).unwrap();
    let outcome = "SELECT status, outcome FROM call";
    stage.until(outcome, &[&["completed", "ended"]]).await;
    assert_eq!(other.asked().len(), 1);
    let heard = stage.twin.lines(0);
    let moments = heard
        .iter()
        .filter(|line| line.kind == LineKind::Hears && line.text.contains("One moment"));
    assert_eq!(
        moments.count(),
        1,
        "said once, however often the caller asks again"
    );
}

/// The flow that calls is published anew while its caller is in the other one.
async fn a_called_flow_comes_back(kind: Kind) {
    let stage = Stage::start(kind).await;
    let calls = |word: &str| {
        format!(
            "flow: hello\naccount: college\non: sms\nsteps:\n  ask:\n    call: {{ flow: asks, with: {{ what: your word }} }}\n    next: thanks\n  thanks:\n    reply: \"{word} {{{{ steps.ask.result }}}}\"\n    next: end\n"
        )
    };
    let asks = "flow: asks\naccount: college\non: sms\nwith: { what: it }\nsteps:\n  ask:\n    ask: { prompt: \"Say {{ flow.what }}\", save_as: flow.result }\n    then: { valid: end, else: end }\n";
    stage.publish("asks.yaml", asks).await;
    stage.publish("hello.yaml", &calls("Thanks for")).await;
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage
        .sees(LineKind::TextOut, STRANGER, "Say your word")
        .await;
    stage.publish("hello.yaml", &calls("Changed")).await;
    stage.twin.text(STRANGER, SHARED, "sesame", &[]).unwrap();
    stage
        .sees(LineKind::TextOut, STRANGER, "Thanks for sesame")
        .await;
    let ended = "SELECT flow, CAST(ended AS INTEGER) || '' FROM run";
    stage.until(ended, &[&["hello", "1"]]).await;
}
