//! The carriers' door: `/carriers/{connection}/{hook}`. A request is bounded, verified and understood here;
//! it is answered when what it says is on disk, and refused with a reason of its own when it cannot be.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};

use serde::Serialize;

use crate::ambient::Stopwatch;
use crate::carrier;
use crate::daemon::{Daemon, Inner, Link, Received, Refused};
use crate::decide::Input;
use crate::metrics;
use crate::model::call::is_sound_file;
use crate::model::text::lossy;
use crate::model::{CallEventKind, CallScript, CallVerb, CallbackKey, Hook, Inbound};
use crate::net::body;
use crate::store::Answer;

/// The routes of the carriers' listener.
pub fn router(daemon: Daemon) -> Router {
    Router::new()
        .route("/carriers/{connection}/{hook}", any(receive))
        .route("/media/{file}", axum::routing::get(media))
        .fallback(nothing_here)
        .with_state(daemon)
}

/// A file that flows play, from the folder `media` beside them. Fetched by carriers without a signature, as
/// they fetch what a document names.
async fn media(State(daemon): State<Daemon>, Path(file): Path<String>) -> Response {
    let nothing = || StatusCode::NOT_FOUND.into_response();
    if !is_sound_file(&file) {
        return nothing();
    }
    let path = daemon.config().flows.join("media").join(&file);
    let size = tokio::fs::metadata(&path).await.map(|found| found.len());
    if !size.is_ok_and(|size| size <= daemon.config().limits.media_bytes_max) {
        return nothing();
    }
    let kind = if file.ends_with(".wav") {
        "audio/wav"
    } else {
        "audio/mpeg"
    };
    match tokio::fs::read(&path).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => nothing(),
    }
}

/// Gives the files that a script plays the address at which the carrier fetches them.
fn with_addresses(mut script: CallScript, public_url: &str) -> CallScript {
    address(&mut script.verbs, public_url);
    script
}

fn address(verbs: &mut [CallVerb], public_url: &str) {
    for verb in verbs {
        match verb {
            CallVerb::Play { url } if !url.contains("://") => {
                *url = format!("{public_url}/media/{url}")
            }
            CallVerb::Gather { prompt, .. } => address(prompt, public_url),
            _ => {}
        }
    }
}

async fn nothing_here() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "unknown_hook",
        "no such path; webhooks go to /carriers/{connection}/{hook}",
    )
}

/// A refusal: counted by its reason, told in plain words that are never sent on as a text.
fn refuse(status: StatusCode, reason: &'static str, words: &str) -> Response {
    metrics::refused(reason);
    let body = serde_json::json!({ "type": "about:blank", "title": words, "status": status.as_u16(), "code": reason });
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

async fn receive(
    State(daemon): State<Daemon>,
    Path((connection, hook)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    let Some(link) = daemon.link(&connection) else {
        return refuse(
            StatusCode::NOT_FOUND,
            "unknown_connection",
            "no connection of this name is configured",
        );
    };
    let Some(hook) = Hook::from_word(&hook) else {
        return refuse(StatusCode::NOT_FOUND, "unknown_hook", "no such hook");
    };
    if !matches!(*request.method(), Method::GET | Method::POST) {
        let mut answer = refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "webhooks come by GET or POST",
        );
        answer
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        return answer;
    }
    if hook == Hook::Hold && *request.method() == Method::GET {
        // The tone itself: the same for everybody, fetched by the carrier's media servers without a signature.
        return reply(carrier::ringback());
    }
    metrics::received(&link.connection.key, hook.as_str());
    let watch = Stopwatch::start();
    let answer = match understood(&daemon, &link, hook, request).await {
        Ok(webhook) => answered(&daemon, &link, hook, webhook).await,
        Err(refusal) => refusal,
    };
    metrics::answer_seconds(hook.as_str(), watch.seconds());
    answer
}

/// A webhook that its carrier did send, and what it says.
struct Webhook {
    inbounds: Vec<Inbound>,
    raw: Vec<u8>,
}

async fn understood(
    daemon: &Daemon,
    link: &Link,
    hook: Hook,
    request: Request<Body>,
) -> Result<Webhook, Response> {
    let request = whole(daemon, link, request).await?;
    let (at, now) = (&link.connection, daemon.now());
    match link.carrier.receive(at, hook, &request, now) {
        Ok(inbounds) => Ok(Webhook {
            raw: raw(&request, &inbounds),
            inbounds,
        }),
        Err(carrier::Refusal::Rejected(rejected)) => {
            let (key, reason) = (&at.key, rejected.code());
            tracing::warn!(connection = %key, hook = hook.as_str(), reason, "a webhook's signature was refused");
            Err(refuse(
                StatusCode::FORBIDDEN,
                "signature",
                &rejected.to_string(),
            ))
        }
        Err(carrier::Refusal::Malformed(malformed)) => {
            let (key, reason) = (&at.key, malformed.code());
            tracing::warn!(connection = %key, hook = hook.as_str(), reason, "a signed webhook could not be read");
            Err(refuse(
                StatusCode::BAD_REQUEST,
                "malformed",
                &malformed.to_string(),
            ))
        }
    }
}

/// The request with its whole body, under the URL by which the carrier knows us.
async fn whole(
    daemon: &Daemon,
    link: &Link,
    request: Request<Body>,
) -> Result<Request<Bytes>, Response> {
    let (mut parts, stream) = request.into_parts();
    let limits = &daemon.config().limits;
    let deadline = std::time::Duration::from_secs(limits.body_seconds);
    let bytes = body::read(stream, limits.body_bytes_max, deadline)
        .await
        .map_err(|error| {
            metrics::refused(error.reason());
            error.into_response()
        })?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let public = format!("{}{path}", link.connection.public_url);
    parts.uri = public.parse::<Uri>().map_err(|_| {
        refuse(
            StatusCode::BAD_REQUEST,
            "malformed",
            "the path cannot be part of a URL",
        )
    })?;
    Ok(Request::from_parts(parts, bytes))
}

/// The webhook as it is kept: where it came, what it said. Headers carry signatures and stay out.
fn raw(request: &Request<Bytes>, inbounds: &[Inbound]) -> Vec<u8> {
    let body = lossy(request.body());
    let query = request.uri().query().unwrap_or_default();
    let kept = Kept {
        query,
        body: &body,
        inbound: inbounds,
    };
    serde_json::to_vec(&kept).unwrap_or_default()
}

#[derive(Serialize)]
struct Kept<'r> {
    query: &'r str,
    body: &'r str,
    inbound: &'r [Inbound],
}

