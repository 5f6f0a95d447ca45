//! Twilio, and the carriers that speak its language: SignalWire and Somleng are a `dialect` each.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode, Uri};

use super::{Carrier, Malformed, Refusal, Rejected, SettingFault, Voice};
use crate::model::{
    CallScript, Capabilities, Connection, Hook, Inbound, Order, Outcome, SendFailure, Timestamp,
};
use fields::Fields;
use settings::Settings;

mod failure;
mod fields;
mod party;
mod request;
mod settings;
mod sms;
mod twiml;
mod verify;
mod voice;

/// The adapter.
pub(crate) struct Twilio;

impl Carrier for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn settings(&self, at: &Connection) -> Result<(), Vec<SettingFault>> {
        settings::check(at)
    }

    fn verify(
        &self,
        at: &Connection,
        _hook: Hook,
        request: &Request<Bytes>,
        _now: Timestamp,
    ) -> Result<(), Rejected> {
        let fields = Fields::of(request).unwrap_or_default();
        verify::verify(&Settings::of(at), request, &fields)
    }

    fn parse(
        &self,
        _at: &Connection,
        hook: Hook,
        request: &Request<Bytes>,
    ) -> Result<Vec<Inbound>, Malformed> {
        meaning(hook, request.uri(), &Fields::of(request)?)
    }

    fn receive(
        &self,
        at: &Connection,
        hook: Hook,
        request: &Request<Bytes>,
        _now: Timestamp,
    ) -> Result<Vec<Inbound>, Refusal> {
        let (fields, none) = (Fields::of(request), Fields::default());
        let signed = fields.as_ref().unwrap_or(&none);
        verify::verify(&Settings::of(at), request, signed)?;
        Ok(meaning(hook, request.uri(), &fields?)?)
    }

    fn acknowledge(&self, at: &Connection, hook: Hook) -> Response<Bytes> {
        match hook {
            Hook::Sms => document(twiml::EMPTY),
            Hook::Call => document(twiml::REJECT),
            Hook::Dial | Hook::Gather | Hook::Screen => document(twiml::HANGUP),
            Hook::Hold => self.hold(at),
            Hook::Status | Hook::CallStatus | Hook::Leg | Hook::Recording | Hook::Transcript => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
        }
    }

    fn request(&self, at: &Connection, order: &Order) -> Result<Request<Bytes>, SendFailure> {
        let settings = Settings::of(at);
        Ok(match order {
            Order::SendText {
                message,
                from,
                to,
                text,
            } => sms::send(at, &settings, *message, (from, to, text)),
            Order::FindText { from, to, .. } => sms::find(&settings, from, to),
            Order::FetchMedia { url } => request::media(&settings, url)?,
            _ => voice::request(at, &settings, order),
        })
    }

    fn outcome(
        &self,
        _at: &Connection,
        order: &Order,
        reply: &Response<Bytes>,
    ) -> Result<Outcome, SendFailure> {
        match order {
            Order::SendText { .. } => sms::sent(order, reply),
            Order::FindText { text, since, .. } => sms::found(order, (text, *since), reply),
            Order::FetchMedia { .. } => request::fetched(order, reply),
            _ => voice::outcome(order, reply),
        }
    }

    fn moved(&self, _at: &Connection, order: &Order, reply: &Response<Bytes>) -> Option<Order> {
        request::moved(order, reply)
    }

    fn voice(&self) -> Option<&dyn Voice> {
        Some(self)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            voice: true,
            dial_legs_max: twiml::LEGS_MAX,
            calls_per_second: 1,
            text_chars_max: 1600,
            say_chars_max: twiml::SAY_CHARS_MAX,
            ring_s_max: twiml::RING_S_MAX,
            record_s_max: twiml::RECORD_S_MAX,
            shows_caller: true,
            detects_machines: true,
            transcribes: true,
            finds_texts: true,
        }
    }
}

impl Voice for Twilio {
    fn answer(&self, at: &Connection, script: &CallScript) -> Response<Bytes> {
        document(twiml::render(at, script))
    }

    fn hold(&self, at: &Connection) -> Response<Bytes> {
        document(twiml::hold(at))
    }
}

/// What these fields say at this hook.
fn meaning(hook: Hook, url: &Uri, fields: &Fields<'_>) -> Result<Vec<Inbound>, Malformed> {
    let query = Fields::of_query(url);
    match hook {
        Hook::Sms => sms::message(fields).map(|text| vec![text]),
        Hook::Status => sms::receipt(fields, query.filled("k")).map(|dlr| vec![dlr]),
        _ => voice::event(hook, fields, &query)
            .map(|event| event.map(Inbound::Call).into_iter().collect()),
    }
}

/// Where the carrier reports: our URL for the hook with our id, and what makes it ask again on failure.
/// Twilio reads that from the fragment, which it never sends.
fn callback(at: &Connection, settings: &Settings<'_>, hook: Hook, k: &str, more: &str) -> String {
    let mut url = at.hook_url(hook, Some(k));
    url.push_str(more);
    if !settings.retry().is_empty() {
        url.push('#');
        url.push_str(settings.retry());
    }
    url
}

fn document(xml: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(xml.into());
    let kind = HeaderValue::from_static("text/xml; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
