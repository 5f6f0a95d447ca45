//! Calls: webhook → event, order → request, reply → outcome. What a caller hears is in `twiml`.

use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;

use super::fields::Fields;
use super::party::party;
use super::request::{escaped, form};
use super::settings::Settings;
use super::{callback, failure};
use crate::carrier::Malformed;
use crate::model::{
    CallEvent, CallEventKind, CallStatus, CallbackKey, Connection, DialStatus, Hook, LegId, Order,
    Outcome, Phone, SendFailure,
};

/// What a webhook about a call says; `None`: nothing that changes anything.
pub(super) fn event(
    hook: Hook,
    fields: &Fields<'_>,
    query: &Fields<'_>,
) -> Result<Option<CallEvent>, Malformed> {
    let key = query.filled("k").map(str::parse).transpose();
    let key = key.map_err(|_| Malformed::KeyInvalid)?;
    let Some(kind) = kind(hook, key, fields, query)? else {
        return Ok(None);
    };
    // The music of a room is asked for in the room's name; all else concerns a leg.
    let carrier_id = match hook {
        Hook::Hold => fields.get("CallSid").unwrap_or_default(),
        // The recording of a room names the room and none of its legs.
        Hook::Recording if key.is_some() => fields.get("CallSid").unwrap_or_default(),
        _ => fields.need("CallSid")?,
    };
    Ok(Some(CallEvent {
        key,
        carrier_id: carrier_id.to_owned(),
        kind,
    }))
}

fn kind(
    hook: Hook,
    key: Option<CallbackKey>,
    fields: &Fields<'_>,
    query: &Fields<'_>,
) -> Result<Option<CallEventKind>, Malformed> {
    use CallbackKey::{Call, Leg};
    Ok(Some(match (hook, key) {
        (Hook::Call, None) => started(fields)?,
        (Hook::Call, Some(Call(..))) => call(fields, query),
        (Hook::CallStatus, None | Some(Call(..))) => CallEventKind::Status {
            status: status(fields)?,
            duration_s: seconds(fields, "CallDuration"),
        },
        (Hook::Gather, Some(Call(..))) => gather(fields),
        (Hook::Dial, Some(_)) => dial(fields)?,
        (Hook::Screen, Some(Leg(_))) => screen(fields, query),
        (Hook::Leg, Some(Leg(_))) => CallEventKind::LegStatus {
            status: status(fields)?,
            sequence: fields.get("SequenceNumber").and_then(|at| at.parse().ok()),
        },
        (Hook::Hold, _) => CallEventKind::HoldAsked,
        (Hook::Recording, _) => return recording(fields, query),
        (Hook::Transcript, _) => return transcript(fields),
        (Hook::Sms | Hook::Status, _) => return Err(Malformed::HookUnsupported),
        (_, None) => return Err(Malformed::KeyMissing),
        (_, Some(_)) => return Err(Malformed::KeyInvalid),
    }))
}

fn started(fields: &Fields<'_>) -> Result<CallEventKind, Malformed> {
    Ok(CallEventKind::Started {
        from: party(fields.get("From").ok_or(Malformed::FieldMissing("From"))?),
        to: fields.need("To")?.to_owned(),
        token: fields.filled("CallToken").map(str::to_owned),
    })
}

/// A known call asks again: after a recording, or because it was sent here. A recording of silence sends
/// no report of its own; the script goes on to an address that says so (`rec=none`).
fn call(fields: &Fields<'_>, query: &Fields<'_>) -> CallEventKind {
    let recording = fields.filled("RecordingSid");
    let url = fields.filled("RecordingUrl");
    let silent = query.get("rec") == Some("none");
    if recording.is_none() && url.is_none() && !silent {
        return match gone(fields) {
            Some(status) => CallEventKind::Status {
                status,
                duration_s: None,
            },
            None => CallEventKind::Resumed,
        };
    }
    CallEventKind::Recorded {
        duration_s: seconds(fields, "RecordingDuration").unwrap_or(0),
        recording: recording.map(str::to_owned),
        url: url.map(str::to_owned),
        caller_gone: gone(fields).is_some() || fields.get("Digits") == Some("hangup"),
    }
}