async fn answered(daemon: &Daemon, link: &Link, hook: Hook, webhook: Webhook) -> Response {
    if hook == Hook::Hold {
        return reply(hold(link));
    }
    let mut script = None;
    let Webhook { inbounds, mut raw } = webhook;
    let mut left = inbounds.len();
    for inbound in inbounds {
        left -= 1;
        // Mostly there is one, and it needs no copy.
        let kept = if left == 0 {
            std::mem::take(&mut raw)
        } else {
            raw.clone()
        };
        match save(daemon, link, hook, inbound, kept).await {
            Ok(answer) => script = script.or(script_of(answer)),
            Err(refused) => return later(daemon, refused),
        }
    }
    reply(match (script, link.carrier.voice()) {
        (Some(script), Some(voice)) => {
            let script = with_addresses(script, &link.connection.public_url);
            voice.answer(&link.connection, &script)
        }
        (None, Some(voice)) if wants_script(hook) => voice.answer(&link.connection, &goodbye(hook)),
        _ => link.carrier.acknowledge(&link.connection, hook),
    })
}

/// Asked over and over while a caller waits; says nothing that would have to be kept.
fn hold(link: &Link) -> http::Response<Bytes> {
    match link.carrier.voice() {
        Some(voice) => voice.hold(&link.connection),
        None => link.carrier.acknowledge(&link.connection, Hook::Hold),
    }
}

async fn save(
    daemon: &Daemon,
    link: &Link,
    hook: Hook,
    inbound: Inbound,
    raw: Vec<u8>,
) -> Result<Answer, Refused> {
    let connection = link.connection.key.clone();
    let dedupe = once(&inbound).then(|| Inner::dedupe(&connection, &inbound.dedupe(hook)));
    let received = Received {
        connection: connection.clone(),
        hook: hook.as_str().to_owned(),
        dedupe,
        raw,
    };
    daemon
        .receive(
            Input::Carrier {
                connection,
                inbound,
            },
            received,
        )
        .await
}

/// A leg that asks for its script again is no repeat: the call may have gone on, and asking changes nothing.
fn once(inbound: &Inbound) -> bool {
    !matches!(inbound, Inbound::Call(event) if event.kind == CallEventKind::Resumed)
}

/// What was decided now, or was answered the first time.
fn script_of(answer: Answer) -> Option<CallScript> {
    match answer {
        Answer::Decided { turn } => turn.answer,
        Answer::Repeat { answer } => serde_json::from_str(&answer?).ok(),
        Answer::Undecided(_) => None,
    }
}

/// The hooks whose answer the carrier carries out.
fn wants_script(hook: Hook) -> bool {
    matches!(hook, Hook::Call | Hook::Gather | Hook::Dial | Hook::Screen)
}

/// The end of a call that nobody here knows. A new one is refused unanswered, so that it costs nobody.
fn goodbye(hook: Hook) -> CallScript {
    let nobody = crate::model::Id::from_uuid(uuid::Uuid::nil());
    let verb = if hook == Hook::Call {
        CallVerb::Reject { busy: false }
    } else {
        CallVerb::Hangup
    };
    CallScript {
        key: CallbackKey::Call(nobody, 0),
        verbs: vec![verb],
    }
}

fn reply(response: http::Response<Bytes>) -> Response {
    response.map(Body::from)
}

/// Nothing was stored: the carrier comes again.
fn later(daemon: &Daemon, refused: Refused) -> Response {
    let mut answer = refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        refused.reason(),
        &refused.to_string(),
    );
    let wait = daemon.config().limits.retry_after_seconds;
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_an_address_wherever_they_are_played() {
        let play = |url: &str| CallVerb::Play {
            url: url.to_owned(),
        };
        let gather = CallVerb::Gather {
            prompt: vec![play("menu.mp3")],
            digits_max: Some(1),
            finish_on: None,
            timeout_s: 5,
            barge_in: true,
        };
        let nobody = crate::model::Id::from_uuid(uuid::Uuid::nil());
        let verbs = vec![
            play("welcome.mp3"),
            play("https://sound.example.org/a.mp3"),
            gather,
        ];
        let script = CallScript {
            key: CallbackKey::Call(nobody, 1),
            verbs,
        };
        let CallScript { verbs, .. } = with_addresses(script, "https://sms.example.org");
        let [
            CallVerb::Play { url: first },
            CallVerb::Play { url: second },
            CallVerb::Gather { prompt, .. },
        ] = verbs.as_slice()
        else {
            panic!("{verbs:?}")
        };
        assert_eq!(first, "https://sms.example.org/media/welcome.mp3");
        assert_eq!(second, "https://sound.example.org/a.mp3");
        assert_eq!(prompt, &[play("https://sms.example.org/media/menu.mp3")]);
    }
}
