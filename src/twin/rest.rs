//! The carrier's REST API as far as the daemon uses it: texts, calls, recordings, media.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::calls::Placed;
use super::fault::{DELAY_MS_MAX, Refusal};
use super::fields::{rfc2822, segments};
use super::leg::Command;
use super::run::Source;
use super::shared::Shared;
use super::sign::{Form, decoded};
use super::text::{BODY_CHARS_MAX, MEDIA_MAX, Outgoing};
use super::transcript::LineKind;
use super::twiml::{Callback, Target};
use super::world::{Direction, Leg, LegStatus, ReceivedRequest, Recording, Text};
use super::{audio, list};
use crate::model::Party;

/// Bytes of one request, at most.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Seconds that a placed leg rings when the daemon says nothing.
const RING_S_DEFAULT: u32 = 60;
const RING_S_MAX: u32 = 600;

/// Marks an answer that is never to arrive; only the twin's own server can keep that promise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost;

/// A refusal in the carrier's words: HTTP status, code, message.
pub(super) struct Refused(u16, u32, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let body = json!({
            "code": code,
            "message": message,
            "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
            "status": status,
        });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, axum::Json(body)).into_response();
        let plain = http::HeaderValue::from_static("Basic realm=\"Twilio API\"");
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, plain);
        }
        response
    }
}

const NOT_FOUND: Refused = Refused(404, 20_404, "The requested resource was not found");

/// One request, taken apart.
pub(super) struct Asked {
    method: Method,
    path: Vec<String>,
    /// The fields of the form, or of the query where there is no form.
    pub(super) form: Form,
}

impl Asked {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.form.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn is_get(&self, name: &str) -> bool {
        self.get(name) == Some("GET")
    }

    fn url(&self, name: &str) -> Result<Option<Url>, Refused> {
        let invalid = |_| Refused(400, 21_205, "Url is not a valid URL");
        self.get(name)
            .map(|text| Url::parse(text).map_err(invalid))
            .transpose()
    }
}

/// Everything below `/2010-04-01/`.
pub(super) async fn rest(State(twin): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Refused(413, 20_413, "The request is too large").into_response();
    };
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let asked = Asked {
        path: parts
            .uri
            .path()
            .split('/')
            .skip(2)
            .map(str::to_owned)
            .collect(),
        form: decoded(if body.is_empty() { query } else { &body }),
        method: parts.method,
    };
    let position = twin.world().note_request(ReceivedRequest {
        at: twin.now(),
        method: asked.method.to_string(),
        path: parts.uri.path().to_owned(),
        form: asked.form.clone(),
        status: 0,
    });
    let response = match twin.admit(&parts.headers, &asked) {
        Ok(()) => twin.answer_rest(&asked).await,
        Err(refused) => Err(refused),
    };
    let response = response.unwrap_or_else(IntoResponse::into_response);
    if response.extensions().get::<Lost>().is_none() {
        twin.world()
            .note_status(position, response.status().as_u16());
    }
    response
}

/// Takes one off what is left; whether there was one.
fn take_one(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

/// No answer at all: the connection is closed instead.
fn lost() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Lost);
    response
}

impl Shared {
    /// Whether the caller knows the account's secret, and asks for that account.
    fn admit(&self, headers: &HeaderMap, asked: &Asked) -> Result<(), Refused> {
        let settings = &self.settings;
        let wanted = STANDARD.encode(format!("{}:{}", settings.account_sid, settings.auth_token));
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let given = given
            .and_then(|value| value.strip_prefix("Basic "))
            .unwrap_or_default();
        let (given, wanted) = (given.as_bytes(), wanted.as_bytes());
        if aws_lc_rs::constant_time::verify_slices_are_equal(given, wanted).is_err() {
            return Err(Refused(401, 20_003, "Authenticate"));
        }
        match asked.path.as_slice() {
            [accounts, account, ..]
                if accounts == "Accounts" && *account == settings.account_sid =>
            {
                Ok(())
            }
            _ => Err(NOT_FOUND),
        }
    }

