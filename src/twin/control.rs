//! `/demo/api/`: what the page and tests over HTTP use to play the people.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::Stream;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Twin;
use super::calls::PhoneAction;
use super::fault::Faults;
use super::settings::TwinError;
use super::shared::Shared;
use super::text::TwinMedia;
use super::transcript::Line;

/// Bytes of one control request, at most: ten pictures in base64.
const BODY_BYTES_MAX: usize = 7_000_000;
/// Seconds between two signs of life on an idle stream.
const KEEP_ALIVE_S: u64 = 15;

/// The control routes, to be nested at `/demo/api`.
pub(super) fn router(twin: Twin) -> Router {
    Router::new()
        .route("/state", get(state))
        .route("/events", get(events))
        .route("/transcript", get(transcript))
        .route("/requests", get(requests))
        .route("/text", post(text))
        .route("/call", post(call))
        .route("/calls/{call}/press", post(press))
        .route("/calls/{call}/hangup", post(hang_up))
        .route("/calls/{call}/voicemail", post(voicemail))
        .route("/phones/{phone}/press", post(press_on))
        .route("/phones/{phone}/reachable", post(reachable))
        .route("/phones/{phone}/{action}", post(use_phone))
        .route("/faults", get(faults).post(set_faults))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(own_page_only))
        .with_state(twin)
}

/// A browser says where a request comes from; only the twin's own page (or no page at all) may ask.
async fn own_page_only(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site");
    let site = site.and_then(|value| value.to_str().ok());
    if matches!(site, Some("cross-site" | "same-site")) {
        return (
            StatusCode::FORBIDDEN,
            Json(json!({ "error": "not from this page" })),
        )
            .into_response();
    }
    next.run(request).await
}

impl IntoResponse for TwinError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownNumber | Self::UnknownCall => StatusCode::NOT_FOUND,
            Self::IdlePhone => StatusCode::CONFLICT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Client(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

type Answer = Result<Json<Value>, TwinError>;

fn done(result: Result<(), TwinError>) -> Answer {
    result.map(|()| Json(json!({})))
}

async fn state(State(twin): State<Twin>) -> Json<Value> {
    Json(twin.state())
}

async fn requests(State(twin): State<Twin>) -> Response {
    Json(twin.requests()).into_response()
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn transcript(
    State(twin): State<Twin>,
    Query(After { after }): Query<After>,
) -> Json<Vec<Line>> {
    Json(twin.lines(after))
}

async fn events(
    State(twin): State<Twin>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Response {
    let seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let after = seen
        .and_then(|text| text.parse().ok())
        .unwrap_or(query.after);
    let alive = KeepAlive::new().interval(Duration::from_secs(KEEP_ALIVE_S));
    Sse::new(stream(twin.shared(), after))
        .keep_alive(alive)
        .into_response()
}

/// All lines after one, then each further line as it comes; ends when the twin stops.
fn stream(twin: Arc<Shared>, after: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    let watch = twin.transcript.watch();
    let waiting = std::collections::VecDeque::new();
    futures_util::stream::unfold((twin, watch, waiting, after), async |mut at| {
        let (twin, watch, waiting, after) = &mut at;
        while waiting.is_empty() {
            watch.borrow_and_update();
            waiting.extend(twin.transcript.after(*after));
            if waiting.is_empty() {
                tokio::select! {
                    () = twin.stop.cancelled() => return None,
                    changed = watch.changed() => changed.ok()?,
                }
            }
        }
        let line: Line = waiting.pop_front()?;
        *after = line.id;
        let event = Event::default()
            .id(line.id.to_string())
            .json_data(&line)
            .ok()?;
        Some((Ok(event), at))
    })
}

#[derive(Deserialize)]
struct TextBody {
    from: String,
    to: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: Vec<MediaBody>,
}

#[derive(Deserialize)]
struct MediaBody {
    content_type: String,
    base64: Option<String>,
}

async fn text(State(twin): State<Twin>, Json(body): Json<TextBody>) -> Answer {
    let mut media = Vec::new();
    for attached in body.media {
        let bytes = attached
            .base64
            .map(|text| STANDARD.decode(text))
            .transpose();
        let bytes = bytes.map_err(|_| TwinError::Malformed("a picture is no base64"))?;
        media.push(TwinMedia {
            content_type: attached.content_type,
            bytes,
        });
    }
    let text = twin.text(&body.from, &body.to, &body.text, &media)?;
    Ok(Json(json!({ "text": text })))
}

#[derive(Deserialize)]
struct CallBody {
    from: String,
    to: String,
}

async fn call(State(twin): State<Twin>, Json(body): Json<CallBody>) -> Answer {
    let call = twin.call(&body.from, &body.to)?;
    Ok(Json(json!({ "call": call })))
}

#[derive(Deserialize)]
struct Keys {
    digits: String,
}

async fn press(
    State(twin): State<Twin>,
    Path(call): Path<String>,
    Json(keys): Json<Keys>,
) -> Answer {
    done(twin.press(&call, &keys.digits))
}

async fn hang_up(State(twin): State<Twin>, Path(call): Path<String>) -> Answer {
    done(twin.hang_up(&call))
}

#[derive(Deserialize)]
struct VoicemailBody {
    seconds: u32,
    #[serde(default)]
    says: String,
}

async fn voicemail(
    State(twin): State<Twin>,
    Path(call): Path<String>,
    Json(body): Json<VoicemailBody>,
) -> Answer {
    done(twin.voicemail(&call, body.seconds, &body.says))
}

async fn press_on(
    State(twin): State<Twin>,
    Path(phone): Path<String>,
    Json(keys): Json<Keys>,
) -> Answer {
    done(twin.press_on(&phone, &keys.digits))
}

#[derive(Deserialize)]
struct Reachable {
    reachable: bool,
}

async fn reachable(
    State(twin): State<Twin>,
    Path(phone): Path<String>,
    Json(body): Json<Reachable>,
) -> Answer {
    done(twin.set_reachable(&phone, body.reachable))
}

async fn use_phone(
    State(twin): State<Twin>,
    Path((phone, action)): Path<(String, String)>,
) -> Answer {
    let action = match action.as_str() {
        "answer" => PhoneAction::Answer,
        "machine" => PhoneAction::Machine,
        "decline" => PhoneAction::Decline,
        "busy" => PhoneAction::Busy,
        "hangup" => PhoneAction::HangUp,
        _ => {
            return Err(TwinError::Malformed(
                "a phone can answer, have its machine answer, decline, be busy, hangup or press",
            ));
        }
    };
    done(twin.phone(&phone, action))
}

async fn faults(State(twin): State<Twin>) -> Json<Faults> {
    Json(twin.faults())
}

async fn set_faults(State(twin): State<Twin>, Json(faults): Json<Faults>) -> Json<Faults> {
    twin.set_faults(faults);
    Json(twin.faults())
}
