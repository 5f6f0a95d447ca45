//! The fields of webhooks, set by set as the carrier sends them.

use super::sign::Form;
use super::world::{Direction, Leg, LegStatus, Text};
use crate::model::Timestamp;

/// A caller who hides the number appears as this one (the letters of ANONYMOUS).
pub(super) const WITHHELD: &str = "+266696687";

const API_VERSION: &str = "2010-04-01";
/// Where everybody is, as far as the carrier can tell.
const PLACE: [(&str, &str); 4] = [
    ("City", "WASHINGTON"),
    ("State", "DC"),
    ("Zip", "20001"),
    ("Country", "US"),
];

/// An instant as webhooks and answers write it.
pub(super) fn rfc2822(at: Timestamp) -> String {
    at.to_jiff()
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

/// A form of these pairs.
pub(super) fn form<const N: usize>(pairs: [(&str, &str); N]) -> Form {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn add(form: &mut Form, name: impl Into<String>, value: impl Into<String>) {
    form.push((name.into(), value.into()));
}

/// What every webhook of a leg carries.
pub(super) fn call_fields(account: &str, leg: &Leg) -> Form {
    let from = if leg.from == "withheld" {
        WITHHELD
    } else {
        &leg.from
    };
    let mut fields = form([
        ("CallSid", &leg.sid),
        ("AccountSid", account),
        ("From", from),
        ("Caller", from),
        ("To", &leg.to),
        ("Called", &leg.to),
        ("CallStatus", leg.status.word()),
        ("Direction", leg.direction.word()),
        ("ApiVersion", API_VERSION),
    ]);
    for party in ["From", "Caller", "To", "Called"] {
        for (part, value) in PLACE {
            add(&mut fields, format!("{party}{part}"), value);
        }
    }
    if let Some(parent) = &leg.parent {
        add(&mut fields, "ParentCallSid", parent);
    }
    if let Some(token) = leg
        .token
        .as_ref()
        .filter(|_| leg.status == LegStatus::Ringing)
    {
        add(&mut fields, "StirVerstat", "TN-Validation-Passed-A");
        add(&mut fields, "CallToken", token);
    }
    debug_assert!(leg.direction != Direction::Dial || leg.parent.is_some());
    fields
}

/// The webhook of a text that a person sent.
pub(super) fn text_fields(account: &str, api: &str, text: &Text, opt_out: Option<&str>) -> Form {
    let mut fields = form([
        ("MessageSid", &text.sid),
        ("SmsSid", &text.sid),
        ("SmsMessageSid", &text.sid),
        ("AccountSid", account),
        ("From", &text.from),
        ("To", &text.to),
        ("Body", &text.body),
        ("NumMedia", &text.media.len().to_string()),
        ("NumSegments", &segments(&text.body).to_string()),
        ("SmsStatus", "received"),
        ("ApiVersion", API_VERSION),
    ]);
    for party in ["From", "To"] {
        for (part, value) in PLACE {
            add(&mut fields, format!("{party}{part}"), value);
        }
    }
    for (at, media) in text.media.iter().enumerate() {
        let url = format!("{api}/Messages/{}/Media/{}", text.sid, media.sid);
        add(
            &mut fields,
            format!("MediaContentType{at}"),
            &media.content_type,
        );
        add(&mut fields, format!("MediaUrl{at}"), url);
    }
    if let Some(kind) = opt_out {
        add(&mut fields, "OptOutType", kind);
    }
    fields
}

/// A receipt.
pub(super) fn receipt_fields(account: &str, text: &Text, status: &str, error: Option<u32>) -> Form {
    let mut fields = form([
        ("SmsSid", &text.sid),
        ("SmsStatus", status),
        ("MessageStatus", status),
        ("To", &text.to),
        ("MessageSid", &text.sid),
        ("AccountSid", account),
        ("From", &text.from),
        ("ApiVersion", API_VERSION),
    ]);
    if let Some(code) = error {
        add(&mut fields, "ErrorCode", code.to_string());
    }
    if matches!(status, "delivered" | "undelivered") {
        let done = text.at.to_jiff().strftime("%y%m%d%H%M").to_string();
        add(&mut fields, "RawDlrDoneDate", done);
    }
    fields
}

/// Parts a text is sent in: 160 or 153 characters each, 70 or 67 when it needs more than ASCII.
pub(super) fn segments(body: &str) -> usize {
    let (units, whole, part) = if body.is_ascii() {
        (body.len(), 160, 153)
    } else {
        (body.encode_utf16().count(), 70, 67)
    };
    if units <= whole {
        1
    } else {
        units.div_ceil(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn instants_and_segments() {
        let at = Timestamp::from_micros(1_790_000_047_000_000);
        assert_eq!(rfc2822(at), "Mon, 21 Sep 2026 14:14:07 +0000");
        for (body, wanted) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("ä".repeat(70), 1),
            ("ä".repeat(71), 2),
            (String::new(), 1),
        ] {
            assert_eq!(segments(&body), wanted);
        }
    }

    /// Every field of the recorded samples is sent, and nothing that they do not have.
    #[test]
    fn field_sets_are_those_of_the_samples() {
        let leg = super::super::tests::leg(Direction::Inbound, LegStatus::Ringing);
        let text = Text {
            sid: "SM1".to_owned(),
            inbound: true,
            from: "+12025550143".to_owned(),
            to: "+12025550188".to_owned(),
            body: "Hi".to_owned(),
            media: Vec::new(),
            status: "received".to_owned(),
            error: None,
            at: Timestamp::default(),
        };
        check(
            include_str!("cases/call-start.json"),
            call_fields("AC1", &leg),
        );
        check(
            include_str!("cases/sms.json"),
            text_fields("AC1", "", &text, None),
        );
        let delivered = receipt_fields("AC1", &text, "delivered", None);
        check(include_str!("cases/dlr-delivered.json"), delivered);
    }

    fn check(sample: &str, sent: Form) {
        let sample: Value = serde_json::from_str(sample).expect("JSON");
        let fields = sample["fields"].as_object().expect("fields");
        let mut wanted: Vec<&str> = fields.keys().map(String::as_str).collect();
        let mut got: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
        wanted.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, wanted);
    }
}