    async fn answer_rest(self: &Arc<Self>, asked: &Asked) -> Result<Response, Refused> {
        let path: Vec<&str> = asked.path.iter().skip(2).map(String::as_str).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["Messages.json"]) => self.send(asked).await,
            ("GET", ["Messages.json"]) => list::texts(self, asked),
            ("GET", ["Messages", text]) => self.one_text(text),
            ("GET", ["Messages", text, "Media", media]) => self.media(text, media),
            ("POST", ["Calls.json"]) => self.place_leg(asked),
            ("POST", ["Calls", call]) => self.change_leg(call, asked),
            ("GET", ["Calls", call]) => self.one_leg(call),
            ("GET", ["Recordings", file]) => self.recording(file),
            ("DELETE", ["Recordings", file]) => self.delete_recording(file),
            _ => Err(NOT_FOUND),
        }
    }

    async fn send(self: &Arc<Self>, asked: &Asked) -> Result<Response, Refused> {
        let refusal = self.world().faults.answer_next_send_with.take();
        if let Some(refusal) = refusal {
            return Err(on_purpose(refusal));
        }
        let outgoing = self.checked_send(asked)?;
        let callback = outgoing.callback.clone();
        let text = self.accept(outgoing);
        let (lose, delay, early) = self.faults_of_send();
        if early {
            self.receipts(&text, callback).await;
        } else {
            self.send_receipts(&text, callback);
        }
        tokio::time::sleep(delay).await;
        if lose {
            self.line(
                LineKind::Fault,
                None,
                Some(&text.to),
                "the answer to a send is lost on purpose",
            );
            return Ok(lost());
        }
        Ok((StatusCode::CREATED, axum::Json(self.text_json(&text))).into_response())
    }

    fn faults_of_send(&self) -> (bool, Duration, bool) {
        let mut world = self.world();
        let faults = &mut world.faults;
        let lose = take_one(&mut faults.lose_answer_of_next_send);
        let delay = Duration::from_millis(faults.delay_ms.min(DELAY_MS_MAX));
        (
            lose,
            delay,
            faults.receipts == super::fault::Receipts::Early,
        )
    }

    fn checked_send(&self, asked: &Asked) -> Result<Outgoing, Refused> {
        let to = asked
            .get("To")
            .ok_or(Refused(400, 21_604, "A 'To' phone number is required."))?;
        let from =
            asked
                .get("From")
                .ok_or(Refused(400, 21_603, "A 'From' phone number is required."))?;
        let body = asked.get("Body").unwrap_or_default();
        let media = asked.all("MediaUrl").count();
        let refused = |code, message| Err(Refused(400, code, message));
        if !Party::read(to).can_receive() {
            return refused(21_211, "Invalid 'To' Phone Number");
        }
        if !self.is_ours(from) {
            return refused(
                21_606,
                "The 'From' phone number is not a valid, SMS-capable number of this account.",
            );
        }
        if body.is_empty() && media == 0 {
            return refused(21_602, "Message body is required.");
        }
        if body.chars().count() > BODY_CHARS_MAX {
            return refused(
                21_617,
                "The concatenated message body exceeds the 1600 character limit.",
            );
        }
        if media > MEDIA_MAX {
            return refused(21_623, "Number of media files exceeds allowed limit");
        }
        if self.world().is_out(to, from) {
            return refused(21_610, "Attempt to send to unsubscribed recipient");
        }
        let callback = asked.url("StatusCallback")?;
        let (from, to, body) = (from.to_owned(), to.to_owned(), body.to_owned());
        Ok(Outgoing {
            from,
            to,
            body,
            media,
            callback,
        })
    }

    fn one_text(&self, file: &str) -> Result<Response, Refused> {
        let sid = file.strip_suffix(".json").ok_or(NOT_FOUND)?;
        let text = self.world().text_mut(sid).cloned().ok_or(NOT_FOUND)?;
        Ok(axum::Json(self.text_json(&text)).into_response())
    }

    /// A text as the API shows it.
    pub(super) fn text_json(&self, text: &Text) -> Value {
        let (account, sid) = (&self.settings.account_sid, &text.sid);
        let uri = format!("/2010-04-01/Accounts/{account}/Messages/{sid}");
        let sent = (!matches!(text.status.as_str(), "queued")).then(|| rfc2822(text.at));
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": text.body,
            "date_created": rfc2822(text.at),
            "date_sent": sent,
            "date_updated": rfc2822(text.at),
            "direction": if text.inbound { "inbound" } else { "outbound-api" },
            "error_code": text.error,
            "error_message": null,
            "from": text.from,
            "messaging_service_sid": null,
            "num_media": text.media.len().to_string(),
            "num_segments": segments(&text.body).to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": sid,
            "status": text.status,
            "subresource_uris": { "media": format!("{uri}/Media.json") },
            "to": text.to,
            "uri": format!("{uri}.json"),
        })
    }

    /// Media are asked for with credentials; the answer points at storage that needs none, for a while.
    fn media(&self, text: &str, media: &str) -> Result<Response, Refused> {
        let mut world = self.world();
        let text = world.text_mut(text).ok_or(NOT_FOUND)?;
        let found = text
            .media
            .iter()
            .find(|kept| kept.sid == media)
            .cloned()
            .ok_or(NOT_FOUND)?;
        let token = world.sid("");
        world.add_storage(token.clone(), found);
        drop(world);
        let base = self.settings.own_base.as_str().trim_end_matches('/');
        let location = format!("{base}/storage/{token}");
        Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
    }

    fn place_leg(self: &Arc<Self>, asked: &Asked) -> Result<Response, Refused> {
        let refusal = self.world().faults.answer_next_call_with.take();
        if let Some(refusal) = refusal {
            return Err(on_purpose(refusal));
        }
        let placed = self.checked_call(asked)?;
        let many = Refused(429, 20_429, "Too many concurrent calls");
        let sid = self.place(placed).ok_or(many)?;
        let leg = self.world().leg(&sid).cloned().ok_or(NOT_FOUND)?;
        Ok(self.unless_lost(&leg, StatusCode::CREATED))
    }

    /// What became of an order about a leg, unless a test wants that nobody learns it.
    fn unless_lost(&self, leg: &Leg, status: StatusCode) -> Response {
        if take_one(&mut self.world().faults.lose_answer_of_next_call) {
            let text = "the answer to an order about a leg is lost on purpose";
            self.line(LineKind::Fault, None, Some(&leg.to), text);
            return lost();
        }
        (status, axum::Json(self.leg_json(leg))).into_response()
    }

    fn checked_call(&self, asked: &Asked) -> Result<Placed, Refused> {
        let to = asked
            .get("To")
            .ok_or(Refused(400, 21_201, "No 'To' number is specified"))?;
        let from =
            asked
                .get("From")
                .ok_or(Refused(400, 21_213, "'From' phone number is required"))?;
        if Party::read(to).phone().is_none() {
            return Err(Refused(400, 21_211, "Invalid 'To' Phone Number"));
        }
        if !self.may_present(from, asked.get("CallToken")) {
            return Err(Refused(400, 21_210, "'From' phone number not verified"));
        }
        let timeout = asked.get("Timeout").map_or(Ok(RING_S_DEFAULT), str::parse);
        let timeout = timeout.map_err(|_| Refused(400, 21_402, "Invalid Timeout value"))?;
        let source = source(asked)?.ok_or(Refused(400, 21_205, "Url parameter is required."))?;
        Ok(Placed {
            from: from.to_owned(),
            to: to.to_owned(),
            source,
            callback: callback(asked)?,
            timeout_s: f64::from(timeout.min(RING_S_MAX)),
            detects: match asked.get("MachineDetection") {
                None => false,
                Some("Enable" | "DetectMessageEnd") => true,
                Some(_) => return Err(Refused(400, 21_245, "Invalid MachineDetection value")),
            },
        })
    }

    /// One of our numbers, or the number of a caller whose call's token is given.
    fn may_present(&self, from: &str, token: Option<&str>) -> bool {
        let world = self.world();
        let mut legs = world
            .legs
            .values()
            .filter(|leg| leg.direction == Direction::Inbound);
        let callers = |leg: &Leg| leg.from == from && leg.token.as_deref() == token;
        self.is_ours(from) || (token.is_some() && legs.any(callers))
    }

    fn change_leg(&self, file: &str, asked: &Asked) -> Result<Response, Refused> {
        let sid = file.strip_suffix(".json").ok_or(NOT_FOUND)?;
        let leg = self.world().leg(sid).cloned().ok_or(NOT_FOUND)?;
        let over = Refused(400, 21_220, "Call is not in-progress. Cannot redirect.");
        if leg.ended.is_some() {
            return Err(over);
        }
        let unanswered = leg.answered.is_none() && leg.direction != Direction::Inbound;
        let command = match (asked.get("Status"), source(asked)?) {
            (Some("canceled"), _) if unanswered => Command::End(LegStatus::Canceled),
            (Some("canceled"), _) => return Ok(axum::Json(self.leg_json(&leg)).into_response()),
            (Some("completed"), _) if unanswered => Command::End(LegStatus::Canceled),
            (Some("completed"), _) => Command::End(LegStatus::Completed),
            (Some(_), _) => return Err(Refused(400, 21_218, "Invalid Status value")),
            (None, Some(_)) if unanswered => return Err(over),
            (None, Some(source)) => Command::Redirect(source),
            (None, None) => return Err(Refused(400, 21_205, "Url parameter is required.")),
        };
        if !leg.tell(command) {
            return Err(Refused(429, 20_429, "Too many requests for this call"));
        }
        Ok(self.unless_lost(&leg, StatusCode::OK))
    }

    fn one_leg(&self, file: &str) -> Result<Response, Refused> {
        let sid = file.strip_suffix(".json").ok_or(NOT_FOUND)?;
        let leg = self.world().leg(sid).cloned().ok_or(NOT_FOUND)?;
        Ok(axum::Json(self.leg_json(&leg)).into_response())
    }

    fn leg_json(&self, leg: &Leg) -> Value {
        let (account, sid) = (&self.settings.account_sid, &leg.sid);
        let talked = leg.answered.zip(leg.ended);
        let seconds = talked.map(|(from, to)| self.seconds_between(from, to).to_string());
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "date_created": rfc2822(leg.created),
            "direction": leg.direction.word(),
            "duration": seconds,
            "end_time": leg.ended.map(rfc2822),
            "from": leg.from,
            "parent_call_sid": leg.parent,
            "sid": sid,
            "start_time": leg.answered.map(rfc2822),
            "status": leg.status.word(),
            "to": leg.to,
            "uri": format!("/2010-04-01/Accounts/{account}/Calls/{sid}.json"),
        })
    }

    fn recording(&self, file: &str) -> Result<Response, Refused> {
        let (sid, kind) = file.rsplit_once('.').unwrap_or((file, "wav"));
        let recording = self.ready_recording(sid)?;
        let (content_type, bytes) = match kind {
            "wav" => ("audio/x-wav", audio::wav(recording.seconds)),
            "mp3" => ("audio/mpeg", audio::mp3(recording.seconds)),
            _ => return Err(NOT_FOUND),
        };
        Ok(([(header::CONTENT_TYPE, content_type)], Body::from(bytes)).into_response())
    }

    fn ready_recording(&self, sid: &str) -> Result<Recording, Refused> {
        let world = self.world();
        let found = world
            .recordings
            .iter()
            .find(|kept| kept.sid == sid && kept.ready);
        found.cloned().ok_or(NOT_FOUND)
    }

    fn delete_recording(&self, file: &str) -> Result<Response, Refused> {
        let sid = file.strip_suffix(".json").unwrap_or(file);
        self.ready_recording(sid)?;
        self.world().recordings.retain(|kept| kept.sid != sid);
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// Short-lived storage: whoever has the address has the file.
pub(super) async fn storage(
    State(twin): State<Arc<Shared>>,
    axum::extract::Path(token): axum::extract::Path<String>,
) -> Response {
    let world = twin.world();
    let found = world.storage.iter().find(|(kept, _)| *kept == token);
    match found {
        Some((_, media)) => {
            let kind = [(header::CONTENT_TYPE, media.content_type.clone())];
            (kind, media.bytes.clone()).into_response()
        }
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

fn on_purpose(refusal: Refusal) -> Refused {
    Refused(
        refusal.status.clamp(400, 599),
        refusal.code,
        "Refused on purpose",
    )
}

fn source(asked: &Asked) -> Result<Option<Source>, Refused> {
    if let Some(document) = asked.get("Twiml") {
        return Ok(Some(Source::Given(document.to_owned())));
    }
    let (url, get) = (asked.url("Url")?, asked.is_get("Method"));
    Ok(url.map(|url| Source::Ask {
        url,
        get,
        more: Vec::new(),
    }))
}

fn callback(asked: &Asked) -> Result<Option<(Url, Callback)>, Refused> {
    let Some(url) = asked.url("StatusCallback")? else {
        return Ok(None);
    };
    let mut events: Vec<String> = Vec::new();
    for words in asked.all("StatusCallbackEvent") {
        events.extend(words.split_whitespace().map(str::to_owned));
    }
    if events.is_empty() {
        events.push("completed".to_owned());
    }
    let target = Target {
        url: String::new(),
        get: asked.is_get("StatusCallbackMethod"),
    };
    Ok(Some((url, Callback { target, events })))
}