/// A hang-up at the prompt is no time-out: nobody is there for what follows one.
fn gather(fields: &Fields<'_>) -> CallEventKind {
    let digits = fields.filled("Digits");
    match (digits, gone(fields)) {
        (None, Some(status)) => CallEventKind::Status {
            status,
            duration_s: None,
        },
        _ => CallEventKind::Digits {
            digits: digits.unwrap_or_default().to_owned(),
        },
    }
}

fn dial(fields: &Fields<'_>) -> Result<CallEventKind, Malformed> {
    Ok(CallEventKind::DialEnded {
        status: match fields.need("DialCallStatus")? {
            "completed" | "answered" => DialStatus::Answered,
            "busy" => DialStatus::Busy,
            "no-answer" => DialStatus::NoAnswer,
            "failed" => DialStatus::Failed,
            "canceled" => DialStatus::Canceled,
            _ => return Err(Malformed::FieldInvalid("DialCallStatus")),
        },
        duration_s: seconds(fields, "DialCallDuration").unwrap_or(0),
        caller_gone: gone(fields).is_some(),
    })
}

fn screen(fields: &Fields<'_>, query: &Fields<'_>) -> CallEventKind {
    let timed_out = query.get("digits") == Some("none");
    let digits = fields.get("Digits");
    if let (None | Some(""), Some(status)) = (digits, gone(fields)) {
        let sequence = None;
        return CallEventKind::LegStatus { status, sequence };
    }
    let judged = fields.get("AnsweredBy").unwrap_or_default();
    CallEventKind::Screen {
        digits: digits.or(timed_out.then_some("")).map(str::to_owned),
        machine: judged.starts_with("machine") || judged == "fax",
        unsure: judged == "unknown",
    }
}

/// The address of a recorded talk says that it is none of a message (`of=talk`).
fn recording(fields: &Fields<'_>, query: &Fields<'_>) -> Result<Option<CallEventKind>, Malformed> {
    let url = match fields.need("RecordingStatus")? {
        "completed" => Some(fields.need("RecordingUrl")?.to_owned()),
        "absent" | "failed" => None,
        "in-progress" | "paused" | "stopped" | "processing" => return Ok(None),
        _ => return Err(Malformed::FieldInvalid("RecordingStatus")),
    };
    let recording = fields.need("RecordingSid")?.to_owned();
    let duration_s = seconds(fields, "RecordingDuration").unwrap_or(0);
    Ok(Some(match query.get("of") {
        Some("talk") => CallEventKind::TalkRecorded {
            recording,
            url,
            duration_s,
        },
        _ => CallEventKind::RecordingReady {
            recording,
            url,
            duration_s,
        },
    }))
}

fn transcript(fields: &Fields<'_>) -> Result<Option<CallEventKind>, Malformed> {
    let text = match fields.need("TranscriptionStatus")? {
        "completed" => fields.filled("TranscriptionText").map(str::to_owned),
        "failed" => None,
        "in-progress" => return Ok(None),
        _ => return Err(Malformed::FieldInvalid("TranscriptionStatus")),
    };
    Ok(Some(CallEventKind::Transcribed {
        recording: fields.need("RecordingSid")?.to_owned(),
        text,
    }))
}

fn status(fields: &Fields<'_>) -> Result<CallStatus, Malformed> {
    let word = fields.need("CallStatus")?;
    status_of(word).ok_or(Malformed::FieldInvalid("CallStatus"))
}

fn status_of(word: &str) -> Option<CallStatus> {
    Some(match word {
        "queued" | "initiated" => CallStatus::Queued,
        "ringing" => CallStatus::Ringing,
        "in-progress" | "answered" => CallStatus::InProgress,
        "completed" => CallStatus::Completed,
        "busy" => CallStatus::Busy,
        "no-answer" => CallStatus::NoAnswer,
        "canceled" => CallStatus::Canceled,
        "failed" => CallStatus::Failed,
        _ => return None,
    })
}

