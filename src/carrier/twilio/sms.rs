//! Texts: webhook → MO or DLR, order → request, reply → outcome.

use bytes::Bytes;
use http::{Method, Request, Response};
use serde::Deserialize;

use super::failure;
use super::fields::Fields;
use super::party::party;
use super::request::{api, form};
use super::settings::Settings;
use crate::carrier::Malformed;
use crate::model::consent::ComplianceClass;
use crate::model::{
    Connection, Dlr, Hook, Inbound, MediaRef, MessageId, MessageStatus, Mo, Order, Outcome, Party,
    SendFailure, Timestamp,
};

/// Files of one text; Twilio sends ten at most.
const MEDIA_MAX: usize = 10;
/// Texts looked through for a lost one.
const FOUND_MAX: usize = 100;
/// The carrier dates texts in whole seconds, by its own clock.
const CLOCK_SKEW_S: u64 = 5;

/// A text from a phone.
pub(super) fn message(fields: &Fields<'_>) -> Result<Inbound, Malformed> {
    Ok(Inbound::Message(Mo {
        carrier_id: text_id(fields)?.to_owned(),
        from: party(fields.get("From").ok_or(Malformed::FieldMissing("From"))?),
        to: fields.need("To")?.to_owned(),
        text: fields.get("Body").unwrap_or_default().to_owned(),
        media: media(fields),
        carrier_answered: fields.filled("OptOutType").is_some(),
        carrier_said: fields.filled("OptOutType").and_then(opt_out_type),
    }))
}

/// What the carrier's own table of words says. The words may be any, so that ours need not know them.
fn opt_out_type(word: &str) -> Option<ComplianceClass> {
    match word {
        "STOP" => Some(ComplianceClass::Stop),
        "START" => Some(ComplianceClass::Start),
        "HELP" => Some(ComplianceClass::Help),
        _ => None,
    }
}

/// The id; the older names are all that some dialects or old applications send.
fn text_id<'a>(fields: &'a Fields<'_>) -> Result<&'a str, Malformed> {
    let names = ["MessageSid", "SmsSid", "SmsMessageSid"];
    let found = names.into_iter().find_map(|name| fields.filled(name));
    found.ok_or(Malformed::FieldMissing("MessageSid"))
}

fn media(fields: &Fields<'_>) -> Vec<MediaRef> {
    let count = fields.get("NumMedia").and_then(|count| count.parse().ok());
    let count = count.unwrap_or(0).min(MEDIA_MAX);
    let file = |at: usize| {
        let kind = fields.filled(&format!("MediaContentType{at}"));
        Some(MediaRef {
            url: fields.filled(&format!("MediaUrl{at}"))?.to_owned(),
            content_type: kind.unwrap_or("application/octet-stream").to_owned(),
        })
    };
    (0..count).filter_map(file).collect()
}

/// A receipt. One without our id (a text sent from elsewhere, or before we kept ids) is matched by the
/// carrier's.
pub(super) fn receipt(fields: &Fields<'_>, k: Option<&str>) -> Result<Inbound, Malformed> {
    let message = k.map(str::parse::<MessageId>).transpose();
    let word = fields.filled("MessageStatus");
    let word = word.or_else(|| fields.filled("SmsStatus"));
    let word = word.ok_or(Malformed::FieldMissing("MessageStatus"))?;
    let error = fields.filled("ErrorCode").filter(|code| *code != "0");
    Ok(Inbound::Receipt(Dlr {
        message: message.map_err(|_| Malformed::KeyInvalid)?,
        carrier_id: text_id(fields)?.to_owned(),
        status: status(word).ok_or(Malformed::FieldInvalid("MessageStatus"))?,
        error: error.map(str::to_owned),
    }))
}

/// The carrier's word for how far a text has come.
fn status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "accepted" | "scheduled" | "queued" | "initiated" | "sending" => MessageStatus::Accepted,
        // Some of its parts arrived; the rest may still.
        "sent" | "partially_delivered" => MessageStatus::Sent,
        "delivered" | "read" => MessageStatus::Delivered,
        "undelivered" => MessageStatus::Undelivered,
        "failed" | "canceled" => MessageStatus::Failed,
        _ => return None,
    })
}

/// The request that sends a text; its receipts come back with our id.
pub(super) fn send(
    at: &Connection,
    settings: &Settings<'_>,
    message: MessageId,
    (from, to, text): (&str, &Party, &str),
) -> Request<Bytes> {
    let to = to.to_string();
    let callback = super::callback(at, settings, Hook::Status, &message.to_string(), "");
    let fields = [
        ("To", to.as_str()),
        ("From", from),
        ("Body", text),
        ("StatusCallback", &callback),
    ];
    form(settings, "/Messages.json", &fields)
}

/// The request for the latest texts from `from` to `to`. They are not narrowed by date: a text that still
/// waits at the carrier has no date of sending yet.
pub(super) fn find(settings: &Settings<'_>, from: &str, to: &Party) -> Request<Bytes> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("To", &to.to_string())
        .append_pair("From", from)
        .append_pair("PageSize", &FOUND_MAX.to_string())
        .finish();
    api(
        settings,
        Method::GET,
        &format!("/Messages.json?{query}"),
        Bytes::new(),
    )
}

/// One text as the API shows it.
#[derive(Deserialize)]
struct Text {
    sid: String,
    status: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
}

/// The reply to a text that was sent: taken, or why not.
pub(super) fn sent(order: &Order, reply: &Response<Bytes>) -> Result<Outcome, SendFailure> {
    failure::check(order, reply)?;
    // A success that cannot be read is a text that may have left.
    let text: Text =
        serde_json::from_slice(reply.body()).map_err(|_| failure::unreadable(order))?;
    match status(&text.status) {
        None if text.sid.is_empty() => Err(failure::unreadable(order)),
        status => Ok(Outcome::TextAccepted {
            carrier_id: text.sid,
            status: status.unwrap_or(MessageStatus::Accepted),
        }),
    }
}

/// The reply to a search: the texts with these words that are not older than the attempt, the earliest first.
pub(super) fn found(
    order: &Order,
    (words, since): (&str, Timestamp),
    reply: &Response<Bytes>,
) -> Result<Outcome, SendFailure> {
    #[derive(Deserialize)]
    struct Page {
        messages: Vec<Text>,
    }
    failure::check(order, reply)?;
    let page: Page =
        serde_json::from_slice(reply.body()).map_err(|_| failure::unreadable(order))?;
    let earliest = since - std::time::Duration::from_secs(CLOCK_SKEW_S);
    let fits = |text: &Text| {
        let made = text.date_created.as_deref().and_then(rfc_2822);
        let ours = text.direction.as_deref() != Some("inbound");
        let ours = ours && text.body.as_deref() == Some(words);
        (ours && made.is_none_or(|made| made >= earliest)).then_some(made)
    };
    let texts = page.messages.into_iter().take(FOUND_MAX);
    let fitting = texts.filter_map(|text| Some((fits(&text)?, text)));
    let mut fitting: Vec<_> = fitting.collect();
    fitting.sort_by_key(|(made, _)| *made);
    let found = fitting.into_iter().map(|(_, text)| {
        let status = status(&text.status).unwrap_or(MessageStatus::Accepted);
        (text.sid, status)
    });
    Ok(Outcome::TextsFound(found.collect()))
}

fn rfc_2822(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_jiff(zoned.timestamp()))
}