/// The state of the leg that asks, when it is over already.
fn gone(fields: &Fields<'_>) -> Option<CallStatus> {
    let status = fields.get("CallStatus").and_then(status_of);
    status.filter(|status| status.is_final())
}

/// Whole seconds; an absent recording says -1.
fn seconds(fields: &Fields<'_>, name: &str) -> Option<u32> {
    fields.get(name)?.parse().ok()
}

/// The request for an order about a call. Orders about texts and files never come here.
pub(super) fn request(at: &Connection, settings: &Settings<'_>, order: &Order) -> Request<Bytes> {
    let url = |hook, k: &dyn std::fmt::Display| callback(at, settings, hook, &k.to_string(), "");
    match order {
        Order::PlaceLeg {
            leg,
            from,
            to,
            ring_s,
            token,
            detects,
        } => {
            let (whom, how) = ((from.as_str(), *to, *ring_s), (token.as_deref(), *detects));
            place(settings, *leg, whom, how, &url)
        }
        Order::MoveCall {
            call,
            carrier_id,
            turn,
        } => {
            let url = url(Hook::Call, &CallbackKey::Call(*call, *turn));
            update(settings, carrier_id, &[("Url", &url), ("Method", "POST")])
        }
        Order::EndLeg { carrier_id, .. } => {
            update(settings, carrier_id, &[("Status", "completed")])
        }
        // A form without fields changes nothing; the carrier refuses it.
        _ => form(settings, "/Calls.json", &[]),
    }
}

/// How long the carrier may listen to who has picked up: in less time than a flow gives somebody to decide.
const DETECT_S: &str = "10";

fn place(
    settings: &Settings<'_>,
    leg: LegId,
    (from, to, ring_s): (&str, Phone, u32),
    (token, detects): (Option<&str>, bool),
    url: &dyn Fn(Hook, &dyn std::fmt::Display) -> String,
) -> Request<Bytes> {
    let to = to.to_string();
    let ring_s = ring_s.clamp(1, super::twiml::RING_S_MAX).to_string();
    let (screen, status) = (url(Hook::Screen, &leg), url(Hook::Leg, &leg));
    let mut fields = vec![
        ("To", to.as_str()),
        ("From", from),
        ("Url", &screen),
        ("Method", "POST"),
        ("Timeout", &ring_s),
        ("StatusCallback", &status),
        ("StatusCallbackMethod", "POST"),
    ];
    let events = ["initiated", "ringing", "answered", "completed"];
    fields.extend(events.map(|event| ("StatusCallbackEvent", event)));
    fields.extend(token.map(|token| ("CallToken", token)));
    if detects {
        // Until it knows, or the time is over, the carrier does not ask what the leg shall hear.
        fields.extend([
            ("MachineDetection", "Enable"),
            ("MachineDetectionTimeout", DETECT_S),
        ]);
    }
    form(settings, "/Calls.json", &fields)
}

fn update(settings: &Settings<'_>, carrier_id: &str, fields: &[(&str, &str)]) -> Request<Bytes> {
    let path = format!("/Calls/{}.json", escaped(carrier_id));
    form(settings, &path, fields)
}

/// The reply to an order about a call.
pub(super) fn outcome(order: &Order, reply: &Response<Bytes>) -> Result<Outcome, SendFailure> {
    #[derive(Deserialize)]
    struct Call {
        sid: String,
    }
    if matches!(order, Order::PlaceLeg { .. }) {
        failure::check(order, reply)?;
        let call: Call =
            serde_json::from_slice(reply.body()).map_err(|_| failure::unreadable(order))?;
        return Ok(Outcome::LegPlaced {
            carrier_id: call.sid,
        });
    }
    if !failure::is_over(reply) {
        failure::check(order, reply)?;
    }
    Ok(Outcome::Done)
}
